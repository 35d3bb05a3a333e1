"""A Bellbuoy that watches a Bellbuoy, over real sockets.

    a vendor's page ──> the first Bellbuoy ──> /api/v2 ──> the second Bellbuoy

Whatever the vendor says is in both logs, once, in the same words and in the same order.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bellbuoy.app import App, Place
from bellbuoy.config import Config, Watched
from bellbuoy.config.web import Web
from bellbuoy.demo.draft import Facts, Shape
from bellbuoy.demo.render import render
from bellbuoy.events import EventKind
from bellbuoy.http import HttpSettings
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Page,
    Provider,
)
from bellbuoy.web.application import application
from bellbuoy.web.overview import Overview
from bellbuoy.web.server import address_of, listen, serving
from bellbuoy.web.site import Site
from tests.cli.pages import served

WITHIN = 30.0
"""Seconds after which something that should have come has not."""

START = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
WORK = timedelta(hours=2)
API = AffectedComponent(id="c1", name="API")


class Vendor:
    """A vendor's page. Whatever it says is there for whoever asks next.

    `status` is that of a component which no incident names, so that its change is news.
    """

    def __init__(self, documents: dict[str, object]) -> None:
        self._documents = documents
        self._minutes = 0
        self._said: dict[str, Incident] = {}
        self.status = ComponentStatus.OPERATIONAL
        self._publish()

    def says(
        self, id: str, status: IncidentStatus, body: str, kind: IncidentKind = IncidentKind.INCIDENT
    ) -> None:
        """Post a message in an incident's life."""
        self._minutes += 1
        at = START + timedelta(minutes=self._minutes)
        held = self._said.get(id) or Incident(
            id=id,
            kind=kind,
            title=f"About <{id}> & more",
            status=status,
            impact=Impact.NONE if kind is IncidentKind.MAINTENANCE else Impact.MAJOR,
            started_at=at,
            scheduled_until=at + WORK if kind is IncidentKind.MAINTENANCE else None,
            components=(API,),
        )
        new = IncidentUpdate(id=f"{id}-{self._minutes}", status=status, body=body, at=at)
        self._said[id] = replace(
            held, status=status, updated_at=at, updates=(*held.updates, replace(new, updated_at=at))
        )
        self._publish()

    def corrects(self, id: str, body: str) -> None:
        """Replace the text of the latest message."""
        self._minutes += 1
        at = START + timedelta(minutes=self._minutes)
        held = self._said[id]
        *before, last = held.updates
        mended = replace(last, body=body, updated_at=at)
        self._said[id] = replace(held, updated_at=at, updates=(*before, mended))
        self._publish()

    def _publish(self) -> None:
        facts = Facts(
            name="Acme",
            address="https://status.acme.example",
            components=(
                Component(id="c1", name="API", status=ComponentStatus.OPERATIONAL),
                Component(id="c2", name="Web", status=self.status),
            ),
            incidents=tuple(self._said.values()),
            stamp=START + timedelta(minutes=self._minutes),
        )
        documents = render(Shape.STATUSPAGE, facts)
        self._documents.update({path: one.body for path, one in documents.items()})


def config(slug: str, address: str, store: Path, format: str = "") -> Config:
    """Of a Bellbuoy that looks at one page, often."""
    page = Page(
        key=address,
        url=address,
        provider=Provider(slug=slug, name=slug.title()),
        format=format,
        every=0.2,
        every_is_explicit=True,
    )
    return Config(
        watched=(Watched(page=page),),
        store=f"sqlite:///{store}",
        http=HttpSettings(allow_private=("127.0.0.0/8",), timeout=5.0),
    )


@asynccontextmanager
async def serve(chosen: Config, port: int = 0) -> AsyncGenerator[tuple[App, str]]:
    """A Bellbuoy that watches and serves, and its address."""
    overview, web = Overview(), Web(port=port)
    app = App(chosen, observer=overview)
    with listen(web) as opened:
        async with app:
            overview.open(app)
            async with serving(application(Site(app, web, overview)), opened):
                await app.first_sweep()
                yield app, address_of(opened)


async def told(app: App) -> list[tuple]:
    """What a log says of incidents and components, without what differs by place."""
    return [
        (
            event.kind,
            event.late,
            event.incident and (event.incident.title, event.incident.status, event.incident.impact),
            event.incident and event.incident.scheduled_until,
            event.update and (event.update.status, event.update.body, event.update.at),
            event.component and (event.component.name, event.component.status),
        )
        for event in await app.store.read_events()
    ]


def place_of(app: App, page_key: str) -> Place:
    """How a page that is watched stands."""
    place = app.place(page_key)
    assert place is not None
    return place


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that must come."""
    async with asyncio.timeout(WITHIN):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def both_tell(first: App, second: App, count: int) -> None:
    """Wait until both logs have so many events."""

    async def do() -> bool:
        return [len(await told(app)) >= count for app in (first, second)] == [True, True]

    await until(do)


async def looked_again(app: App, times: int = 3) -> None:
    """Wait until so many more visits of its page are over and could be read."""
    (page,) = (one.page for one in app.config.watched)
    read = set()

    async def do() -> bool:
        health = place_of(app, page.key).state.health
        if health.failures == 0:
            read.add(health.read_at)
        return len(read) > times

    await until(do)


@pytest.fixture
def vendor_page():
    """A vendor, and the address of its page."""
    documents: dict[str, object] = {}
    vendor = Vendor(documents)
    with served(documents) as address:
        yield vendor, address


async def test_what_a_vendor_says_is_told_once_by_a_bellbuoy_that_watches_a_bellbuoy(
    vendor_page, tmp_path
):
    """Opened, updated, corrected, resolved, planned work, and a component: the same words."""
    vendor, address = vendor_page
    status = IncidentStatus
    async with (
        serve(config("acme", address, tmp_path / "a.db", "statuspage")) as (first, here),
        # Its format is not said: it recognises us.
        App(config("bell", here, tmp_path / "b.db")) as second,
    ):
        assert (await second.first_sweep()).unreadable == 0
        vendor.status = ComponentStatus.PARTIAL_OUTAGE
        vendor.says("trouble00001", status.INVESTIGATING, "We look.\nSoon more.")
        await both_tell(first, second, 2)
        vendor.says("trouble00001", status.IDENTIFIED, "Found it.")
        await both_tell(first, second, 3)
        planned = IncidentKind.MAINTENANCE
        vendor.says("work00000001", status.SCHEDULED, "We will work.", planned)
        await both_tell(first, second, 4)
        vendor.says("work00000001", status.IN_PROGRESS, "We work.")
        await both_tell(first, second, 5)
        vendor.corrects("trouble00001", "Found it, really.")
        await both_tell(first, second, 6)
        vendor.status = ComponentStatus.OPERATIONAL
        vendor.says("trouble00001", status.RESOLVED, "It is <b>over</b>.")
        vendor.says("work00000001", status.COMPLETED, "Done.")
        await both_tell(first, second, 9)
        assert place_of(second, here).state.format == "statuspage"
        await looked_again(second)
        ours, theirs = await told(first), await told(second)
    assert sorted(theirs, key=str) == sorted(ours, key=str)
    kinds = [each[0] for each in theirs]
    assert kinds.count(EventKind.INCIDENT_OPENED) == kinds.count(EventKind.INCIDENT_RESOLVED) == 1
    assert kinds.count(EventKind.MAINTENANCE_COMPLETED) == 1
    of_trouble = [each for each in theirs if each[2] and each[2][0].startswith("About <trouble")]
    assert of_trouble == [each for each in ours if each in of_trouble]


async def test_a_restart_of_the_one_that_is_watched_is_no_news(vendor_page, tmp_path):
    """Its ids, words and times are the same after it, and what came meanwhile is told once."""
    vendor, address = vendor_page
    watching = config("acme", address, tmp_path / "a.db", "statuspage")
    vendor.says("trouble00001", IncidentStatus.INVESTIGATING, "We look.")
    async with serve(watching) as (_, here):
        port = int(here.rpartition(":")[2])
        second = App(config("bell", here, tmp_path / "b.db", "statuspage"))
        await second.__aenter__()
        await second.first_sweep()
        before = await told(second)
    try:
        (page,) = (one.page for one in second.config.watched)

        async def is_away() -> bool:
            return place_of(second, page.key).state.health.failures > 0

        await until(is_away)
        async with serve(watching, port) as (first, _):
            await looked_again(second)
            assert await told(second) == before
            vendor.says("trouble00001", IncidentStatus.RESOLVED, "Over.")
            await both_tell(first, second, 2)
            await looked_again(second)
            after = await told(second)
    finally:
        await second.__aexit__(None, None, None)
    assert [each[0] for each in before] == [EventKind.INCIDENT_OPENED]
    assert [each[0] for each in after] == [EventKind.INCIDENT_OPENED, EventKind.INCIDENT_RESOLVED]


async def test_what_the_watched_one_cannot_read_is_unknown_to_the_other(vendor_page, tmp_path):
    """Not operational, and not degraded either, though Statuspage has no word for it."""
    _, address = vendor_page
    gone = config("acme", f"{address}/nowhere", tmp_path / "a.db", "statuspage")
    async with (
        serve(gone) as (_, here),
        App(config("bell", here, tmp_path / "b.db", "statuspage")) as second,
    ):
        await second.first_sweep()
        (part,) = await second.store.components(here)
    assert (part.name, part.status) == ("Acme", ComponentStatus.UNKNOWN)
