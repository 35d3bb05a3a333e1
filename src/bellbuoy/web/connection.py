"""One connection: uvicorn's, let go when whoever is at its other end does nothing.

    connected, or a byte of the next request ──> HEADER_WITHIN ──> a whole header, or the end
    more to send than is taken ──> every STALLED_AFTER ──> some of it was taken, or the end

Else a few thousand connections that say nothing, or take nothing, would keep everybody out.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_WITHIN = 10.0
"""How long the header of a request may take to come, in seconds."""

STALLED_AFTER = 30.0
"""After so many seconds without taking anything of what waits for it, a reader is let go."""


class Connection(HttpToolsProtocol):
    """A connection with an end to patience."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._header: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, for a while."""
        super().connection_made(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """Once the next request began, its header has to end."""
        if self._header is None and (not self.cycle or self.cycle.response_complete):
            self._await_header()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The header is there."""
        self._header = _off(self._header)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """More waits to be sent than is good."""
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It was taken."""
        self._taking = _off(self._taking)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._header, self._taking = _off(self._header), _off(self._taking)
        super().connection_lost(exc)

    def _await_header(self) -> None:
        self._header = self.loop.call_later(HEADER_WITHIN, self.transport.abort)

    def _watch(self, left: int) -> None:
        self._taking = self.loop.call_later(STALLED_AFTER, self._judge, left)

    def _judge(self, left: int) -> None:
        """Slow is not stalled: what counts is that it becomes less."""
        now_left = self.transport.get_write_buffer_size()
        if now_left >= left:
            self.transport.abort()
        else:
            self._watch(now_left)


def _off(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
