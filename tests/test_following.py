"""A process that polls nothing, or a share, shows everything: whole monitors over one store."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from msgspec.structs import replace

from bellbuoy.app import App
from bellbuoy.config.web import Web
from bellbuoy.errors import StoreUnavailableError
from bellbuoy.following import LOOK_EVERY, LOOK_SOON, Following
from bellbuoy.model.facts import ComponentStatus, Impact
from bellbuoy.model.known import PageState
from bellbuoy.model.leases import Role
from bellbuoy.observer import Happened, Observer, Observers
from bellbuoy.stores import Visit
from bellbuoy.stores.memory import MemoryStore
from bellbuoy.web import access
from bellbuoy.web.addresses import page_id
from bellbuoy.web.application import application
from bellbuoy.web.overview import Overview
from bellbuoy.web.server import address_of, listen, serving
from bellbuoy.web.site import Site
from tests.detection.saying import component, incident, page_says, update
from tests.polling.scripted import ScriptedNetwork, config, now, page
from tests.stores.samples import event
from tests.virtual_time import run_virtual
from tests.web.sites import READ_TOKEN, WRITE_TOKEN

PAGES = tuple(page(number) for number in range(40))
KEY = PAGES[0].key
QUIET = page_says(stamp=0)
TROUBLE = page_says(incident("a", update("1"), impact=Impact.MAJOR), stamp=1)
POLLS = (Role.POLL, Role.DELIVER)
ALL = tuple(Role)
WEB = Web(read=READ_TOKEN, write=WRITE_TOKEN)


class Heard(Observer):
    """What a monitor was told of pages, and what it said of itself."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.said: list[str] = []

    def changed(self, page_key: str) -> None:
        """Take down."""
        self.pages.append(page_key)

    def happened(self, details: Happened) -> None:
        """Take down."""
        self.said.append(details.what)


class Troubled(MemoryStore):
    """A store that refuses to be read while `refuses`; it counts how often the log is read."""

    refuses = False
    reads = 0

    async def read_events(self, **asked):
        """As every store, in a while."""
        self.reads += 1
        await asyncio.sleep(0.01)
        self._judge()
        return await super().read_events(**asked)

    async def load_states(self, page_keys):
        """As every store."""
        self._judge()
        return await super().load_states(page_keys)

    async def wait_for_events(self, after):
        """As every store."""
        self._judge()
        await super().wait_for_events(after)

    def _judge(self):
        if self.refuses:
            raise StoreUnavailableError("a store", "it is away")


class Fleet:
    """Monitors over one store and one world, each shown by a site of its own."""

    def __init__(self, stack: AsyncExitStack, store: MemoryStore, *pages, clock=now) -> None:
        self._clock = clock
        self._stack = stack
        self.store = store
        self.config = config(*(pages or PAGES))
        self.says = {one.page.url: QUIET for one in self.config.watched}
        self.heard: list[Heard] = []

    def script(self, url, time):
        """The world as it is now."""
        return self.says[url]

    async def start(self, *roles: Role) -> Site:
        """One more of them."""
        overview = Overview()
        self.heard.append(Heard())
        app = App(
            self.config,
            roles=roles,
            store=self.store,
            network=ScriptedNetwork(self.script),
            observer=Observers((overview, self.heard[-1])),
            now=self._clock,
        )
        await self._stack.enter_async_context(app)
        overview.open(app)
        return Site(app, WEB, overview)

    async def stop(self, site: Site) -> None:
        """One of them ends."""
        await site.app.__aexit__(None, None, None)


def together(situation, *pages, is_shared=True) -> None:
    """Run a situation with a fleet, in virtual time."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            store = Troubled(is_shared=is_shared, now=now)
            await situation(Fleet(stack, store, *pages))

    run_virtual(run())


async def standing(site: Site, key: str = KEY):
    """How a page stands there."""
    view = await site.overview.page(page_id(key))
    assert view is not None
    return view


@pytest.mark.parametrize("is_shared", [True, False], ids=["workers", "one that polls"])
def test_what_another_process_records_is_shown_at_once(is_shared):
    """By one that polls nothing, beside one or many that poll."""

    async def situation(fleet):
        await fleet.start(*POLLS)
        site = await fleet.start(Role.WEB)
        await asyncio.sleep(120)
        assert (await standing(site)).status is ComponentStatus.OPERATIONAL
        fleet.says[KEY] = TROUBLE
        before = await fleet.store.last_seq()
        await fleet.store.wait_for_events(before)
        (one,) = (await standing(site)).incidents
        assert one.key == "a"
        place = site.app.place(KEY)
        assert (place.due_at, place.is_elsewhere) == (None, True)
        assert place.state.has_open

    together(situation, is_shared=is_shared)


def test_whoever_heard_of_an_event_sees_it_on_the_board(monkeypatch):
    """Even where the task that follows has not come to it: who shows something catches up first."""

    async def never(self):
        await asyncio.Event().wait()

    monkeypatch.setattr(Following, "run", never)

    async def situation(fleet):
        await fleet.start(*POLLS)
        site = await fleet.start(Role.WEB)
        await asyncio.sleep(60)
        await site.overview.pages()
        fleet.says[KEY] = TROUBLE
        await fleet.store.wait_for_events(await fleet.store.last_seq())
        assert (await standing(site)).incidents

    together(situation)


def test_no_page_of_others_is_taken_for_unknown_while_they_poll_it():
    """States are written once a minute and read twice in one, whatever the page's own period."""
    often, seldom = page(0, every=10.0), page(1, every=3600.0)

    async def situation(fleet):
        await fleet.start(*POLLS)
        site = await fleet.start(Role.WEB)
        await asyncio.sleep(120)
        oldest = 0.0
        for _ in range(4 * 180):
            await asyncio.sleep(20)
            for view in await site.overview.pages():
                assert view.is_known
                if view.watched.page == often:
                    age = now() - view.place.state.health.read_at
                    oldest = max(oldest, age.total_seconds())
        assert 60 <= oldest <= 10 + 60 + LOOK_EVERY

    together(situation, often, seldom)


def test_r6_pages_that_nobody_polls_any_more_are_unknown():
    """What they said last is not what they say now, and so no page stays green."""

    async def situation(fleet):
        polls = await fleet.start(*POLLS)
        site = await fleet.start(Role.WEB)
        await asyncio.sleep(120)
        await fleet.stop(polls)
        await asyncio.sleep(300)
        assert (await standing(site)).is_known
        await asyncio.sleep(360)
        assert all(not view.is_known for view in await site.overview.pages())

    together(situation)


def test_what_was_learned_without_an_event_is_shown_soon():
    """A first look at a page that is fine, and a component more, are no news, but facts."""

    async def situation(fleet):
        site = await fleet.start(Role.WEB)
        assert (await standing(site)).total == 0
        assert not (await standing(site)).is_read
        await asyncio.sleep(600)
        await fleet.start(*POLLS)
        await asyncio.sleep(1 + LOOK_SOON)
        assert (await standing(site)).total == 1
        fleet.says[KEY] = page_says(components=(component("API"), component("Web")), stamp=2)
        await asyncio.sleep(60 + LOOK_EVERY)
        assert (await standing(site)).total == 2
        assert await fleet.store.last_seq() == 0

    together(situation)


def test_pages_that_did_not_change_are_not_read_again():
    """A new state of each is written every minute, and says nothing new."""

    async def situation(fleet):
        await fleet.start(*POLLS)
        await fleet.start(Role.WEB)
        await asyncio.sleep(180)
        heard = fleet.heard[1].pages
        assert set(heard) == {one.key for one in PAGES}
        heard.clear()
        await asyncio.sleep(1800)
        assert heard == []
        fleet.says[KEY] = TROUBLE
        await asyncio.sleep(180)
        assert set(heard) == {KEY}

    together(situation)


def test_a_store_that_refuses_is_waited_for_and_meanwhile_it_is_not_ready():
    """It says so once, and then shows what came meanwhile."""

    async def situation(fleet):
        await fleet.start(*POLLS)
        site = await fleet.start(Role.WEB)
        await asyncio.sleep(120)
        assert site.app.ready() == ()
        fleet.store.refuses = True
        await asyncio.sleep(LOOK_EVERY + 1)
        assert site.app.ready() == ("the store cannot be read",)
        with pytest.raises(StoreUnavailableError):
            await site.overview.pages()
        await asyncio.sleep(600)
        assert site.app.stuck() == ()
        fleet.says[KEY] = TROUBLE
        fleet.store.refuses = False
        await asyncio.sleep(90)
        assert site.app.ready() == ()
        assert (await standing(site)).incidents
        waits = [said for said in fleet.heard[1].said if "waits for the store" in said]
        assert len(waits) == 2

    together(situation)


def test_many_who_look_at_once_ask_the_store_once_more():
    """Who waits for another one who reads is served with the others who wait."""

    async def situation(fleet):
        site = await fleet.start(Role.WEB)
        fleet.store.reads = 0
        await asyncio.gather(*(site.overview.pages() for _ in range(100)))
        assert fleet.store.reads <= 2

    together(situation)


def test_no_page_is_unknown_while_pages_change_hands():
    """One that polls a share shows the others' too, and goes on with those that it takes over."""

    async def situation(fleet):
        first = await fleet.start(*ALL)
        await asyncio.sleep(120)
        second = await fleet.start(*ALL)
        shares = []
        for site in (second, first):
            for _ in range(30):
                await asyncio.sleep(4)
                for each in (first, second):
                    if not each.app.is_over:
                        assert all(view.is_known for view in await each.overview.pages())
            shares.append(sum(not place.is_elsewhere for place in second.app.places()))
            if site is second:
                await fleet.stop(first)
        assert 0 < shares[0] < len(PAGES)
        assert shares[1] == len(PAGES)

    together(situation)


def test_a_page_that_was_taken_over_is_read_again():
    """Others may have changed it since it was ours, or since somebody looked here."""

    async def situation(fleet):
        await fleet.start(Role.POLL)
        await fleet.start(Role.POLL)
        await asyncio.sleep(120)
        taken = set(fleet.heard[0].pages), set(fleet.heard[1].pages)
        assert taken[0] == {one.key for one in PAGES}
        assert taken[1]
        assert taken[1] < taken[0]

    together(situation)


@pytest.mark.parametrize("is_shared", [True, False], ids=["workers", "one that polls"])
def test_a_page_is_poked_through_another_process(is_shared):
    """Whoever answers the vendor's call, the page is looked at within seconds."""
    slow = page(0, every=3600.0)

    async def situation(fleet):
        polls = await fleet.start(*POLLS)
        shows = await fleet.start(Role.WEB)
        await asyncio.sleep(101)
        path = access.poke_path(WEB, page_id(slow.key), access.Scope.WRITE)
        async with visitor(shows) as client:
            answer = await client.post(path)
        assert (answer.status_code, answer.json()) == (202, {"next_look_at": None})
        began = now()
        await asyncio.sleep(12)
        assert polls.app.place(slow.key).state.health.polled_at > began
        assert (await fleet.store.roster()).pokes == ()

    together(situation, slow, is_shared=is_shared)


@asynccontextmanager
async def visitor(site: Site) -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody whom this process answers."""
    transport = httpx.ASGITransport(application(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484") as client:
        yield client


def test_a_browser_that_signed_in_at_one_is_known_at_the_other():
    """A balancer sends it to either: the cookie is proof of the token, and no secret of a process.

    So are the tokens of pokes; what did not change has the same tag.
    """

    async def situation(fleet):
        await fleet.start(*POLLS)
        await asyncio.sleep(60)
        one, other = await fleet.start(Role.WEB), await fleet.start(Role.WEB)
        async with visitor(one) as here, visitor(other) as there:
            assert (await there.get("/api/v1/pages")).status_code == 401
            origin = {"origin": "http://127.0.0.1:8484"}
            signed = await here.post("/sign-in", data={"token": WRITE_TOKEN}, headers=origin)
            cookie = signed.cookies[access.SESSION]
            headers = {"cookie": f"{access.SESSION}={cookie}"}
            found = await here.get("/api/v1/pages", headers=headers)
            known = {**headers, "if-none-match": found.headers["etag"]}
            assert (await there.get("/api/v1/pages", headers=known)).status_code == 304
            poke = found.json()["items"][0]["poke"]
            assert (await there.post(poke)).status_code == 202
            form = {"matcher": {"providers": "*"}, "for": "1h", "author": "ana"}
            made = await here.post("/api/v1/silences", json=form, headers={**headers, **origin})
            assert made.status_code == 201
            where = made.headers["location"]
            ended = await there.delete(where, headers={**headers, **origin})
            assert ended.status_code == 200
            assert (await there.post("/sign-out", headers={**headers, **origin})).status_code == 303

    together(situation)


async def streamed(address: str, count: int, **headers: str) -> list[tuple[str, int]]:
    """The places and numbers of the next events of a stream."""
    found: list[tuple[str, int]] = []
    place = ""
    headers = {"authorization": f"Bearer {READ_TOKEN}", **headers}
    async with (
        httpx.AsyncClient(base_url=address, timeout=20) as client,
        client.stream("GET", "/api/v1/events/stream", headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                place = line.removeprefix("id: ")
            if line.startswith("data: "):
                found.append((place, json.loads(line.removeprefix("data: "))["data"]["seq"]))
            if len(found) == count:
                break
    return found


async def test_a_stream_that_was_cut_goes_on_at_another_process():
    """`Last-Event-ID` is a place in the log, and that is one for all: nothing is lost or twice."""
    pages = [page(number, every=0.2) for number in range(4)]
    async with AsyncExitStack() as stack:
        store = MemoryStore(is_shared=True)
        fleet = Fleet(stack, store, *pages, clock=lambda: datetime.now(UTC))
        fleet.says = {one.url: TROUBLE for one in pages}
        one, other = await fleet.start(Role.WEB), await fleet.start(Role.WEB)
        addresses: list[str] = []
        for site in (one, other):
            opened = stack.enter_context(listen(Web(port=0)))
            await stack.enter_async_context(serving(application(site), opened))
            addresses.append(address_of(opened))
        begin = f"{store.log_id}:0"
        first = asyncio.create_task(streamed(addresses[0], 2, **{"last-event-id": begin}))
        await fleet.start(*POLLS)
        told = await first
        place, _ = told[-1]
        told += await streamed(addresses[1], 2, **{"last-event-id": place})
        assert [seq for _, seq in told] == [1, 2, 3, 4]


def test_where_one_process_does_everything_nothing_is_followed():
    """What it shows it has seen itself, and the store is not asked twice."""

    async def situation(fleet):
        site = await fleet.start(*ALL)
        await asyncio.sleep(120)
        assert site.app._following is None
        assert (await standing(site)).is_known

    together(situation, is_shared=False)


async def test_who_is_told_that_a_page_changed_finds_what_it_became():
    """Nothing is read of it between the telling and the reading that nobody would be told of."""
    store = MemoryStore()
    await store.commit(Visit(page=PAGES[0], state=PageState(page_key=KEY)))
    found: list[PageState | None] = []

    class Viewer(Observer):
        def changed(self, page_key: str) -> None:
            found.append(following.state(page_key))

    following = Following(store, [KEY], Viewer())
    await following.open()
    after = PageState(page_key=KEY, has_open=True)
    await store.commit(Visit(page=PAGES[0], state=after, events=(event(of=PAGES[0]),)))
    await following.catch_up()
    assert found[-1] == after


def test_a_page_that_is_not_in_the_config_is_not_followed():
    """Others may watch more, while a new config is rolled out."""

    async def situation(fleet):
        await fleet.start(*POLLS)
        fleet.config = replace(fleet.config, watched=fleet.config.watched[1:])
        site = await fleet.start(Role.WEB)
        await asyncio.sleep(60)
        fleet.says[KEY] = TROUBLE
        await asyncio.sleep(180)
        assert await site.overview.page(page_id(KEY)) is None
        assert site.app.place(KEY) is None
        assert KEY not in fleet.heard[1].pages

    together(situation)


async def until(what) -> None:
    """Wait until something is so, for twenty seconds."""
    for _ in range(200):
        if what():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never was")


@pytest.mark.timeout(120)
async def test_while_postgresql_is_away_it_is_not_ready(cluster):
    """The sign by which a balancer sends people elsewhere comes within seconds, and goes again."""
    settings = replace(config(page()), store=cluster.address)
    async with App(settings, roles=(Role.WEB,), network=ScriptedNetwork(lambda *_: QUIET)) as app:
        assert app.ready() == ()
        await asyncio.to_thread(cluster.stop, "immediate")
        await until(lambda: "the store cannot be read" in app.ready())
        assert app.stuck() == ()
        await asyncio.to_thread(cluster.start)
        await until(lambda: app.ready() == ())
