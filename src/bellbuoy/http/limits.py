"""How many requests, how fast, and to whom not at all: seats, hosts, platforms, holds.

    a visit:   [slow tenth] -> host -> platform -> seat -> its deadline begins

Whatever waits, waits before it takes a seat, so a busy host or platform delays nobody else.
A host is scheme + host + port.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

PLATFORM_RATE = 300.0
"""Requests per second to all hosts of one platform together.

Thousands of status pages are served by the same few fronts, which see one client. 5,000
pages at a poll a minute are 83 requests a second for as long as we run; the first look at
them asks three questions of each, which at this rate is over within a minute and adds less
than half to what such a front counts in five minutes, the period of their usual rules.
A host that says 429 is left alone for as long as it asks.
"""

PLATFORM_BURST = 10
"""Requests that a platform may be sent at once after a pause."""

MAX_HOLD = timedelta(hours=1)
"""The longest that a Retry-After is believed."""

MAX_KEPT = 256
"""Hosts with which connections are kept open between visits.

An idle TLS connection takes up to 80 KB (`tls.MAX_AT_ONCE`): all of them stay below 20 MB.
"""

KEEP_ALIVE = 75.0
"""Seconds that an idle connection is kept: a poll a minute fits in, where the server agrees."""


class Budget:
    """A token bucket whose waiters go in turn, those in the middle of a visit first."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled_at = asyncio.get_running_loop().time()
        self._begun: deque[asyncio.Future[None]] = deque()
        self._new: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, *, begun: bool = False) -> None:
        """Wait for a token. `begun` marks a later request of a visit that holds a seat."""
        self._fill()
        if self._timer is None and self._tokens >= 1:
            self._tokens -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        (self._begun if begun else self._new).append(waiter)
        self._schedule()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._tokens += 1
            raise

    def _fill(self) -> None:
        now = asyncio.get_running_loop().time()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now

    def _schedule(self) -> None:
        if self._timer is None and (self._begun or self._new):
            # A microsecond late rather than a rounding error early.
            delay = max(0.0, 1 - self._tokens) / self.rate + 1e-6
            self._timer = asyncio.get_running_loop().call_later(delay, self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._fill()
        for queue in (self._begun, self._new):
            while queue and self._tokens >= 1:
                waiter = queue.popleft()
                if not waiter.done():
                    self._tokens -= 1
                    waiter.set_result(None)
        self._schedule()


class Places:
    """A number of places, given in turn to those who wait."""

    __slots__ = ("free", "waiting")

    def __init__(self, count: int) -> None:
        self.free = count
        self.waiting: deque[asyncio.Future[None]] = deque()

    def take_now(self) -> bool:
        """Take a place if one is free and nobody waits for it."""
        if self.free <= 0 or self.waiting:
            return False
        self.free -= 1
        return True

    async def take(self) -> None:
        """Wait for a place."""
        if self.take_now():
            return
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back()
            elif turn in self.waiting:
                self.waiting.remove(turn)
            raise

    def give_back(self) -> None:
        """Give a place back: to the first who waits, if anybody does."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1


class Limits:
    """Seats for visits, places at hosts, tokens of platforms.

    `left` is called with a host when nobody asks it, or waits to, any more.
    """

    def __init__(
        self, seats: int, per_host: int, left: Callable[[str], None] = lambda _: None
    ) -> None:
        self.seats = Places(seats)
        self._left = left
        self.slow_seats = Places(max(1, seats // 10))
        self._per_host = per_host
        self._hosts: dict[str, Places] = {}
        self._budgets: dict[str, Budget] = {}
        self._workers = 1

    def divide(self, workers: int) -> None:
        """Take a platform's budget for divided by so many workers, of which this is one."""
        self._workers = workers
        for budget in self._budgets.values():
            budget.rate = PLATFORM_RATE / workers

    def at_host(self, host: str) -> Places:
        """The places at a host; call `forget_host` when one was given back."""
        places = self._hosts.get(host)
        if places is None:
            self._hosts[host] = places = Places(self._per_host)
        return places

    def forget_host(self, host: str) -> None:
        """Drop what is kept of a host that nobody asks any more."""
        places = self._hosts.get(host)
        if places is not None and places.free >= self._per_host and not places.waiting:
            del self._hosts[host]
            self._left(host)

    async def take_token(self, platform: str, *, begun: bool) -> None:
        """Wait until a platform may be asked; `begun` marks a later request of a visit."""
        budget = self._budgets.get(platform)
        if budget is None:
            self._budgets[platform] = budget = Budget(PLATFORM_RATE / self._workers, PLATFORM_BURST)
        await budget.take(begun=begun)


class Seat:
    """What one visit holds: its seat, and its place at the host that it is asking."""

    __slots__ = ("_held", "_limits", "host")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: list[Places] = []
        self.host = ""

    async def enter(self, host: str, platform: str | None, *, slow: bool) -> None:
        """Wait for everything that a visit needs. `slow` visits share a tenth of the seats."""
        limits = self._limits
        try:
            if slow:
                await limits.slow_seats.take()
                self._held.append(limits.slow_seats)
            await self.move(host)
            if platform is not None:
                await limits.take_token(platform, begun=False)
            if not limits.seats.take_now():
                await limits.seats.take()
            self._held.append(limits.seats)
        except BaseException:
            self.leave()
            raise

    async def move(self, host: str) -> None:
        """Wait for a place at a host, giving up the one that is held.

        One place at a time: whoever held one and waited for another could wait for ever.
        """
        self._give_up_place()
        places = self._limits.at_host(host)
        if not places.take_now():
            try:
                await places.take()
            except BaseException:
                self._limits.forget_host(host)
                raise
        self.host = host

    def leave(self) -> None:
        """Give everything back."""
        self._give_up_place()
        while self._held:
            self._held.pop().give_back()

    def _give_up_place(self) -> None:
        host = self.host
        if host:
            self.host = ""
            self._limits.at_host(host).give_back()
            self._limits.forget_host(host)


class Holds:
    """Hosts that asked us not to come back before an instant (`Retry-After`).

    By the wall clock, because a hold outlives the process; never longer than `MAX_HOLD`
    from now, so a clock that jumped back cannot make it last for ever.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._until: dict[str, datetime] = {}

    def hold(self, host: str, until: datetime) -> None:
        """Send nothing to a host before `until`; an earlier instant never shortens a hold."""
        known = self._until.get(host)
        if known is None or until > known:
            self._until[host] = until

    def until(self, host: str) -> datetime | None:
        """When the host may be asked again; None if it may be now."""
        if not self._until or (until := self._until.get(host)) is None:
            return None
        now = self._now()
        if until <= now:
            del self._until[host]
            return None
        return min(until, now + MAX_HOLD)

    def remaining(self, host: str) -> float | None:
        """The same, in seconds from now."""
        until = self.until(host)
        return None if until is None else (until - self._now()).total_seconds()


class Kept:
    """Which hosts may keep idle connections, so that their number is bounded.

    The first `MAX_KEPT` hosts that come keep theirs for as long as they are visited; the
    others close theirs. Dropping the longest unused instead would, with more hosts than
    places that are visited in turn, always drop the one that comes next.
    """

    def __init__(self) -> None:
        self._expires: dict[str, float] = {}

    def keeps(self, host: str, now: float) -> bool:
        """Whether a request to this host may leave its connection open. `now` is loop time."""
        expires = self._expires
        if host not in expires and len(expires) >= MAX_KEPT:
            # Ordered by time: an entry that is used moves to the end.
            oldest = next(iter(expires))
            if expires[oldest] > now:
                return False
            del expires[oldest]
        expires.pop(host, None)
        expires[host] = now + KEEP_ALIVE
        return True
