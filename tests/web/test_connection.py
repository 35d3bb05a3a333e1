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


async def greet(_scope, receive, send):
    """Take the body, and answer with its size."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d bytes" % size
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def heard(reader):
    """Everything that is said until the end, within a bounded time."""
    found = b""
    try:
        async with asyncio.timeout(10):
            while some := await reader.read(1 << 16):
                found += some
    except ConnectionError:
        pass
    return found


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


MIB = 1024 * 1024
ENDLESS = {
    "a value": b"GET / HTTP/1.1\r\nX: " + b"x" * MIB,
    "lines": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (MIB // 6),
    "the least lines": b"GET / HTTP/1.1\r\n" + b"a:\n" * (MIB // 3),
    "a name": b"GET / HTTP/1.1\r\n" + b"x" * MIB,
    "an address": b"GET /" + b"x" * MIB,
    "blank lines": b"\r\n" * (MIB // 2),
    "a trailer": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * MIB
    ),
    "lines of a trailer": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"X: y\r\n" * (MIB // 6)
    ),
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("before", [b"", REQUEST], ids=["at first", "after another request"])
@pytest.mark.parametrize("step", [1000, MIB * 2], ids=["in parts", "at once"])
async def test_w1_a_header_without_end_is_not_kept(text, before, step):
    """It ends with its connection, before anybody is asked for a token; others are answered."""
    async with connected(greet) as (reader, writer):
        told = asyncio.create_task(heard(reader))
        try:
            writer.write(before)
            for start in range(0, len(text), step):
                writer.write(text[start : start + step])
                await writer.drain()
        except ConnectionError:
            pass
        answers = await told
        assert answers.count(b"HTTP/1.1 200") <= (1 if before else 0)

        host, port = writer.get_extra_info("peername")
        other_reader, other = await asyncio.open_connection(host, port)
        other.write(REQUEST)
        async with asyncio.timeout(10):
            assert (await other_reader.readline()).startswith(b"HTTP/1.1 200")
        other.transport.abort()


@pytest.mark.parametrize(
    "lines",
    [b"X: " + b"x" * 66_000 + b"\r\n", b"X: y\r\n" * 257, (b"X: " + b"y" * 600 + b"\r\n") * 120],
    ids=["too long", "too many", "too much in all"],
)
async def test_w1_a_large_header_is_refused_though_it_comes_whole(lines):
    """What it says is not even read."""
    async with connected(greet) as (reader, writer):
        writer.write(REQUEST[:-2] + lines + b"\r\n")
        assert (await heard(reader)).startswith(b"HTTP/1.1 431 ")


async def test_many_requests_of_one_connection_are_no_large_header():
    """Whether one waits for the answer before, or all are asked at once; bodies do not count."""
    body = b"x" * 200_000
    large = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    parts = b"".join(b"1\r\nx\r\n" for _ in range(40_000)) + b"0\r\n\r\n"
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + parts
    header = REQUEST[:-2] + b"X: " + b"x" * 40_000 + b"\r\n\r\n"
    last = REQUEST[:-2] + b"Connection: close\r\n\r\n"
    async with connected(greet) as (reader, writer):
        told = asyncio.create_task(heard(reader))
        writer.write((large + chunked + header) * 3 + last)
        answers = await told
    assert answers.count(b"HTTP/1.1 200") == 10
    assert answers.count(b"200000 bytes") == 3
    assert answers.count(b"40000 bytes") == 3
