"""The page of one incident: its whole story, as far as anybody knows it."""

from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.responses import Response

from bellbuoy.delivery.explanation import explain
from bellbuoy.events import Event
from bellbuoy.model.facts import Page
from bellbuoy.model.known import KnownIncident
from bellbuoy.routing.matchers import services
from bellbuoy.stores import Store
from bellbuoy.web import html
from bellbuoy.web.addresses import page_id
from bellbuoy.web.dashboard import told
from bellbuoy.web.dashboard.cards import incident_id
from bellbuoy.web.dashboard.timeline import Story, remembered, story
from bellbuoy.web.overview import PageView
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

MOST_EVENTS = 500
"""How many events of one incident are shown, the newest."""

MOST_RELATED = 6
"""How many other incidents of the provider are named."""


class Found(Struct, frozen=True, kw_only=True):
    """An incident with its events, the oldest first. `view` is None if its page is not watched."""

    page: Page
    view: PageView | None
    incident: KnownIncident
    events: tuple[Event, ...]


def router(site: Site) -> APIRouter:
    """The pages of incidents."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/incidents/{id}/{key:path}")
    async def incident(request: Request, id: str, key: str) -> Response:
        # The place in the log is read first: what happens while the rest is read is told again.
        cursor = await site.end_of_log()
        found = await find(site, id, key)
        if found is None:
            raise Problem(404, "this incident is not known here, or not any more")
        is_part = html.wants_part(request)
        response = html.page(
            request,
            "_incident.html" if is_part else "incident.html",
            now=site.app.now(),
            story=await _story(site, found),
            page=found.page,
            key=found.incident.key,
            mark=incident_id(found.page.key, found.incident.key),
            view=found.view,
            related=await _related(site, found),
            cursor=cursor,
            is_part=is_part,
        )
        response.headers["vary"] = "HX-Request"
        return response

    return routes


async def find(site: Site, id: str, key: str) -> Found | None:
    """What is known of an incident, by the id of its page and our key. Raises StoreError."""
    view = await site.overview.page(id)
    events = await _events(site.store, id, key)
    if view is not None:
        page = view.watched.page
        held = await site.store.incident(page.key, key)
    elif events:
        page, held = _page_of(events[-1]), None
    else:
        return None
    incident = held or remembered(events)
    return incident and Found(page=page, view=view, incident=incident, events=events)


async def _events(store: Store, id: str, key: str) -> tuple[Event, ...]:
    """The newest events of one page's incident: pages have keys of incidents in common."""
    found: list[Event] = []
    seq = 0
    while events := await store.read_events(after=seq, incident=key):
        seq = events[-1].seq
        found = [*found, *(one for one in events if page_id(one.page.key) == id)][-MOST_EVENTS:]
    return tuple(found)


def _page_of(event: Event) -> Page:
    return Page(key=event.page.key, url=event.page.url, provider=event.provider, format="")


async def _story(site: Site, found: Found) -> Story:
    config = site.config
    receivers = [receiver.name for receiver in config.receivers]
    answers = (
        await explain(site.store, found.events[0], config.routes, config.landscape, receivers)
        if found.events
        else ()
    )
    return story(
        found.incident,
        found.events,
        answers,
        held=found.view.ill if found.view else (),
        services=services(told.opening(found.page, found.incident), config.landscape),
    )


async def _related(site: Site, found: Found) -> tuple[tuple[str, KnownIncident], ...]:
    """Other incidents of the same provider, as (page key, incident), the newest first."""
    slug = found.page.provider.slug
    keys = [one.page.key for one in site.config.watched if one.page.provider.slug == slug]
    if not keys:
        return ()
    near = await site.store.incidents(page_keys=keys, limit=MOST_RELATED + 1)
    mine = (found.page.key, found.incident.key)
    return tuple(each for each in near if (each[0], each[1].key) != mine)[:MOST_RELATED]
