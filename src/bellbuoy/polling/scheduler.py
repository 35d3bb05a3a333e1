"""Which pages are due.

    heap of due times -> ready (quick | slow) -> visits in flight -> next due time -> heap

Due times live in memory, on the monotonic clock. Pages whose last visit ran into its
deadline share a tenth of the seats, so that a thousand hung pages cannot keep the healthy
ones waiting. Does not decide how long to wait (cadence) nor what a visit does (poller).
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Protocol

from msgspec import Struct

from bellbuoy.detection import cadence
from bellbuoy.model.facts import Page
from bellbuoy.model.known import PageState
from bellbuoy.observer import Happened, Observer
from bellbuoy.polling.poller import Look

TICK = 5.0
"""The longest sleep, in seconds: a suspended machine is noticed this soon after it wakes."""

POKED_AFTER = 5.0
"""A page that somebody pokes is looked at again no sooner than so long after, in seconds."""

PATIENCE = 3.0
"""How long a visit may keep a quick seat, in seconds, while others wait for one.

Then it is given up, and its page tried again among the slow ones, with all of its deadline."""


class Sweep(Struct, frozen=True, kw_only=True):
    """What the first look at every page found, in pages."""

    pages: int
    fine: int
    trouble: int
    unreadable: int


class Place(Struct, frozen=True, kw_only=True):
    """A page's place in the schedule: how it stands, and when it is looked at next.

    `due_at` is None while a look goes on, or waits for a seat.
    """

    page: Page
    state: PageState
    due_at: datetime | None


class Visiting(Protocol):
    """A visit to a page, as `Poller.visit` makes it."""

    def __call__(self, page: Page, state: PageState, *, lag: float) -> Awaitable[Look]:
        """Look at a page once."""
        ...


class _Slot:
    """A page's place in the schedule.

    `began` is when the visit in flight began, else None; `looked` when the last one did.
    `is_waiting` is true while its due time stands in the heap. `is_poked` says that somebody
    poked while the visit was in flight, and may know more than it sees.
    """

    __slots__ = (
        "began",
        "due",
        "is_looked_at",
        "is_poked",
        "is_put_back",
        "is_waiting",
        "looked",
        "number",
        "page",
        "state",
        "task",
    )

    def __init__(self, number: int, page: Page, state: PageState) -> None:
        self.number = number
        self.page = page
        self.state = state
        self.due = 0.0
        self.began: float | None = None
        self.looked = -math.inf
        self.is_waiting = False
        self.is_looked_at = False
        self.is_put_back = False
        self.is_poked = False
        self.task: asyncio.Task[None] | None = None

    @property
    def is_slow(self) -> bool:
        return self.is_put_back or self.state.health.timed_out


class Scheduler:
    """Keeps every page's due time and has it visited then.

    `is_offline` tells whether it is us who are out of reach. With `once`, every page is
    visited one time, at once, and `run` returns.
    """

    def __init__(
        self,
        pages: Sequence[Page],
        states: Mapping[str, PageState],
        visit: Visiting,
        *,
        seats: int,
        now: Callable[[], datetime],
        observer: Observer,
        is_offline: Callable[[], bool] = lambda: False,
        once: bool = False,
    ) -> None:
        self._slots = [
            _Slot(number, page, states.get(page.key) or PageState(page_key=page.key))
            for number, page in enumerate(pages)
        ]
        self._by_key = {slot.page.key: slot for slot in self._slots}
        self._visit = visit
        # Together no more than the driver has: a visit that waits for a seat there would look
        # like one that is slow.
        slow = max(seats // 10, 1)
        self._seats = {False: max(seats - slow, 1), True: slow}
        self._flying: dict[bool, set[_Slot]] = {False: set(), True: set()}
        self._ready: dict[bool, deque[_Slot]] = {False: deque(), True: deque()}
        self._heap: list[tuple[float, int]] = []
        self._now = now
        self._observer = observer
        self._is_offline = is_offline
        self._once = once
        self._wake = asyncio.Event()
        self._unseen = len(self._slots)
        self._swept = asyncio.Event()
        self._dirty: dict[str, PageState] = {}
        self._broken: BaseException | None = None

    async def swept(self) -> Sweep:
        """Wait until every page was looked at once; what was found."""
        await self._swept.wait()
        return self.standing()

    def standing(self) -> Sweep:
        """How the pages stand now."""
        unreadable = sum(slot.state.health.failures > 0 for slot in self._slots)
        trouble = sum(
            slot.state.has_open and slot.state.health.failures == 0 for slot in self._slots
        )
        pages = len(self._slots)
        return Sweep(
            pages=pages,
            fine=pages - trouble - unreadable,
            trouble=trouble,
            unreadable=unreadable,
        )

    def looked_at(self) -> int:
        """How many pages were looked at since the start."""
        return len(self._slots) - self._unseen

    def place(self, page_key: str) -> Place | None:
        """The place of a page; None if it is not watched."""
        slot = self._by_key.get(page_key)
        return None if slot is None else self._place(slot)

    def places(self) -> tuple[Place, ...]:
        """The places of all pages, in the order of the config."""
        return tuple(map(self._place, self._slots))

    def _place(self, slot: _Slot) -> Place:
        wait = slot.due - asyncio.get_running_loop().time()
        is_waiting = slot.is_waiting and wait > 0
        due_at = self._now() + timedelta(seconds=wait) if is_waiting else None
        return Place(page=slot.page, state=slot.state, due_at=due_at)

    def poke(self, page_key: str) -> bool:
        """Have a page looked at soon, because somebody says that it changed.

        Not before what its host asked for (Retry-After), and no sooner than `POKED_AFTER` after
        the look before. False if it is not watched.
        """
        slot = self._by_key.get(page_key)
        if slot is None:
            return False
        if slot.is_waiting:
            time = asyncio.get_running_loop().time()
            held = slot.state.health.held_until
            held_for = (held - self._now()).total_seconds() if held else 0.0
            due = max(time + held_for, slot.looked + POKED_AFTER, time)
            if due < slot.due:
                slot.due = due
                self._heap = [entry for entry in self._heap if entry[1] != slot.number]
                self._heap.append((due, slot.number))
                heapify(self._heap)
                self._wake.set()
        else:
            slot.is_poked = slot.began is not None
        return True

    def take_dirty(self) -> list[PageState]:
        """The states that are not on disk; the caller is to put them there."""
        states, self._dirty = list(self._dirty.values()), {}
        return states

    def give_back(self, states: Sequence[PageState]) -> None:
        """Put back states that could not be written, unless newer ones are here."""
        for state in states:
            self._dirty.setdefault(state.page_key, state)

    async def run(self) -> None:
        """Visit pages as they fall due, until cancelled; a visit's unexpected error ends it."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._heap = []
        for slot in self._slots:
            slot.due = started if self._once else started + self._first_delay(slot)
            slot.is_waiting = True
            self._heap.append((slot.due, slot.number))
        heapify(self._heap)
        if not self._slots:
            self._swept.set()
        wall, ticked = self._now(), started
        try:
            while not (self._once and self._swept.is_set()):
                self._wake.clear()
                if self._broken is not None:
                    raise self._broken
                wall, ticked = self._notice_suspension(wall, ticked)
                self._collect_due(loop.time())
                self._put_back_the_patient(loop.time())
                self._start_ready(loop.time())
                await self._sleep(loop.time())
        finally:
            await self._cancel_flying()

    def _first_delay(self, slot: _Slot) -> float:
        return cadence.first_delay(slot.page, len(self._slots))

    def _notice_suspension(self, wall: datetime, ticked: float) -> tuple[datetime, float]:
        """While a machine sleeps, its monotonic clock may stand still: then all pages are due."""
        now, tick = self._now(), asyncio.get_running_loop().time()
        lost = (now - wall).total_seconds() - (tick - ticked)
        if lost > 2 * TICK:
            self._observer.happened(
                Happened(what="the clock jumped ahead: looking at every page again", at=now)
            )
            for place, (_, number) in enumerate(self._heap):
                slot = self._slots[number]
                due = tick + self._first_delay(slot)
                slot.due = min(slot.due, due)
                self._heap[place] = (slot.due, number)
            heapify(self._heap)
        return now, tick

    def _collect_due(self, time: float) -> None:
        while self._heap and self._heap[0][0] <= time:
            slot = self._slots[heappop(self._heap)[1]]
            slot.is_waiting = False
            self._ready[slot.is_slow].append(slot)

    def _start_ready(self, time: float) -> None:
        for is_slow in (False, True):
            ready, flying = self._ready[is_slow], self._flying[is_slow]
            while ready and len(flying) < self._seats[is_slow]:
                slot = ready.popleft()
                slot.began = time
                flying.add(slot)
                slot.task = asyncio.create_task(self._fly(slot, is_slow=is_slow))
                slot.task.add_done_callback(self._landed)

    def _put_back_the_patient(self, time: float) -> None:
        """Give up quick seats that have long been held, if others wait for one."""
        if not self._ready[False]:
            return
        for slot in self._flying[False]:
            if slot.began is not None and time - slot.began > PATIENCE and slot.task:
                slot.is_put_back = True
                slot.task.cancel()

    async def _fly(self, slot: _Slot, *, is_slow: bool) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            look = await self._visit(slot.page, slot.state, lag=max(began - slot.due, 0.0))
        except asyncio.CancelledError:
            if not slot.is_put_back or is_slow:
                raise
            self._flying[False].discard(slot)
            self._ready[True].append(slot)
            return
        self._flying[is_slow].discard(slot)
        slot.is_put_back = False
        slot.began = None
        slot.looked = began
        if look.is_kept:
            self._dirty.pop(slot.page.key, None)
        elif look.state is not slot.state:
            self._dirty[slot.page.key] = look.state
        slot.state = look.state
        self._settle(slot)
        if not self._once:
            delay = cadence.next_delay(
                slot.page,
                slot.state,
                self._now(),
                max_age=look.max_age,
                is_offline=self._is_offline(),
            )
            slot.due = began + delay
            slot.is_waiting = True
            heappush(self._heap, (slot.due, slot.number))
            if slot.is_poked:
                slot.is_poked = False
                self.poke(slot.page.key)

    def _settle(self, slot: _Slot) -> None:
        if slot.is_looked_at:
            return
        slot.is_looked_at = True
        self._unseen -= 1
        if self._unseen == 0:
            self._swept.set()

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()

    async def _sleep(self, time: float) -> None:
        wait = TICK
        if self._heap:
            wait = min(wait, max(self._heap[0][0] - time, 0.0))
        if self._ready[False]:
            wait = min(wait, 1.0)
        if wait <= 0:
            await asyncio.sleep(0)
            return
        handle = asyncio.get_running_loop().call_later(wait, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            handle.cancel()

    async def _cancel_flying(self) -> None:
        tasks = [slot.task for group in self._flying.values() for slot in group if slot.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
