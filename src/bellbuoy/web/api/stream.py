"""`/api/v1/events/stream`: events as they are recorded, as server-sent events.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html: each event is one
message whose `id` is its place in the log, so that a browser that was cut off goes on where it
was. A message that has an `id` and no `data` only moves the place on.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bellbuoy.errors import StoreError
from bellbuoy.stores.cursors import format_cursor
from bellbuoy.web.api.choosing import EventChoice, event_choice
from bellbuoy.web.api.openapi import STREAM
from bellbuoy.web.api.queries import LogPlace, StreamQuery
from bellbuoy.web.api.tail import Line, Tail
from bellbuoy.web.marks import place_after
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

MOST_LISTENERS = 2000
"""So many listen at once, at most."""

RETRY_AFTER = 3.0
"""Seconds after which a browser that was cut off comes back."""

STALLED_AFTER = 30.0
"""Seconds after which a listener who takes nothing is let go; it comes back where it was."""

TRY_AGAIN_AFTER = 2.0
"""Seconds until the log is read again after the store refused."""

_TOGETHER = 64 * 1024
"""Bytes that are sent at once; so much of a slow listener is held, and no more."""

_HEADERS = {
    "cache-control": "no-store",
    # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
    "x-accel-buffering": "no",
}


def router(site: Site) -> APIRouter:
    """The stream."""
    routes = APIRouter(tags=["events"])
    tail = Tail(site.app)

    @routes.get("/events/stream", responses=STREAM, response_class=Response)
    async def stream_events(
        asked: Annotated[StreamQuery, Query()],
        last_event_id: Annotated[
            LogPlace, Header(description="The place after which to go on.")
        ] = "",
    ) -> Response:
        """Follow the log: each event as it is recorded, as a server-sent event.

        Begins now, or after the place that is given. The type of a message is the kind of its
        event, its data one CloudEvent. A place of another log is refused with 400, one before
        what is kept with 410.
        """
        if tail.listeners >= MOST_LISTENERS:
            raise Problem(503, f"{MOST_LISTENERS} listen already", retry_after=30)
        end = await site.store.last_seq()
        text = last_event_id or asked.after
        place = end if text is None else await place_after(site.store, text)
        return _Listening(tail, event_choice(site, asked), site.store.log_id, place, end)

    return routes


class _Listening(Response):
    """An answer that goes on until somebody ends it: the reader, or we."""

    media_type = "text/event-stream"

    def __init__(self, tail: Tail, choice: EventChoice, log_id: str, place: int, end: int) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._tail = tail
        self._choice = choice
        self._log_id = log_id
        self._place = place
        self._end = end
        self._sending: asyncio.Task[None] | None = None
        self._is_over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes. All that an idle listener costs is this frame and its place."""
        self._send = send
        self._task = asyncio.current_task()
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        if scope.get("state", {}).get("is_head"):
            await self._write(b"", more=False)
            return
        await self._write(f"retry: {RETRY_AFTER * 1000:.0f}\n{self._mark()}".encode())
        self._tail.join(self, self._end)
        try:
            self.wake()
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not self._is_over or self._task is None or self._task.uncancel():
                raise
            await self._write(b"", more=False)
        finally:
            self._tail.leave(self)
            if self._sending is not None:
                self._sending.cancel()

    def wake(self) -> None:
        """Send what is new, unless that is being done."""
        if self._sending is None and not self._is_over:
            self._sending = asyncio.create_task(self._catch_up(), name="listener")
            self._sending.add_done_callback(self._sent)

    def beat(self) -> None:
        """Show that we are there, and how far the log was read for this listener."""
        if self._sending is None and not self._is_over:
            text = f": still here\n{self._mark()}".encode()
            self._sending = asyncio.create_task(self._within(text), name="beat")
            self._sending.add_done_callback(self._sent)

    def end(self) -> None:
        """Let the listener go."""
        if not self._is_over and self._task is not None:
            self._is_over = True
            self._task.cancel()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if task.cancelled():
            return
        if task.exception() is not None:
            self.end()
        elif self._tail.newest > self._place:
            self.wake()

    async def _catch_up(self) -> None:
        """Send everything beyond the place. Whoever takes nothing for long is let go."""
        newest = self._tail.newest
        while lines := await self._next():
            for text, place in self._parts(lines):
                if text:
                    await self._within(text)
                self._place = place
            newest = self._tail.newest
        # What was dropped from the log meanwhile comes no more.
        self._place = max(self._place, newest)

    async def _next(self) -> list[Line]:
        while True:
            try:
                return await self._tail.after(self._place)
            except StoreError:
                await asyncio.sleep(TRY_AGAIN_AFTER)

    def _parts(self, lines: list[Line]) -> list[tuple[bytes, int]]:
        """What to send of these lines, in bounded parts, with the place after each."""
        parts: list[tuple[bytes, int]] = []
        text: list[bytes] = []
        size = 0
        for line in lines:
            if self._choice.takes(line.event):
                text.append(line.text)
                size += len(line.text)
            if size >= _TOGETHER:
                parts.append((b"".join(text), line.seq))
                text, size = [], 0
        return [*parts, (b"".join(text), lines[-1].seq)]

    async def _within(self, text: bytes) -> None:
        async with asyncio.timeout(STALLED_AFTER):
            await self._write(text)

    async def _write(self, text: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": text, "more_body": more})

    def _mark(self) -> str:
        return f"id: {format_cursor(self._log_id, self._place)}\n\n"
