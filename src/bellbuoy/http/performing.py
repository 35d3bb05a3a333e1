"""Plays an exchange: the loop between a pure generator and whoever fetches its answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response

T = TypeVar("T")

MAX_INLINE_BODY = 256 * 1024
"""Bytes of the largest body that is read in the loop's own thread."""


async def perform(
    exchange: Exchange[T],
    answer: Callable[[Request], Awaitable[Response]],
    deadline: float | None,
    first: Response | FetchError | None = None,
) -> T:
    """The exchange's result. `first` is what its first question came to, instead of `answer`.

    A FetchError of `answer` is thrown into the exchange. `deadline` is loop time, or None for
    none; a reading thread that passes it is left behind, and the exchange is closed when it ends.
    """
    response = None if isinstance(first, FetchError) else first
    in_thread: asyncio.Future[tuple[bool, Any]] | None = None
    try:
        request = next(exchange)
        if isinstance(first, FetchError):
            request = exchange.throw(first)
        while True:
            try:
                if response is None:
                    response = await answer(request)
            except FetchError as failure:
                request = exchange.throw(failure)
                continue
            if len(response.body) <= MAX_INLINE_BODY:
                request = exchange.send(response)
            else:
                loop = asyncio.get_running_loop()
                in_thread = loop.run_in_executor(None, _step, exchange, response)
                ended, outcome = await _until(deadline, in_thread, response.url)
                if ended:
                    return outcome
                request = outcome
            response = None
    except StopIteration as end:
        return end.value
    finally:
        if in_thread is None or in_thread.done():
            exchange.close()
        else:
            # A thread cannot be stopped, and a running generator cannot be closed.
            in_thread.add_done_callback(lambda _: exchange.close())


def _step(exchange: Exchange[Any], response: Response) -> tuple[bool, Any]:
    """Send an answer in; whether the exchange ended, and its result or its next request."""
    try:
        return False, exchange.send(response)
    except StopIteration as end:
        return True, end.value


async def _until(deadline: float | None, work: asyncio.Future[T], url: str) -> T:
    timeout = asyncio.timeout_at(deadline)
    try:
        async with timeout:
            return await asyncio.shield(work)
    except TimeoutError:
        if not timeout.expired():
            raise
        raise timed_out(url) from None


def timed_out(url: str, *, uncertain: bool = False) -> FetchError:
    """Our own deadline passed. `uncertain`: the request may have arrived."""
    return FetchError(
        url,
        Unreadable.NETWORK,
        "no complete answer within the time allowed (http.timeout)",
        timed_out=True,
        uncertain=uncertain,
    )
