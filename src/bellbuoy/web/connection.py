"""One connection: uvicorn's, let go when whoever is at its other end does nothing, or too much.

    connected, or a byte of the next request ──> HEADER_WITHIN ──> a whole header, or the end
    a header, or what follows a body ──> MOST_OF_HEADER, MOST_FIELDS ──> 431 and the end
    more to send than is taken ──> every STALLED_AFTER ──> some of it was taken, or the end

Else a few thousand connections that say nothing, or take nothing, would keep everybody out, and
a single one whose header has no end would take all memory.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADER_WITHIN = 10.0
"""How long the header of a request may take to come, in seconds."""

MOST_OF_HEADER = 64 * 1024
"""The largest header that is taken, its address included, in bytes."""

MOST_FIELDS = 256
"""The most lines that a header may have."""

STALLED_AFTER = 30.0
"""After so many seconds without taking anything of what waits for it, a reader is let go."""


class _TooLargeError(Exception):
    """A header is larger than is taken."""


class Connection(HttpToolsProtocol):
    """A connection with an end to patience."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._header: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._size = self._fields = 0
        self._unfinished = 0
        self._is_too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, for a while."""
        super().connection_made(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """Once the next request began, its header has to end."""
        if self._header is None and (not self.cycle or self.cycle.response_complete):
            self._await_header()
        # The parser keeps a line until it ends, and says nothing of it before.
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MOST_OF_HEADER and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        """Another request, and another header."""
        self._size = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the header, or of the trailer that may follow a body."""
        self._fields += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The header is there."""
        self._header = _off(self._header)
        self._unfinished = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body; how large it may be is not decided here."""
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._unfinished = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser gave up on, be it no HTTP or too much of it."""
        if self._is_too_large:
            self._refuse()
        else:
            super().send_400_response(msg)

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

    def _count(self, size: int) -> None:
        """Raise, which ends the parsing, where a header is too large."""
        self._size += size
        if self._size > MOST_OF_HEADER or self._fields > MOST_FIELDS:
            self._is_too_large = True
            raise _TooLargeError

    def _refuse(self) -> None:
        """Say that it is too large, unless that would stand within another answer."""
        if not self.cycle or self.cycle.response_complete:
            self.transport.write(
                STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()

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
