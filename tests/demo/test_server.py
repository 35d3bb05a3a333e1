"""The pretend internet as a reader meets it: real addresses, real validators, real trouble."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from bellbuoy.demo import internet as internet_module
from bellbuoy.demo.draft import Shape, Trouble
from bellbuoy.demo.internet import Internet, pretend_internet
from bellbuoy.demo.render import WRITTEN
from bellbuoy.demo.server import FAILED_LOOKS
from bellbuoy.demo.world import LOOKS, Vendor, World
from bellbuoy.model.facts import Page


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain client without a memory of its own."""
    async with aiohttp.ClientSession() as session:
        yield session


def face_of(internet: Internet, page: Page) -> str:
    """The document that every visit to a page asks first."""
    vendor = next(v for v in internet.world.vendors if v.provider == page.provider)
    written = WRITTEN[vendor.shape]
    return page.url.removesuffix(written.address_path) + written.face


def vendor_with(world: World, wanted: Callable[[Vendor], bool]) -> Vendor:
    """The first vendor of that kind."""
    return next(filter(wanted, world.vendors))


async def test_every_page_has_an_origin_and_a_lasting_key() -> None:
    """Two internets at once never share an origin, and their pages have the same keys."""
    async with pretend_internet(7, 20.0) as first, pretend_internet(7, 20.0) as second:
        origins = [w.page.url.split("/")[2] for i in (first, second) for w in i.watched]
        assert len(set(origins)) == len(origins)
        assert [w.page.key for w in first.watched] == [w.page.key for w in second.watched]
        assert all(origin.startswith("127.") for origin in origins)


async def test_addresses_stay_the_same_from_run_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a page in the log changes only where another run holds it."""
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = spare.getsockname()[1]
    monkeypatch.setattr("bellbuoy.demo.internet.PORT", port)
    async with pretend_internet(7, 20.0) as first:
        before = [watched.page.url for watched in first.watched]
        async with pretend_internet(7, 20.0) as beside:
            taken = [watched.page.url for watched in beside.watched]
    async with pretend_internet(8, 30.0) as again:
        after = [watched.page.url for watched in again.watched]
    assert before == after
    assert set(before).isdisjoint(taken)


@pytest.mark.parametrize("port", [None, 0], ids=["only one address", "no port either"])
async def test_where_loopback_is_one_address_each_vendor_has_a_port(
    monkeypatch: pytest.MonkeyPatch, port: int | None
) -> None:
    """Some systems have 127.0.0.1 alone; and where known ports are taken, any free one will do."""
    listen = internet_module._listen

    def listen_there(host: str, wanted: int) -> socket.socket:
        if host != "127.0.0.1" or (port is not None and wanted != port):
            raise OSError(errno.EADDRNOTAVAIL, "no such address here")
        return listen(host, wanted)

    monkeypatch.setattr(internet_module, "_listen", listen_there)
    async with pretend_internet(7, 20.0) as internet:
        origins = {watched.page.url.split("/")[2] for watched in internet.watched}
        assert len(origins) == len(internet.watched)
        assert all(origin.startswith("127.0.0.1:") for origin in origins)


@pytest.mark.parametrize("header", ["etag", "last-modified"])
async def test_an_unchanged_document_is_304_by_either_validator(
    client: aiohttp.ClientSession, header: str
) -> None:
    """Conditional requests are answered as RFC 9110 says."""
    async with pretend_internet(7, 3600.0) as internet:
        url = face_of(internet, internet.watched[0].page)
        async with client.get(url) as answer:
            assert answer.status == 200
            known = answer.headers[header]
        name = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}[header]
        async with client.get(url, headers={name: known}) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"]


async def test_a_page_does_not_change_before_it_was_read_often_enough(
    client: aiohttp.ClientSession,
) -> None:
    """A step whose time has come waits for its reader: nothing is lost on a busy machine."""
    async with pretend_internet(7, 1e-6) as internet:  # every step is overdue from the beginning
        vendor = vendor_with(internet.world, lambda v: v.shape is Shape.HISTORY)
        page = next(w.page for w in internet.watched if w.page.provider == vendor.provider)
        bodies = [await read(client, face_of(internet, page)) for _ in range(LOOKS * 3)]
    for place in range(3):
        assert len(set(bodies[place * LOOKS : (place + 1) * LOOKS])) == 1
    assert len(set(bodies)) == 3


async def read(client: aiohttp.ClientSession, url: str) -> bytes:
    """The body of one answer."""
    async with client.get(url) as answer:
        return await answer.read()


@pytest.mark.parametrize("trouble", [Trouble.HTML, Trouble.ERROR])
async def test_a_trouble_spoils_two_visits_and_no_more(
    client: aiohttp.ClientSession, trouble: Trouble
) -> None:
    """Two failures in a row are fewer than make a page unreadable, at any speed."""
    async with pretend_internet(7, 1e-6) as internet:
        vendor = vendor_with(
            internet.world, lambda v: any(step.trouble is trouble for step in v.steps)
        )
        page = next(w.page for w in internet.watched if w.page.provider == vendor.provider)
        seen: list[tuple[int, str]] = []
        for _ in range(LOOKS * len(vendor.steps)):
            async with client.get(face_of(internet, page)) as answer:
                seen.append((answer.status, answer.content_type))
    bad = [
        place
        for place, (status, kind) in enumerate(seen)
        if status == 500 or (status == 200 and kind == "text/html")
    ]
    assert bad == [bad[0], bad[0] + 1]
    assert len(bad) == FAILED_LOOKS


async def test_the_end_is_known_when_every_page_was_read_after_it(
    client: aiohttp.ClientSession,
) -> None:
    """Only looks after a page's last step count; the page that hangs must only be asked."""
    async with pretend_internet(7, 1e-6) as internet:
        assert len(internet.unread) == len(internet.watched)
        for watched in internet.watched:
            vendor = next(v for v in internet.world.vendors if v.provider == watched.page.provider)
            await visit_to_the_end(client, vendor, face_of(internet, watched.page))
        assert internet.unread == ()
        await internet.everything_read()


async def visit_to_the_end(client: aiohttp.ClientSession, vendor: Vendor, url: str) -> None:
    """Read one page until it has said everything; ask once where it hangs."""
    if vendor.steps[0].trouble is Trouble.HANGS:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await read(client, url)
        return
    for step in vendor.steps:
        for _ in range(LOOKS if step.trouble is None else FAILED_LOOKS):
            await read(client, url)


async def test_leaving_the_internet_lets_go_of_whoever_waits_for_the_page_that_hangs(
    client: aiohttp.ClientSession,
) -> None:
    """The end of a run does not depend on the deadline of a visit."""
    async with asyncio.timeout(10.0), pretend_internet(7, 20.0) as internet:
        vendor = vendor_with(internet.world, lambda v: v.steps[0].trouble is Trouble.HANGS)
        page = next(w.page for w in internet.watched if w.page.provider == vendor.provider)
        waiting = asyncio.create_task(read(client, face_of(internet, page)))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    async with asyncio.timeout(10.0):
        await waiting
