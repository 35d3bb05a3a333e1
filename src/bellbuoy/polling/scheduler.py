"""Which pages are due.

    heap of due times -> ready (quick | slow) -> visits in flight -> next due time -> heap

Due times live in memory, on the monotonic clock. Pages whose last visit ran into its
deadline share a tenth of the seats, so that a thousand hung pages cannot keep the healthy
ones waiting. Does not decide how long to wait (cadence) nor what a visit does (poller).
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
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

LEFT_WITHIN = 5.0
"""How long visits in flight may take, in seconds, when their pages are handed over."""

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

    `due_at` is None while a look goes on, or waits for a seat. It is not known of a page that
    `is_elsewhere`: another process looks at it.
    """

    page: Page
    state: PageState
    due_at: datetime | None
    is_elsewhere: bool = False


class Visiting(Protocol):
    """A visit to a page, as `Poller.visit` makes it."""

    def __call__(self, page: Page, state: PageState, *, lag: float) -> Awaitable[Look]:
        """Look at a page once."""
        ...


class _Slot:
    """A page's place in the schedule.

    `began` is when the visit in flight began, else None; `looked` when the last one did.
    `is_waiting` is true while its due time stands in the heap. `is_put_back` says that the visit
    was given up to begin anew on a slow seat. `is_poked` says that somebody poked while the visit
    was in flight, and may know more than it sees. `is_gone` says that the page is not ours any
    more.
    """

    __slots__ = (
        "began",
        "due",
        "is_gone",
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
        self.is_gone = False
        self.task: asyncio.Task[None] | None = None

    @property
    def is_slow(self) -> bool:
        return self.is_put_back or self.state.health.timed_out


class Scheduler:
    """Keeps the due time of every page that it has taken, and has it visited then.

    `pages` are all that there are, in the order of the config. `is_offline` tells whether it is
    us who are out of reach. While `may_begin` says no, no visit begins. With `once`, every page is
    visited one time, at once, and `run` returns.
    """

    def __init__(
        self,
        pages: Sequence[Page],
        visit: Visiting,
        *,
        seats: int,
        now: Callable[[], datetime],
        observer: Observer,
        is_offline: Callable[[], bool],
        may_begin: Callable[[], bool],
        once: bool = False,
    ) -> None:
        self._pages = tuple(pages)
        self._numbers = {page.key: number for number, page in enumerate(pages)}
        self._slots: dict[int, _Slot] = {}
        self._visit = visit
        self._may_begin = may_begin
        # Together no more than the driver has: a visit that waits for a seat there would look
        # like one that is slow.
        slow = max(seats // 10, 1)
        self._seats = {False: max(seats - slow, 1), True: slow}
        self._flying: dict[bool, dict[asyncio.Task[None], _Slot]] = {False: {}, True: {}}
        self._ready: dict[bool, deque[_Slot]] = {False: deque(), True: deque()}
        self._heap: list[tuple[float, int]] = []
        self._now = now
        self._observer = observer
        self._is_offline = is_offline
        self._once = once
        self._wake = asyncio.Event()
        self._unseen = 0
        self._swept = asyncio.Event()
        self._dirty: dict[str, PageState] = {}
        self._broken: BaseException | None = None

    def take(
        self,
        page_keys: Iterable[str],
        states: Mapping[str, PageState],
        *,
        within: float = math.inf,
    ) -> None:
        """Visit these pages from now on; first looks are spread over at most so many seconds."""
        pages = [self._pages[self._numbers[key]] for key in page_keys]
        time = asyncio.get_running_loop().time()
        for page in pages:
            state = states.get(page.key) or PageState(page_key=page.key)
            slot = _Slot(self._numbers[page.key], page, state)
            slot.due = time if self._once else time + self._first_delay(slot, len(pages), within)
            slot.is_waiting = True
            self._slots[slot.number] = slot
            heappush(self._heap, (slot.due, slot.number))
        self._unseen += len(pages)
        self._note_swept()
        self._wake.set()

    async def leave(self, page_keys: Iterable[str]) -> list[PageState]:
        """Begin no more visits to these pages, and let those in flight end, for a bounded time.

        Returns their states that are not on disk; the caller is to put them there.
        """
        slots = self._remove(page_keys)
        flying = [slot.task for slot in slots if slot.task and not slot.task.done()]
        if flying:
            _, late = await asyncio.wait(flying, timeout=LEFT_WITHIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        return [self._dirty.pop(slot.page.key) for slot in slots if slot.page.key in self._dirty]

    def drop(self, page_keys: Iterable[str]) -> None:
        """These pages are somebody else's: visits in flight are given up, states are forgotten."""
        for slot in self._remove(page_keys):
            self._dirty.pop(slot.page.key, None)
            if slot.task is not None:
                slot.task.cancel()

    def interrupt(self) -> None:
        """Give up all visits in flight, to begin them anew as soon as they may."""
        for task in (*self._flying[False], *self._flying[True]):
            task.cancel()

    def _remove(self, page_keys: Iterable[str]) -> list[_Slot]:
        slots = [self._slots.pop(self._numbers[key]) for key in page_keys if self.has(key)]
        for slot in slots:
            slot.is_gone = True
            self._unseen -= not slot.is_looked_at
        # A heap is ordered by what is in it; what is not there any more would be met when due.
        self._heap = [entry for entry in self._heap if entry[1] in self._slots]
        heapify(self._heap)
        self._note_swept()
        return slots

    def __len__(self) -> int:
        """How many pages it has taken."""
        return len(self._slots)

    def shortest(self) -> float | None:
        """The shortest interval of these pages, in seconds; None without any."""
        return min((slot.page.every for slot in self._slots.values()), default=None)

    def has(self, page_key: str) -> bool:
        """Whether it has taken a page."""
        return self._numbers.get(page_key) in self._slots

    async def swept(self) -> Sweep:
        """Wait until every page was looked at once; what was found."""
        await self._swept.wait()
        return self.standing()

    def standing(self) -> Sweep:
        """How the pages stand now."""
        slots = self._slots.values()
        unreadable = sum(slot.state.health.failures > 0 for slot in slots)
        trouble = sum(slot.state.has_open and slot.state.health.failures == 0 for slot in slots)
        pages = len(self._slots)
        return Sweep(
            pages=pages,
            fine=pages - trouble - unreadable,
            trouble=trouble,
            unreadable=unreadable,
        )

    def looked_at(self) -> int:
        """How many pages were looked at since they were taken."""
        return len(self._slots) - self._unseen

    def place(self, page_key: str) -> Place | None:
        """The place of a page; None if it was not taken."""
        slot = self._slot(page_key)
        return None if slot is None else self._place(slot)

    def places(self) -> tuple[Place, ...]:
        """The places of all pages that it has taken, in the order of the config."""
        return tuple(self._place(slot) for _, slot in sorted(self._slots.items()))

    def _slot(self, page_key: str) -> _Slot | None:
        return self._slots.get(self._numbers.get(page_key, -1))

    def _place(self, slot: _Slot) -> Place:
        wait = slot.due - asyncio.get_running_loop().time()
        is_waiting = slot.is_waiting and wait > 0
        due_at = self._now() + timedelta(seconds=wait) if is_waiting else None
        return Place(page=slot.page, state=slot.state, due_at=due_at)

    def poke(self, page_key: str) -> bool:
        """Have a page looked at soon, because somebody says that it changed.

        Not before what its host asked for (Retry-After), and no sooner than `POKED_AFTER` after
        the look before. False if it was not taken.
        """
        slot = self._slot(page_key)
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
        """The states that are not on disk; the caller is to put them there.

        Of a page that is just visited there will be a newer one, which may be there first.
        """
        flying = {slot.page.key for some in self._flying.values() for slot in some.values()}
        return [self._dirty.pop(key) for key in self._dirty.keys() - flying]

    def give_back(self, states: Sequence[PageState]) -> None:
        """Put back states that could not be written, unless a newer one is here or on disk."""
        for state in states:
            slot = self._slot(state.page_key)
            if slot is not None and slot.state is state:
                self._dirty[state.page_key] = state

    async def run(self) -> None:
        """Visit pages as they fall due, until cancelled; a visit's unexpected error ends it."""
        loop = asyncio.get_running_loop()
        wall, ticked = self._now(), loop.time()
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

    def _first_delay(self, slot: _Slot, pages: int, within: float = math.inf) -> float:
        return cadence.first_delay(slot.page, pages, within)

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
                due = tick + self._first_delay(slot, len(self._slots))
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
        if not self._may_begin():
            return
        for is_slow in (False, True):
            ready, flying = self._ready[is_slow], self._flying[is_slow]
            while ready and len(flying) < self._seats[is_slow]:
                slot = ready.popleft()
                if slot.is_gone:
                    continue
                slot.began = time
                slot.task = asyncio.create_task(self._fly(slot))
                slot.task.add_done_callback(self._landed)
                flying[slot.task] = slot

    def _put_back_the_patient(self, time: float) -> None:
        """Give up quick seats that have long been held, if others wait for one."""
        are_free = len(self._flying[False]) < self._seats[False]
        if are_free or not self._ready[False] or not self._may_begin():
            return
        for task, slot in self._flying[False].items():
            if slot.began is not None and time - slot.began > PATIENCE:
                slot.is_put_back = task.cancel()

    async def _fly(self, slot: _Slot) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        look = await self._visit(slot.page, slot.state, lag=max(began - slot.due, 0.0))
        slot.is_put_back = False
        slot.began = None
        slot.looked = began
        if look.is_kept:
            self._dirty.pop(slot.page.key, None)
        elif look.state is not slot.state:
            self._dirty[slot.page.key] = look.state
        slot.state = look.state
        self._settle(slot)
        if not self._once and not slot.is_gone:
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
            if self._heap[0][1] == slot.number:
                self._wake.set()
            if slot.is_poked:
                slot.is_poked = False
                self.poke(slot.page.key)

    def _settle(self, slot: _Slot) -> None:
        if slot.is_looked_at or slot.is_gone:
            return
        slot.is_looked_at = True
        self._unseen -= 1
        self._note_swept()

    def _note_swept(self) -> None:
        if self._unseen == 0:
            self._swept.set()

    def _landed(self, task: asyncio.Task[None]) -> None:
        slot = self._flying[False].pop(task, None) or self._flying[True].pop(task)
        if not task.cancelled():
            self._broken = self._broken or task.exception()
        elif not slot.is_gone:
            # Given up, and still ours: it begins anew.
            slot.began = None
            self._ready[slot.is_slow].append(slot)
        # Mostly nobody waits for the seat, and what is due next is not this page.
        if self._broken or self._once or any(self._ready.values()):
            self._wake.set()

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
        tasks = [*self._flying[False], *self._flying[True]]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
