"""How late the event loop wakes a task: the first sign of work that blocks it."""

import asyncio
from collections.abc import Callable

EVERY = 0.5
"""How often it is measured, in seconds."""


async def pulse(tell: Callable[[float], None]) -> None:
    """Tell twice a second, until cancelled, how many seconds late the loop woke this task."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY
        await asyncio.sleep(EVERY)
        tell(max(loop.time() - due, 0.0))
