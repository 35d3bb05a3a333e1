"""Bodies: whole or not at all, decoded within a bound."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import gzip
import time
import zlib
from contextlib import suppress

import pytest

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.decoding import MAX_BODY, DamagedError, TooLargeError, read_body
from bellbuoy.http.driver import Driver
from bellbuoy.platform import max_rss_bytes
from tests.faultd import LOOPBACK, Answer, faultd

HERE = HttpSettings(allow_private=LOOPBACK, timeout=10)
BODY = b'{"page": {"id": "x"}, "incidents": []}' * 4


def raw_deflate(body):
    """Deflate without the zlib wrapper, as some servers send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKED = {
    "": lambda body: body,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
}


async def fetch(driver, url):
    """One visit with one question."""
    async with driver.visit(url) as visit:
        return await visit.ask(Request.get(url))


async def in_pieces(data, size):
    """The bytes as they could come from a socket."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("encoding", PACKED)
async def test_a_body_arrives_decoded_however_it_is_sent(encoding, framing):
    """Every encoding that is offered, in every framing, in small pieces."""
    answer = Answer(
        200, {"Content-Encoding": encoding}, PACKED[encoding](BODY), framing=framing, piece=7
    )
    async with faultd(answer) as vendor, Driver(HERE) as driver:
        assert (await fetch(driver, vendor.url)).body == BODY


@pytest.mark.parametrize(
    ("encoding", "framing"),
    [
        ("", "length"),
        ("", "chunked"),
        ("gzip", "length"),
        ("gzip", "chunked"),
        ("gzip", "close"),
        ("deflate", "close"),
    ],
)
async def test_h7_a_body_cut_at_any_byte_is_never_a_document(encoding, framing):
    """Wherever the connection ends, the answer is CUT: never a shorter document."""
    packed = PACKED[encoding](BODY)
    cuts = range(len(packed))
    answers = [
        Answer(200, {"Content-Encoding": encoding, "ETag": '"e"'}, packed, framing=framing, cut=cut)
        for cut in cuts
    ]
    async with faultd(answers) as vendor, Driver(HERE) as driver:
        for cut in cuts:
            async with driver.visit(vendor.url) as visit:
                with pytest.raises(FetchError) as caught:
                    await visit.ask(Request.get(vendor.url))
                assert caught.value.reason is Unreadable.CUT, cut
                assert visit.fresh == {}, "validators of a cut body would hide the whole one"


async def test_h7_a_reset_in_the_middle_is_cut():
    """A TCP reset inside the body is no shorter document either."""
    async with faultd(Answer(200, body=BODY, cut=50, reset=True)) as vendor:
        async with Driver(HERE) as driver:
            with pytest.raises(FetchError) as caught:
                await fetch(driver, vendor.url)
            assert caught.value.reason in {Unreadable.CUT, Unreadable.NETWORK}


def bomb(wbits):
    """64 MiB of zeros, made without ever holding them."""
    packer = zlib.compressobj(wbits=wbits)
    block = bytes(1024 * 1024)
    return b"".join(packer.compress(block) for _ in range(64)) + packer.flush()


@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15)])
async def test_h10_a_bomb_is_stopped_at_the_bound(encoding, wbits):
    """64 KiB on the wire that would grow to 64 MiB cost no more than the bound and its copy."""
    packed = bomb(wbits)
    before = max_rss_bytes()
    async with faultd(Answer(200, {"Content-Encoding": encoding}, packed)) as vendor:
        async with Driver(HERE) as driver:
            with pytest.raises(FetchError) as caught:
                await fetch(driver, vendor.url)
    assert caught.value.reason is Unreadable.REFUSED
    assert caught.value.detail.startswith("too_large")
    assert max_rss_bytes() - before < 32 * 1024 * 1024


async def test_h10_brotli_is_neither_offered_nor_taken():
    """An encoding that was not asked for is not guessed at."""
    async with faultd(Answer(200, {"Content-Encoding": "br"}, b"\x0b\x02\x80")) as vendor:
        async with Driver(HERE) as driver:
            with pytest.raises(FetchError) as caught:
                await fetch(driver, vendor.url)
            assert "br" not in vendor.requests[0].headers["accept-encoding"].split(", ")
    assert caught.value.reason is Unreadable.CUT


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_h10_an_endless_body_is_stopped_at_the_bound(framing):
    """A body that never ends is refused after 8 MiB, long before the deadline."""
    endless = Answer(200, body=bytes(65536), framing=framing, endless=True)
    async with faultd(endless) as vendor, Driver(HERE) as driver:
        began = time.monotonic()
        with pytest.raises(FetchError) as caught:
            await fetch(driver, vendor.url)
    assert caught.value.detail.startswith("too_large")
    assert not caught.value.timed_out
    assert time.monotonic() - began < 5


async def test_h10_header_fields_are_bounded():
    """More than 64 KiB of header fields is refused, in one field or in many."""
    many = [(f"X-{i}", "v" * 2000) for i in range(60)]
    one = [("X-Long", "v" * 70_000)]
    async with faultd([Answer(200, many, b"x"), Answer(200, one, b"x")]) as vendor:
        async with Driver(HERE) as driver:
            for _ in range(2):
                with pytest.raises(FetchError) as caught:
                    await fetch(driver, vendor.url)
                assert caught.value.detail.startswith("too_large"), caught.value


async def test_a_body_of_exactly_the_bound_is_taken():
    """The bound itself is allowed, plain and compressed; one byte more is not."""
    data = b"\x01" * MAX_BODY
    assert len(await read_body(in_pieces(data, 65536), "")) == MAX_BODY
    assert len(await read_body(in_pieces(gzip.compress(data), 65536), "gzip")) == MAX_BODY
    with pytest.raises(TooLargeError):
        await read_body(in_pieces(data + b"1", 65536), "")
    with pytest.raises(TooLargeError):
        await read_body(in_pieces(gzip.compress(data + b"1"), 65536), "gzip")


async def test_several_gzip_members_are_one_body_and_rubbish_behind_them_is_damage():
    """RFC 1952 allows members in a row; anything else after the end is not to be trusted."""
    two = gzip.compress(b"one,") + gzip.compress(b"two")
    for size in (1, 3, 1000):
        assert await read_body(in_pieces(two, size), "gzip") == b"one,two"
    for rubbish in (two + b"rubbish", gzip.compress(b"") * 100):
        with pytest.raises(DamagedError):
            await read_body(in_pieces(rubbish, 1000), "gzip")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_h7_any_flipped_byte_of_a_compressed_body_is_never_another_document(encoding):
    """Damage is found by the checksum, or changes nothing; it never raises anything else."""
    packed = PACKED[encoding](BODY)
    for place in range(len(packed)):
        damaged = packed[:place] + bytes([packed[place] ^ 0x55]) + packed[place + 1 :]
        with suppress(DamagedError, TooLargeError):
            body = await read_body(in_pieces(damaged, 11), encoding)
            assert body == BODY, place
