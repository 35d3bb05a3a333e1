"""Pages that other processes poll, followed so that this one can show them.

    the log ───────────> whose events came ──> stale, and its state is read again ──.
    every LOOK_EVERY ──> all states ──> whose face moved ──> stale ──────────────────┴─> state()

A task keeps up with the log, and whoever is about to show something catches up first, so that
what is shown is as true as the log. Does not decide which pages others poll: it follows all that
are watched, so that none is unknown when it changes hands.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from bellbuoy.delivery.patience import Patience
from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.model.known import PageState
from bellbuoy.observer import Observer
from bellbuoy.stores import Store

LOOK_EVERY = 30.0
"""All states are read this often, in seconds: whoever polls writes them once a minute ..."""

LOOK_SOON = 5.0
"""... and this often while some page was never visited, as right after a first start."""

_AT_ONCE = 500
"""So many events are read at once."""


class Following:
    """Knows how pages stand in the store. `observer` is told which of them have changed."""

    def __init__(self, store: Store, page_keys: Iterable[str], observer: Observer) -> None:
        self._store = store
        self._page_keys = frozenset(page_keys)
        self._observer = observer
        self._states: Mapping[str, PageState] = {}
        self._seq = 0
        self._look_at = -math.inf
        self._caught_up_at = -math.inf
        self._is_refused = False
        self._turn = asyncio.Lock()
        self._begun = 0
        self._done = 0

    async def open(self) -> None:
        """Begin at the end of the log. Raises StoreError."""
        self._seq = await self._store.last_seq()
        await self.catch_up()

    def state(self, page_key: str) -> PageState | None:
        """How a page stood when the store was read last; None if it was never visited."""
        return self._states.get(page_key)

    @property
    def is_cut_off(self) -> bool:
        """Whether the store did not answer lately."""
        silence = asyncio.get_running_loop().time() - self._caught_up_at
        return self._is_refused or silence > 2 * LOOK_EVERY

    async def catch_up(self) -> None:
        """Know what was recorded until now. Raises StoreError.

        Who waits for another one who reads is served by the first that began after both asked.
        """
        asked = self._begun
        async with self._turn:
            if self._done > asked:
                return
            self._begun += 1
            try:
                await self._read_log()
                await self._look()
            except StoreError:
                self._is_refused = True
                raise
            self._is_refused = False
            self._done = self._begun
            self._caught_up_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Keep up with the log, until cancelled. A store that refuses is waited for."""
        patience = Patience("who shows the pages of others", self._observer)
        while True:
            await patience.insist(self.catch_up)
            # Where this refuses, catching up tells of it.
            with suppress(TimeoutError, StoreError):
                async with asyncio.timeout_at(self._look_at):
                    await self._store.wait_for_events(self._seq)

    async def _read_log(self) -> None:
        while True:
            events = await self._store.read_events(after=self._seq, limit=_AT_ONCE)
            if events:
                await self._take_in(events)
                self._seq = events[-1].seq
            if len(events) < _AT_ONCE:
                return

    async def _take_in(self, events: Sequence[Event]) -> None:
        keys = self._page_keys.intersection(event.page.key for event in events)
        if keys:
            # Who is told before this is read may read less than it, and is never told again.
            self._states = {**self._states, **await self._store.load_states(keys)}
            self._tell(keys)

    async def _look(self) -> None:
        """Read all states, if it is time. What was learned without an event shows in a face."""
        time = asyncio.get_running_loop().time()
        if time < self._look_at:
            return
        before, self._states = self._states, await self._store.load_states(self._page_keys)
        self._tell(key for key, state in self._states.items() if _has_moved(before.get(key), state))
        is_whole = len(self._states) == len(self._page_keys)
        self._look_at = time + (LOOK_EVERY if is_whole else LOOK_SOON)

    def _tell(self, page_keys: Iterable[str]) -> None:
        for key in page_keys:
            self._observer.changed(key)


def _has_moved(before: PageState | None, after: PageState) -> bool:
    """Whether the page said something else since; also where nobody can tell."""
    if before is None:
        return True
    if after.face.body_hash is None:
        return before.health.read_at != after.health.read_at
    return before.face.body_hash != after.face.body_hash
