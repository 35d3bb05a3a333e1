"""How every page stands, and since when it is fine."""

import asyncio

import pytest
from msgspec.structs import replace

from bellbuoy.events import page_ref
from bellbuoy.model.facts import ComponentStatus, IncidentStatus
from bellbuoy.observer import VisitDone
from bellbuoy.stores import Visit
from bellbuoy.web.addresses import page_id
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


async def test_who_looks_while_a_page_is_read_is_told_what_is_true_and_not_that_all_is_fine(
    monkeypatch,
):
    """Two who look at once see the same, from the first look on."""
    ill = component("API", ComponentStatus.MAJOR_OUTAGE)
    seen = Seen(pages=(ACME,), states={KEY: read_state(KEY)}, known={KEY: known(KEY, ill)})
    async with open_site(seen) as site:
        asked = site.store.open_incidents

        async def slow(keys):
            await asyncio.sleep(0)
            return await asked(keys)

        monkeypatch.setattr(site.store, "open_incidents", slow)
        first, second = await asyncio.gather(site.overview.pages(), site.overview.pages())
    assert [view.status for view in (*first, *second)] == [ComponentStatus.MAJOR_OUTAGE] * 2
