"""Bodies, decoded as they arrive and never beyond a bound.

A few hundred bytes of gzip can hold gigabytes, so the bound is given to the decompressor
itself (`zlib.decompressobj().decompress(data, max_length)`) and not checked afterwards.
Only gzip and deflate are ever offered: both are in the standard library and both can be
bounded.
"""

import zlib
from collections.abc import AsyncIterator

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a body, on the wire and decoded."""

ACCEPT_ENCODING = "gzip, deflate"

_MAX_MEMBERS = 64
_TOO_LARGE = "the body is over {} KiB"


class TooLargeError(Exception):
    """More bytes than allowed; its text says of what."""


class DamagedError(Exception):
    """The compressed stream ended early, or is not one."""


async def read_body(chunks: AsyncIterator[bytes], encoding: str, limit: int = MAX_BODY) -> bytes:
    """All of a body, decoded. Raises TooLargeError or DamagedError, and what `chunks` raises."""
    coding = encoding.strip().lower()
    if coding in {"", "identity"}:
        return await _read_plain(chunks, limit)
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise DamagedError(f"Content-Encoding {coding[:40]!r} was not asked for")
    return await _read_compressed(chunks, _Inflater(coding, limit), limit)


async def _read_plain(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLargeError(_TOO_LARGE.format(limit // 1024))
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _read_compressed(
    chunks: AsyncIterator[bytes], inflater: "_Inflater", limit: int
) -> bytes:
    wire = 0
    async for chunk in chunks:
        wire += len(chunk)
        if wire > limit:
            raise TooLargeError(_TOO_LARGE.format(limit // 1024))
        inflater.feed(chunk)
    # An empty body is empty in every encoding.
    return inflater.finish() if wire else b""


class _Inflater:
    """A bounded decompressor for one body, which may hold several gzip members."""

    def __init__(self, coding: str, limit: int) -> None:
        self._is_deflate = coding == "deflate"
        self._limit = self._room = limit
        self._members = 1
        self._parts: list[bytes] = []
        self._stream = None if self._is_deflate else zlib.decompressobj(31)

    def feed(self, data: bytes) -> None:
        while data:
            if self._stream is None:
                self._stream = zlib.decompressobj(_deflate_window(data))
            # One byte beyond the room is asked for, so that "exactly full" is not "too large".
            try:
                part = self._stream.decompress(data, self._room + 1)
            except zlib.error as error:
                raise DamagedError(f"the compressed body is damaged: {error}") from None
            self._room -= len(part)
            if self._room < 0:
                raise TooLargeError(_TOO_LARGE.format(self._limit // 1024))
            self._parts.append(part)
            data = self._next_member() if self._stream.eof else b""

    def finish(self) -> bytes:
        if self._stream is None or not self._stream.eof:
            raise DamagedError("the compressed body ended early")
        return b"".join(self._parts)

    def _next_member(self) -> bytes:
        """What follows the end of a stream: for gzip another member (RFC 1952, 2.2), or nothing."""
        rest = self._stream.unused_data if self._stream is not None else b""
        if rest:
            self._members += 1
            if self._is_deflate or self._members > _MAX_MEMBERS:
                raise DamagedError("there are bytes after the end of the compressed body")
            self._stream = zlib.decompressobj(31)
        return rest


def _deflate_window(data: bytes) -> int:
    """Some servers send raw deflate where RFC 9110, 8.4.1.2 wants the zlib wrapper."""
    is_wrapped = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0)
    return zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS
