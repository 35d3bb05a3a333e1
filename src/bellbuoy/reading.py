"""The log read along by somebody in this process, until it is over."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from bellbuoy.delivery.patience import Patience
from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.observer import Observer
from bellbuoy.stores import Store

T = TypeVar("T")


async def read_along(
    store: Store, after: int, over: asyncio.Event, observer: Observer
) -> AsyncIterator[Event]:
    """Events beyond the place `after` in the log, as they come; once it is over, those left.

    A store that refuses is waited for, but at the end StoreError is raised.
    """
    seq = after
    patience = Patience("a reader of the log", observer)
    while True:
        is_over = over.is_set()

        async def read(seq: int = seq) -> tuple[Event, ...]:
            return await store.read_events(after=seq)

        batch = await (read() if is_over else unless_over(over, patience.insist(read)))
        for event in batch or ():
            yield event
            seq = event.seq
        if not batch:
            if is_over:
                return
            await unless_over(over, _news(store, seq))


async def unless_over(over: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What some work brings; None if it is over before."""
    working = asyncio.create_task(work)
    ending = asyncio.create_task(over.wait())
    try:
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        ending.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)


async def _news(store: Store, seq: int) -> None:
    """Wait for events beyond `seq`; where the store refuses, reading them tells of it."""
    with suppress(StoreError):
        await store.wait_for_events(seq)
