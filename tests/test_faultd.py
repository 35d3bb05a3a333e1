"""The scripted vendor does what its scripts say, so that tests against it mean something."""

# ruff: noqa: SIM117 - a vendor and its client read better one below the other

import asyncio

import aiohttp
import pytest

from tests.faultd import Answer, document, faultd


async def get(url, **options):
    """Status and body of one request."""
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:
        return response.status, await response.read()


async def test_a_list_is_played_in_order_and_its_last_answer_stays():
    """One answer per request, then the last for ever."""
    async with faultd([Answer(500), Answer(body=b"a"), Answer(body=b"b")]) as vendor:
        assert [await get(vendor.url) for _ in range(4)] == [
            (500, b""),
            (200, b"a"),
            (200, b"b"),
            (200, b"b"),
        ]
        assert [received.number for received in vendor.requests] == [0, 1, 2, 3]


async def test_paths_have_scripts_of_their_own_and_others_are_404():
    """A query does not belong to the path."""
    async with faultd({"/a": [Answer(body=b"1"), Answer(body=b"2")]}) as vendor:
        assert await get(vendor.at("a?x=1")) == (200, b"1")
        assert await get(vendor.at("/b")) == (404, b"")
        assert await get(vendor.at("/a")) == (200, b"2")
        assert vendor.requests[0].target == "/a?x=1"


async def test_a_function_sees_the_request_and_may_wait():
    """The whole request is there, body included."""

    async def echo(received):
        await asyncio.sleep(0)
        return Answer(body=received.method.encode() + received.body)

    async with faultd(echo) as vendor, aiohttp.ClientSession() as session:
        async with session.post(vendor.url, data=b"!") as response:
            assert await response.read() == b"POST!"


async def test_a_document_answers_conditional_requests():
    """304 to its own validators, 200 to others."""
    async with faultd(document(b"x", etag='"1"')) as vendor:
        assert await get(vendor.url) == (200, b"x")
        assert await get(vendor.url, headers={"If-None-Match": '"1"'}) == (304, b"")
        assert await get(vendor.url, headers={"If-None-Match": '"2"'}) == (200, b"x")


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_cut_body_is_noticed_by_a_client_that_looks(framing):
    """The connection ends after exactly that many bytes."""
    async with faultd(Answer(body=b"0123456789", cut=4, framing=framing)) as vendor:
        with pytest.raises(aiohttp.ClientPayloadError):
            await get(vendor.url)


async def test_pace_is_kept():
    """Forty bytes at a hundred a second take about 0.4 seconds."""
    async with faultd(Answer(body=b"x" * 40, rate=100)) as vendor:
        began = asyncio.get_running_loop().time()
        assert await get(vendor.url) == (200, b"x" * 40)
        assert 0.3 < asyncio.get_running_loop().time() - began < 5


async def test_vendors_are_different_hosts_and_count_their_connections():
    """Each has an address of its own; open connections go away with their clients."""
    async with faultd(Answer()) as one, faultd(Answer()) as two:
        assert one.host != two.host
        await asyncio.gather(get(one.url), get(one.url), get(two.url))
        assert (one.connections, two.connections) == (2, 1)
        await one.until_closed()
        assert one.open_connections == 0
