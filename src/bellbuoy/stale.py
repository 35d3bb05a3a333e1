"""What is held of pages, and when it is to be read again from the store.

    a visit that changed something ──.
    another process changed it ──────┴─> its page is stale ──> read again when somebody asks

Pages that nobody asks for are never read, so that looking costs polling nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from bellbuoy.observer import Observer, VisitDone


class StalePages(Observer):
    """The pages that were not read since they changed; at first all of `page_keys`."""

    def __init__(self, page_keys: Iterable[str] = ()) -> None:
        self._keys = set(page_keys)
        self._reading = asyncio.Lock()

    def visit_done(self, details: VisitDone) -> None:
        """What a visit changed is to be read again."""
        if details.outcome == "changed":
            self.changed(details.page_key)

    def changed(self, page_key: str) -> None:
        """What others changed, too."""
        self._keys.add(page_key)

    @asynccontextmanager
    async def taken(self, among: Iterable[str]) -> AsyncGenerator[frozenset[str]]:
        """Those of these pages that are stale, by key, to be read within the block.

        One block runs at a time: whoever asks meanwhile waits for what is being read, instead
        of being told what is old, or that there is nothing. What changes within the block is
        stale again, and all of it is where the block fails.
        """
        async with self._reading:
            keys = frozenset(self._keys.intersection(among))
            self._keys -= keys
            try:
                yield keys
            except BaseException:
                self._keys |= keys
                raise
