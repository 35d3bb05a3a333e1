"""Connections whose other end does nothing, over a real port."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bellbuoy.web import connection
from bellbuoy.web.server import address_of, listen, serving
from tests.web.sites import OPEN

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LARGE = 32 * 1024 * 1024


async def answer(_scope, _receive, send):
    """More than fits on the way."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(LARGE), "more_body": True})
    await send({"type": "http.response.body", "body": b"end", "more_body": False})


@asynccontextmanager
async def connected(application):
    """A connection to a server with this application."""
    with listen(type(OPEN)(port=0)) as opened:
        async with serving(application, opened):
            host, port = address_of(opened).removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            try:
                yield reader, writer
            finally:
                writer.transport.abort()


async def is_ended(reader):
    """Whether the other end ends it within a bounded time."""
    try:
        async with asyncio.timeout(10):
            while await reader.read(1 << 16):
                pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("text", [b"", b"GET / HT", b"\r\n", REQUEST[:-2]])
async def test_a_header_that_does_not_come_ends_the_connection(monkeypatch, text):
    """Whether nothing was sent, or a part of it."""
    monkeypatch.setattr(connection, "HEADER_WITHIN", 0.1)
    async with connected(answer) as (reader, writer):
        writer.write(text)
        assert await is_ended(reader)


async def test_a_header_that_drips_is_not_waited_for_longer(monkeypatch):
    """Each byte is no new beginning."""
    monkeypatch.setattr(connection, "HEADER_WITHIN", 0.2)
    async with connected(answer) as (reader, writer):

        async def drip():
            while True:
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.02)

        writer.write(REQUEST[:-2])
        dripping = asyncio.create_task(drip())
        try:
            assert await is_ended(reader)
        finally:
            dripping.cancel()


async def test_an_answer_may_take_longer_than_a_header(monkeypatch):
    """Who asked is waited for, and so is who reads slowly."""
    monkeypatch.setattr(connection, "HEADER_WITHIN", 0.05)
    monkeypatch.setattr(connection, "STALLED_AFTER", 0.3)
    async with connected(answer) as (reader, writer):
        writer.write(REQUEST)
        await writer.drain()
        size = 0
        async with asyncio.timeout(20):
            while size < LARGE:
                some = await reader.read(1 << 20)
                assert some, size
                size += len(some)


async def test_who_takes_nothing_is_let_go(monkeypatch):
    """However open the connection is; what waited to be sent is dropped."""
    monkeypatch.setattr(connection, "STALLED_AFTER", 0.2)
    over = asyncio.Event()

    async def watched(scope, receive, send):
        try:
            await answer(scope, receive, send)
        finally:
            over.set()

    async with connected(watched) as (_, writer):
        writer.write(REQUEST)
        async with asyncio.timeout(10):
            await over.wait()
