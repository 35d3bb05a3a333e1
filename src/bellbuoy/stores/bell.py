"""A wake-up for those who wait for events. Only a hint: the log is the truth."""

import asyncio
from contextlib import suppress


class Bell:
    """Everyone who waits when it rings wakes up."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everyone who waits now."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    def listen(self) -> asyncio.Event:
        """The next ring. Take it before looking at the log, so that none is missed."""
        return self._next


async def wait_for_ring(ring: asyncio.Event, seconds: float) -> None:
    """Return at the ring, or after so many seconds without one."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ring.wait()
