"""What must not be left halfway by a visit that is given up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_its_end(work: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """Its result, and whether the caller was cancelled meanwhile, which it is to act upon."""
    task = asyncio.ensure_future(work)
    is_given_up = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            is_given_up = True
    return task.result(), is_given_up
