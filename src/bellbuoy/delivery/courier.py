"""One receiver's deliveries: tried, retried, settled after the answer, never before.

    store: due, first of its lane -> parcel -> pace -> notifier -> done | later | dead -> store

The store is the queue, so memory stays flat however long a receiver is away. Within a lane
(one incident of one page) the order of the log is kept; other lanes go on. Where more than
`GATHERED_ABOVE` messages wait for a receiver that takes digests, they become one. What was
answered is settled even if the store refuses for an hour: until then its lanes wait, and
nothing is sent again. Does not decide what is sent to whom (dispatcher), nor how long to wait
(retries).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from traceback import extract_tb

from msgspec.structs import replace

from bellbuoy.delivery.pacing import Paces
from bellbuoy.delivery.parcels import APART, Parcel
from bellbuoy.delivery.patience import Patience
from bellbuoy.delivery.planning import digest_id
from bellbuoy.delivery.retries import HELD_AT_MOST, next_attempt_at
from bellbuoy.delivery.ways import Notify, Send, opened
from bellbuoy.errors import DelayedError, DeliveryError, DisabledError, RefusedError
from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Receipt, Service
from bellbuoy.notifiers import (
    Notifier,
    PacedNotifier,
    Receiver,
    seats,
    takes_digests,
)
from bellbuoy.observer import Attempted, Happened, Observer
from bellbuoy.stores import Store
from bellbuoy.text import clean_line

AT_ONCE = 4
"""Lanes of one HTTP receiver that are tried at once; a door takes one, unless it is a wide one."""

CLAIM = 50
"""Deliveries read from the store at once."""

GATHERED_ABOVE = 20
"""More messages than this that wait for a receiver become one digest."""

DIGEST_SIZE = 500
"""Deliveries in one digest at most."""

TOGETHER_FOR = timedelta(minutes=1)
"""A digest waits for what comes before it in one lane for so long; then other lanes go on."""

BACKLOG = "many at once"
"""The reason of deliveries that became a digest because so many waited."""

LOOK_EVERY = 5.0
"""The longest wait for a wake-up, in seconds: another process may have dispatched."""

OPEN_AGAIN_AFTER = 30.0
"""How long to wait after a door that could not be opened, in seconds."""

STOP_WITHIN = 4.0
"""How long sends in flight may take once it is to stop, in seconds; the rest stays in the store."""

STORE_TRIES = 3
"""How often `drain` tries a store that refuses."""

WANTS_NO_MORE = "the receiver wants no more events (410)"


def always() -> bool:
    """Nobody else could have taken over."""
    return True


def _no_services(event: Event) -> tuple[Service, ...]:  # noqa: ARG001 - the shape of `services`
    return ()


class Courier:
    """Delivers to one receiver until it is cancelled; one that wants no more is left alone.

    `now` is the wall clock; `chance` spreads the retries. `services` says which of the
    operator's own services need what an event is about. `paces` are those of all receivers.
    While `may_begin` says no, nothing is sent: somebody else may have taken over. Once the store
    says that somebody has, `run` raises LeaseLostError.
    """

    def __init__(
        self,
        store: Store,
        receiver: Receiver,
        notifier: Notifier,
        send: Send,
        *,
        now: Callable[[], datetime],
        observer: Observer,
        chance: Random | None = None,
        services: Callable[[Event], Sequence[Service]] = _no_services,
        paces: Paces | None = None,
        may_begin: Callable[[], bool] = always,
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._notifier = notifier
        self._send = send
        self._now = now
        self._observer = observer
        self._chance = chance or Random()  # noqa: S311 - spreads retries, keeps no secret
        self._services = services
        self._paces = paces or Paces()
        self._may_begin = may_begin
        self._patience = Patience(f"receiver {receiver.name}", observer)
        # To ask what a kind offers costs more than to make a message, so it is asked once.
        self._at_once = seats(notifier, over_http=AT_ONCE)
        self._takes_digests = takes_digests(notifier)
        self._pace = (
            notifier.pace(receiver.settings) if isinstance(notifier, PacedNotifier) else None
        )
        self._news = asyncio.Event()
        self._claimed: deque[Parcel] = deque()
        self._flying: dict[asyncio.Task[None], frozenset[str]] = {}
        self._is_blocked = False
        self._held_until = 0.0
        self._is_over = False
        self._failure: BaseException | None = None

    def wake(self) -> None:
        """Say that something may be due."""
        self._news.set()

    async def run(self) -> None:
        """Deliver what falls due. Cancelled, it lets sends in flight end, for a bounded time."""
        name = self._receiver.name
        self._is_over = name in await self._patience.insist(self._store.disabled)
        while True:
            if self._is_over:
                await self._until_enabled()
            async with AsyncExitStack() as stack:
                if notify := await self._open(stack):
                    await self._deliver(notify, None)
                    continue
            await asyncio.sleep(OPEN_AGAIN_AFTER)

    async def drain(self) -> None:
        """Try everything that is due now, each delivery once.

        Raises StoreError if the store goes on refusing.
        """
        name = self._receiver.name
        self._patience = Patience(f"receiver {name}", self._observer, tries=STORE_TRIES)
        if name in await self._patience.insist(self._store.disabled):
            return
        async with AsyncExitStack() as stack:
            if notify := await self._open(stack):
                # What fails now is due later than now, so it does not come again.
                await self._deliver(notify, self._now())

    async def _open(self, stack: AsyncExitStack) -> Notify | None:
        """The way to the receiver; None if its door could not be opened."""
        try:
            return await opened(self._notifier, self._receiver.settings, self._send, stack)
        except DeliveryError as error:
            self._tell(f"cannot be opened: {error.detail}", "error")
        except Exception as error:  # noqa: BLE001 - a broken door must not end the others
            self._tell(f"cannot be opened: {_unexpected(error)}", "error")
        return None

    async def _deliver(self, notify: Notify, until: datetime | None) -> None:
        """Try what falls due; with `until`, only what was due then, and return after it."""
        try:
            while not self._is_over:
                self._news.clear()
                await self._fill(notify, until)
                if until is not None and not self._flying and not self._news.is_set():
                    return
                await self._rest(await self._pause())
                if self._failure is not None:
                    raise self._failure
        finally:
            await self._land()

    async def _fill(self, notify: Notify, until: datetime | None) -> None:
        """Start sends until every seat is taken, or nothing is due."""
        is_all = False
        while len(self._flying) < self._at_once and self._may_send():
            if not self._claimed:
                if is_all:
                    return
                is_all = await self._claim(until or self._now())
                if not self._claimed:
                    return
            parcel = self._claimed.popleft()
            task = asyncio.create_task(self._try(notify, parcel))
            self._flying[task] = parcel.lanes
            task.add_done_callback(self._landed)

    async def _claim(self, at: datetime) -> bool:
        """Claim what is due and whose lanes are free, as it travels; whether that is all of it."""
        name = self._receiver.name
        # As it is before the store reads: what is settled meanwhile is still waiting to a reader.
        flying = frozenset[str]().union(*self._flying.values())
        due = await self._patience.insist(lambda: self._store.due_deliveries(name, at, CLAIM))
        free = [each for each in due if each[0].lane not in flying]
        if free and self._takes_digests:
            free = [each for each in free if each[0].digest] + await self._gathered(free, flying)
        parcels, blocked = await self._parcels(free, flying)
        late = [each for each in blocked if at - each.due_at > TOGETHER_FOR]
        if late and not parcels and not flying:
            await self._part(late)
            return False
        self._is_blocked = bool(due) and not parcels
        if parcels:
            self._claimed.extend(await self._with_references(parcels))
        return len(due) < CLAIM

    async def _parcels(
        self, free: Iterable[tuple[Delivery, Event]], flying: frozenset[str]
    ) -> tuple[list[Parcel], list[Delivery]]:
        """The free as they travel, and those whose digest waits for what comes before it."""
        parcels: list[Parcel] = []
        blocked: list[Delivery] = []
        for delivery, event in free:
            if delivery.digest in {"", APART}:
                parcels.append(Parcel(contents=((delivery, event),)))
            elif any(delivery.digest == each.digest for each in blocked):
                blocked.append(delivery)
            elif not any(delivery.digest == each.deliveries[0].digest for each in parcels):
                members = await self._members(delivery.digest)
                parcel = Parcel(contents=members)
                if not members:
                    blocked.append(delivery)
                elif not parcel.lanes & flying:
                    parcels.append(parcel)
        return parcels, blocked

    async def _with_references(self, parcels: list[Parcel]) -> list[Parcel]:
        """They know the receiver's messages: until a parcel has landed, no other changes those."""
        name = self._receiver.name
        lanes = frozenset[str]().union(*(each.lanes for each in parcels))
        found = await self._patience.insist(lambda: self._store.references(name, lanes))
        return [replace(each, references=found) for each in parcels] if found else parcels

    async def _members(self, digest: str) -> tuple[tuple[Delivery, Event], ...]:
        name = self._receiver.name
        return await self._patience.insist(
            lambda: self._store.waiting(name, digest=digest, limit=2 * DIGEST_SIZE)
        )

    async def _gathered(
        self, free: list[tuple[Delivery, Event]], flying: frozenset[str]
    ) -> list[tuple[Delivery, Event]]:
        """Those of the free that are in no digest; if too many wait, they are in one now."""
        name = self._receiver.name
        waiting = await self._patience.insist(lambda: self._store.waiting(name, limit=DIGEST_SIZE))
        waiting = [each for each in waiting if each[0].lane not in flying]
        if len(waiting) <= GATHERED_ABOVE:
            return [each for each in free if not each[0].digest]
        together = digest_id(delivery for delivery, _ in waiting)
        gathered = [
            (replace(delivery, digest=together, reason=BACKLOG), event)
            for delivery, event in waiting
        ]
        await self._patience.insist(
            lambda: self._store.settle(*(delivery for delivery, _ in gathered))
        )
        return gathered[:1]

    async def _part(self, first: Sequence[Delivery]) -> None:
        """Make a digest of its own of those that are first in their lanes.

        The one that they were in waits for what comes before it in one lane, maybe for days.
        """
        together = digest_id(first) if len(first) > 1 else ""
        await self._patience.insist(
            lambda: self._store.settle(*(replace(each, digest=together) for each in first))
        )
        self._news.set()

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._flying[task]
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
        self._news.set()

    def _may_send(self) -> bool:
        return self._hold() <= 0 and not self._is_over and self._may_begin()

    def _hold(self) -> float:
        """For how many more seconds the receiver asked us to stay away."""
        return self._held_until - asyncio.get_running_loop().time()

    async def _pause(self) -> float:
        """How long to wait, in seconds, if nothing happens before."""
        if self._flying or self._claimed or not self._may_begin():
            return LOOK_EVERY
        name = self._receiver.name
        # What is due now waits for an earlier one of its lane, whose time is yet to come.
        after = self._now() if self._is_blocked else None
        due_at = await self._patience.insist(lambda: self._store.next_due(name, after))
        pause = LOOK_EVERY if due_at is None else (due_at - self._now()).total_seconds()
        return min(max(pause, self._hold(), 0.01), LOOK_EVERY)

    async def _rest(self, pause: float) -> None:
        timer = asyncio.get_running_loop().call_later(pause, self._news.set)
        try:
            await self._news.wait()
        finally:
            timer.cancel()

    async def _land(self) -> None:
        """Let sends in flight end, for a bounded time."""
        self._claimed.clear()
        flying = list(self._flying)
        try:
            if flying:
                await asyncio.wait(flying, timeout=STOP_WITHIN)
        finally:
            for task in flying:
                task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)

    async def _try(self, notify: Notify, parcel: Parcel) -> None:
        if self._pace is not None:
            await self._paces.turn(self._notifier.KIND, self._pace)
            if not self._may_begin():
                return
        began = self._now()
        sent_at = int(began.timestamp())
        messages = parcel.messages(self._services, sent_at)
        told = parcel.digest(messages, sent_at) if parcel.is_digest else messages[0]
        try:
            receipt = await notify(told)
            if not isinstance(receipt, Receipt):
                raise TypeError(f"{type(receipt).__name__} is not a Receipt")  # noqa: TRY301
        except DeliveryError as error:
            await self._put_off(parcel, began, error)
        except Exception as error:  # noqa: BLE001 - a bug in one notifier must not end deliveries
            problem = _unexpected(error)
            self._tell(problem, "error")
            await self._put_off(parcel, began, DelayedError(problem, uncertain=True))
        else:
            await self._keep(parcel, began, receipt)

    async def _keep(self, parcel: Parcel, began: datetime, receipt: Receipt) -> None:
        """Keep that it arrived."""
        to, reference = self._receiver.name, receipt.reference
        for lane in parcel.lanes if reference and not parcel.is_digest else ():
            if reference != parcel.references.get(lane):
                await self._patience.insist(
                    lambda: self._store.remember_reference(to, lane, reference)  # noqa: B023 - awaited at once
                )
        uncertain = parcel.may_have_arrived
        attempt = self._attempt(began, receipt.detail or "done", uncertain=uncertain)
        done = parcel.settled(DeliveryStatus.DONE, attempt)
        await self._settle(replace(each, reference=reference or each.reference) for each in done)

    async def _put_off(self, parcel: Parcel, began: datetime, error: DeliveryError) -> None:
        """Keep that it did not arrive: for later, or for good."""
        delayed = error if isinstance(error, DelayedError) else DelayedError("")
        again_at = None
        if not isinstance(error, RefusedError):
            again_at = next_attempt_at(
                parcel.lead,
                self._now(),
                retry_after=delayed.retry_after,
                chance=self._chance.random(),
                away=delayed.away,
            )
        if delayed.retry_after is not None:
            self._hold_all(delayed.retry_after)
        # An attempt that may have arrived makes every later one a repeat.
        uncertain = delayed.uncertain or parcel.may_have_arrived
        attempt = self._attempt(began, error.detail, uncertain=uncertain)
        if again_at is not None:
            later = parcel.settled(DeliveryStatus.WAITING, attempt)
            await self._settle(replace(each, due_at=again_at) for each in later)
        elif parcel.is_digest and not isinstance(error, DisabledError):
            # One of them may be what was refused: each is tried by itself.
            apart = parcel.settled(DeliveryStatus.WAITING, attempt)
            await self._settle(replace(each, digest=APART, attempts=0) for each in apart)
        else:
            await self._settle(parcel.settled(DeliveryStatus.DEAD, attempt))
            for each in parcel.deliveries:
                self._tell(f"{each.event_id} is dead: {attempt.outcome}", "warning")
        if isinstance(error, DisabledError):
            name = self._receiver.name
            await self._patience.insist(lambda: self._store.disable(name, attempt))
            self._is_over = True

    def _hold_all(self, seconds: float) -> None:
        """A receiver that asks to be left alone means every lane."""
        until = asyncio.get_running_loop().time() + min(seconds, HELD_AT_MOST)
        self._held_until = max(self._held_until, until)

    async def _until_enabled(self) -> None:
        """Wait until a person lets a receiver that wanted no more have another try."""
        name = self._receiver.name
        await self._bury()
        self._tell(f"disabled: {WANTS_NO_MORE}", "warning")
        while name in await self._patience.insist(self._store.disabled):
            self._news.clear()
            await self._rest(LOOK_EVERY)
        self._is_over = False
        self._tell("enabled again", "info")

    async def _bury(self) -> None:
        """What still waits for a receiver that wants no more is dead, so that it can be seen."""
        name, ever = self._receiver.name, self._now() + timedelta(days=3650)
        while due := await self._patience.insist(
            lambda: self._store.due_deliveries(name, ever, CLAIM)
        ):
            attempt = Attempt(at=self._now(), seconds=0.0, outcome=WANTS_NO_MORE)
            await self._settle(
                replace(delivery, status=DeliveryStatus.DEAD, last=attempt) for delivery, _ in due
            )

    def _attempt(self, began: datetime, outcome: str, *, uncertain: bool) -> Attempt:
        seconds = max((self._now() - began).total_seconds(), 0.0)
        outcome = clean_line(outcome, 300)
        return Attempt(at=began, seconds=seconds, outcome=outcome, uncertain=uncertain)

    async def _settle(self, settled: Iterable[Delivery]) -> None:
        deliveries = tuple(settled)
        await self._patience.insist(lambda: self._store.settle(*deliveries))
        for delivery in deliveries:
            self._observer.attempted(Attempted(delivery=delivery))

    def _tell(self, what: str, level: str) -> None:
        self._observer.happened(
            Happened(what=f"receiver {self._receiver.name}: {what}", level=level)
        )


def _unexpected(error: Exception) -> str:
    """A bug, marked as one, by its kind and place: its own words may hold a secret."""
    frames = extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"unexpected {type(error).__name__}{place}"
