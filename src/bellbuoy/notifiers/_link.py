"""One client of a message broker: kept while it serves, given up as a whole when it does not.

    send -> is there a client? -> publish -> acknowledged                   -> Receipt
            no: open one, once               refused, and it is the message -> its own error
            for all who wait                 lost, or silent for 30 s       -> given up, later

A client that was given up is never used again. A library that reconnects by itself sends what
it still holds when the broker is back, which may be after newer messages of the same incident;
so none is left to do that, and the next message opens a new one. Whoever waits for an answer
of a client that is given up is told so at once: its message may have arrived.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, Generic, TypeVar

from bellbuoy.errors import DelayedError, DeliveryError
from bellbuoy.model.delivery import Receipt
from bellbuoy.text import clean_line

AT_ONCE = 32
"""Lanes that are on their way to one broker at once."""

ANSWER_WITHIN = 30.0
"""Seconds without an acknowledgement after which a client is given up."""

OPEN_WITHIN = 10.0
"""Seconds for which a broker that cannot be reached is tried before its messages are put off."""

AGAIN_AFTER = 5.0
"""Seconds for which a broker that cannot be reached is left alone then."""

_PAUSE = 0.5
_CLOSE_WITHIN = 3.0

Client = TypeVar("Client")
Told = TypeVar("Told", bound=DeliveryError)
Lose = Callable[[str], None]
"""Tells that a client is of no use any more, and why; says nothing if it is over already."""

Meaning = Callable[[Exception], DeliveryError | None]
"""What an error says of the message or the settings; None if it is the connection that fails."""


class _Held(Generic[Client]):
    """A client, what closes it, and a future that says why it was given up."""

    def __init__(self) -> None:
        self.client: Client
        self.stack = AsyncExitStack()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()


class Link(Generic[Client]):
    """The way to one broker, over whichever client serves now.

    `where` names the broker in errors. `open` makes a client, and is handed what tells that it
    is lost. `secrets` are taken out of what libraries say.
    """

    def __init__(
        self,
        where: str,
        open: Callable[[Lose], AbstractAsyncContextManager[Client]],
        meaning: Meaning,
        secrets: Iterable[str] = (),
    ) -> None:
        self._where = where
        self._open = open
        self._meaning = meaning
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._held: _Held[Client] | None = None
        self._opening: asyncio.Task[_Held[Client]] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, publish: Callable[[Client], Awaitable[str]]) -> Receipt:
        """Publish one message; what `publish` returns is the broker's answer, for people.

        Raises DeliveryError if the broker did not acknowledge it.
        """
        held = await self._kept()
        task = asyncio.ensure_future(publish(held.client))
        task.add_done_callback(forget)
        waiting: set[asyncio.Future[str]] = {task, held.lost}
        try:
            await asyncio.wait(waiting, timeout=ANSWER_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if task.done() and not task.cancelled():
            error = task.exception()
            if error is None:
                return Receipt(detail=task.result())
            if not isinstance(error, Exception):
                raise error
            if meaning := self._meaning(error):
                raise self._told(meaning)
            self._lose(held, _words(error))
        else:
            self._lose(held, f"no acknowledgement within {ANSWER_WITHIN:g} s")
        raise self._away(held.lost.result(), uncertain=True)

    async def close(self) -> None:
        """Give up the client, and wait until all of them are closed, for a bounded time."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._held is not None:
            self._lose(self._held, "closed")
        if self._closing:
            await asyncio.wait(self._closing)

    async def _kept(self) -> _Held[Client]:
        """The client that serves now. Those who want it at the same time share one attempt."""
        if self._held is not None:
            return self._held
        if self._opening is None:
            self._opening = asyncio.create_task(self._opened())
            self._opening.add_done_callback(self._has_opened)
        return await asyncio.shield(self._opening)

    def _has_opened(self, task: "asyncio.Task[_Held[Client]]") -> None:
        self._opening = None
        if not task.cancelled() and task.exception() is None:
            held = task.result()
            if not held.lost.done():
                self._held = held

    async def _opened(self) -> _Held[Client]:
        """A new client. Raises DeliveryError if the broker cannot be reached, or lets nobody in."""
        loop = asyncio.get_running_loop()
        until = loop.time() + OPEN_WITHIN
        problem = f"no answer within {OPEN_WITHIN:g} s"
        while True:
            held = _Held[Client]()
            try:
                async with asyncio.timeout_at(until):
                    opening = self._open(lambda why, held=held: self._lose(held, why))
                    held.client = await held.stack.enter_async_context(opening)
            except TimeoutError:
                raise self._away(problem) from None
            except Exception as error:
                if meaning := self._meaning(error):
                    raise self._told(meaning) from error
                problem = _words(error)
                if loop.time() + _PAUSE > until:
                    raise self._away(problem) from error
            else:
                if not held.lost.done():
                    return held
                problem = held.lost.result()
                await _closed(held.stack)  # it was lost before there was anything to close
            await asyncio.sleep(_PAUSE)

    def _lose(self, held: _Held[Client], why: str) -> None:
        if held.lost.done():
            return
        held.lost.set_result(why)
        if held is self._held:
            self._held = None
        task = asyncio.ensure_future(_closed(held.stack))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _away(self, problem: str, *, uncertain: bool = False) -> DelayedError:
        error = DelayedError(problem, retry_after=AGAIN_AFTER, uncertain=uncertain, away=True)
        return self._told(error)

    def _told(self, error: Told) -> Told:
        """The same error, which names the broker and holds no secret."""
        said = error.detail
        for secret in self._secrets:
            said = said.replace(secret, "***")
        error.detail = f"{self._where}: {clean_line(said, 200)}"
        error.args = (error.detail,)
        return error


def forget(done: "asyncio.Future[Any]") -> None:
    """Take what became of it: nobody may wait for it any more, and that is no fault."""
    if not done.cancelled():
        done.exception()


def unreachable(problem: str) -> DelayedError:
    """What a person has to mend about the broker or the settings: it concerns every message."""
    return DelayedError(problem, retry_after=AGAIN_AFTER, away=True)


def _words(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


async def _closed(stack: AsyncExitStack) -> None:
    """Close a client; how one that is given up takes it says nothing to anybody."""
    with suppress(Exception):
        async with asyncio.timeout(_CLOSE_WITHIN):
            await stack.aclose()
