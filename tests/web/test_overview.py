"""How every page stands, and since when it is fine."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
from msgspec.structs import replace

from bellbuoy.events import page_ref
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.observer import VisitDone
from bellbuoy.stores import Visit
from bellbuoy.web.addresses import page_id
from bellbuoy.web.application import application
from tests.event_samples import component_event
from tests.web.sites import (
    Seen,
    component,
    incident,
    known,
    minutes_ago,
    open_site,
    read_state,
    update,
    watched,
)

ACME = watched("acme", "Acme")
KEY = ACME.page.key
PAST = incident(
    "i1",
    "Slow",
    update(1, IncidentStatus.INVESTIGATING, "x", minutes_ago(90)),
    update(2, IncidentStatus.RESOLVED, "y", minutes_ago(60)),
)
OTHERS = tuple(watched(f"other{n}") for n in range(30))


@pytest.fixture
def client_of():
    """Somebody who asks a site within the process."""

    @asynccontextmanager
    async def opened(site):
        transport = httpx.ASGITransport(application(site))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8484") as one:
            yield one

    return opened


def _moved(before: ComponentStatus, after: ComponentStatus, ago: float):
    event = component_event(
        "API", provider=ACME.page.provider, page=page_ref(ACME.page), observed_at=minutes_ago(ago)
    )
    return replace(event, changes={"status": (before, after)})


def _seen(*events, pages=(ACME,)) -> Seen:
    return Seen(
        pages=pages,
        states={KEY: read_state(KEY)},
        known={KEY: known(KEY, PAST, component("API"))},
        events=events,
    )


@pytest.mark.parametrize("others", [(), OTHERS], ids=["few pages", "many pages"])
async def test_fine_is_counted_from_the_end_of_the_last_trouble(others):
    """An incident's, or that of a component that no incident named; planned work is none."""
    fine, degraded, work = (
        ComponentStatus.OPERATIONAL,
        ComponentStatus.DEGRADED,
        ComponentStatus.MAINTENANCE,
    )
    pages = (ACME, *others)
    async with open_site(_seen(pages=pages)) as site:
        assert (await site.overview.pages())[0].fine_since == minutes_ago(60)
    async with open_site(_seen(_moved(degraded, fine, 20), pages=pages)) as site:
        assert (await site.overview.pages())[0].fine_since == minutes_ago(20)
    async with open_site(_seen(_moved(work, fine, 20), pages=pages)) as site:
        assert (await site.overview.pages())[0].fine_since == minutes_ago(60)


async def test_only_what_a_visit_changed_is_read_again(monkeypatch):
    """Looking costs polling nothing."""
    async with open_site(_seen(pages=(ACME, *OTHERS[:3]))) as site:
        await site.overview.pages()
        read: list[str] = []
        asked = site.store.components

        async def counted(key):
            read.append(key)
            return await asked(key)

        monkeypatch.setattr(site.store, "components", counted)
        await site.overview.pages()
        assert read == []
        before = await site.store.load_known(KEY)
        ill = replace(before, components={"api": component("API", ComponentStatus.DEGRADED)})
        await site.store.commit(
            Visit(page=ACME.page, state=read_state(KEY), before=before, known=ill)
        )
        site.overview.visit_done(
            VisitDone(page_key=KEY, provider="acme", outcome="changed", seconds=0.1)
        )
        view = await site.overview.page(page_id(KEY))
        assert read == [KEY]
        assert view is not None
        assert view.status is ComponentStatus.DEGRADED


class _Gate:
    """Holds up the store's answers about components, after they were read."""

    def __init__(self, store, monkeypatch):
        self.is_open = asyncio.Event()
        self.asked = asyncio.Event()
        self._components = store.components
        monkeypatch.setattr(store, "components", self)

    async def __call__(self, key):
        self.asked.set()
        found = await self._components(key)
        await self.is_open.wait()
        return found


async def test_who_asks_while_another_reads_is_told_the_same(monkeypatch):
    """And not that all is fine because nothing was read yet."""
    ill = known(KEY, component("API", ComponentStatus.MAJOR_OUTAGE))
    seen = Seen(pages=(ACME,), states={KEY: read_state(KEY)}, known={KEY: ill})
    async with open_site(seen) as site:
        gate = _Gate(site.store, monkeypatch)
        both = [asyncio.create_task(site.overview.pages()) for _ in range(2)]
        await gate.asked.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        gate.is_open.set()
        for (view,) in await asyncio.gather(*both):
            assert view.status is ComponentStatus.MAJOR_OUTAGE


async def test_a_slow_answer_does_not_overtake_a_newer_one(monkeypatch):
    """What changed while the store answered is read after that, and stays."""
    ill = known(KEY, component("API", ComponentStatus.MAJOR_OUTAGE))
    seen = Seen(pages=(ACME,), states={KEY: read_state(KEY)}, known={KEY: known(KEY)})
    async with open_site(seen) as site:
        gate = _Gate(site.store, monkeypatch)
        slow = asyncio.create_task(site.overview.pages())
        await gate.asked.wait()
        before = await site.store.load_known(KEY)
        visit = Visit(page=ACME.page, state=read_state(KEY), before=before, known=ill)
        await site.store.commit(visit)
        site.overview.visit_done(
            VisitDone(page_key=KEY, provider="acme", outcome="changed", seconds=1)
        )
        quick = asyncio.create_task(site.overview.pages())
        gate.is_open.set()
        await asyncio.gather(slow, quick)
        (view,) = await site.overview.pages()
        assert view.status is ComponentStatus.MAJOR_OUTAGE


async def test_r6_what_was_read_long_ago_is_no_green(client_of):
    """While it is us who are offline, no page is unreadable, and none is known to be fine."""
    old = read_state(KEY, read_at=minutes_ago(60), failures=50)
    seen = Seen(pages=(ACME,), states={KEY: old}, known={KEY: known(KEY, component("API"))})
    async with open_site(seen) as site, client_of(site) as client:
        (view,) = await site.overview.pages()
        assert view.status is ComponentStatus.UNKNOWN
        assert "All fine" not in (await client.get("/")).text
        assert "is not known" in (await client.get("/providers/acme")).text
        (page,) = (await client.get("/api/v1/pages")).json()["items"]
        assert page["status"] == "unknown"
        (part,) = (await client.get("/api/v1/components")).json()["items"]
        assert part["status"] == "unknown"
        alone = await client.get(f"/api/v1/components/{part['page']}/{part['id']}")
        assert alone.json() == part
        fine = await client.get("/api/v1/components?status=operational")
        assert fine.json()["items"] == []
        assert "unknown" in (await client.get("/badge/acme.svg")).text
        status = (await client.get("/api/v2/status.json")).json()["status"]
        assert status["indicator"] != "none"


@pytest.mark.parametrize(
    ("impact", "listed", "status"),
    [
        (Impact.CRITICAL, (), "major_outage"),
        (Impact.UNKNOWN, (), "degraded"),
        (Impact.NONE, (), "operational"),
        (Impact.CRITICAL, (component("API"),), "operational"),
    ],
)
async def test_a_page_without_components_is_as_its_open_incidents_are(
    client_of, impact, listed, status
):
    """A feed lists none, so nothing else tells of its trouble; what is over does not count."""
    trouble = incident(
        "i2",
        "Away",
        update(1, IncidentStatus.INVESTIGATING, "x", minutes_ago(5)),
        impact=impact,
    )
    feed = Seen(
        pages=(ACME,),
        states={KEY: read_state(KEY)},
        known={KEY: known(KEY, PAST, trouble, *listed)},
    )
    async with open_site(feed) as site, client_of(site) as client:
        for path in ("providers/acme", f"pages/{page_id(KEY)}"):
            answer = (await client.get(f"/api/v1/{path}")).json()
            assert (answer["status"], answer["open_incidents"]) == (status, 1)
