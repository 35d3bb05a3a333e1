"""Plays an exchange: the loop between a pure generator and whoever fetches its answers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response

T = TypeVar("T")

MAX_INLINE_BODY = 256 * 1024
"""Bytes of the largest body that is read in the loop's own thread."""

TURNS = 1
"""Threads that read at a time: they share one lock with the loop, so more would only delay it."""


async def perform(
    exchange: Exchange[T],
    answer: Callable[[Request], Awaitable[Response]],
    deadline: float | None,
    turns: asyncio.Semaphore,
    first: Response | FetchError | None = None,
) -> T:
    """The exchange's result. `first` is what its first question came to, instead of `answer`.

    A FetchError of `answer` is thrown into the exchange. From the first large body on it goes
    on in a thread, because its end works on all that it was told; `turns` says how many do so
    at a time. `deadline` is loop time or None; a thread that passes it is left behind, and the
    exchange is closed when it ends.
    """
    is_large = False
    work: asyncio.Future[tuple[bool, Any]] | None = None
    try:
        request = next(exchange)
        while True:
            came = await _answered(answer, request) if first is None else first
            first = None
            if isinstance(came, Response):
                is_large = is_large or len(came.body) > MAX_INLINE_BODY
            if not is_large:
                request = _go_on(exchange, came)
                continue
            async with _within(deadline, request.url), turns:
                loop = asyncio.get_running_loop()
                work = loop.run_in_executor(None, _go_on_to_end, exchange, came)
                ended, outcome = await asyncio.shield(work)
            if ended:
                return outcome
            request = outcome
    except StopIteration as end:
        return end.value
    finally:
        if work is None or work.done():
            exchange.close()
        else:
            # A thread cannot be stopped, and a running generator cannot be closed.
            work.add_done_callback(lambda _: exchange.close())


async def _answered(
    answer: Callable[[Request], Awaitable[Response]], request: Request
) -> Response | FetchError:
    try:
        return await answer(request)
    except FetchError as failure:
        # A traceback holds the frames of the visit, and so all that it read, until a collection.
        return failure.with_traceback(None)


def _go_on(exchange: Exchange[Any], came: Response | FetchError) -> Request:
    return exchange.throw(came) if isinstance(came, FetchError) else exchange.send(came)


def _go_on_to_end(exchange: Exchange[Any], came: Response | FetchError) -> tuple[bool, Any]:
    """Go on; whether the exchange ended, and its result or its next request."""
    try:
        return False, _go_on(exchange, came)
    except StopIteration as end:
        return True, end.value


@asynccontextmanager
async def _within(deadline: float | None, url: str) -> AsyncGenerator[None]:
    timeout = asyncio.timeout_at(deadline)
    try:
        async with timeout:
            yield
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
