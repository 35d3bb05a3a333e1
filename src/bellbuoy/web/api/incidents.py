"""`/api/v1/incidents` and `/api/v1/components`: what is known of the pages that are watched."""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from bellbuoy.config import Watched
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.stores.retention import began_at
from bellbuoy.web.api.answers import as_json, as_list, cut
from bellbuoy.web.api.choosing import chosen_pages, is_chosen_component, is_chosen_incident
from bellbuoy.web.api.facts import component_answer, component_now, incident_answer, incident_story
from bellbuoy.web.api.models import ComponentAnswer, IncidentAnswer, IncidentStory
from bellbuoy.web.api.openapi import listing, one_of
from bellbuoy.web.api.pages import PageId
from bellbuoy.web.api.queries import ComponentQuery, IncidentQuery
from bellbuoy.web.marks import Moment, mark, read_mark
from bellbuoy.web.overview import PageView
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

SCANNED = 2000
"""So many incidents are looked at for one answer, at most."""

_BATCH = 200

Found = tuple[str, KnownIncident]


def router(site: Site) -> APIRouter:
    """What is known."""
    routes = APIRouter(tags=["facts"])
    _add_incidents(routes, site)
    _add_components(routes, site)
    return routes


def _add_incidents(routes: APIRouter, site: Site) -> None:
    @routes.get("/incidents", responses=listing(IncidentAnswer))
    async def list_incidents(
        request: Request, asked: Annotated[IncidentQuery, Query()]
    ) -> Response:
        """List incidents and planned work, newest first by their beginning.

        An answer may hold fewer than `limit`, even none, and still a `next`: a filter looks at
        so many at once and no more.
        """
        pages = {one.page.key: one for one in chosen_pages(site, asked)}
        before = read_mark(asked.cursor, Moment) if asked.cursor else None
        items: list[IncidentAnswer] = []
        scanned = 0
        async for key, incident in _incidents(site, asked, pages, before):
            if len(items) == asked.limit or scanned == SCANNED:
                return as_list(request, items, {"cursor": mark(*before)} if before else None)
            before = began_at(incident), key, incident.key
            scanned += 1
            if key in pages and is_chosen_incident(incident, asked):
                items.append(incident_answer(key, incident, pages[key].page.provider))
        return as_list(request, items, None)

    @routes.get("/incidents/{page}/{id:path}", responses=one_of(IncidentStory))
    async def get_incident(
        request: Request,
        page: PageId,
        id: Annotated[str, Path(description="The incident's id.", examples=["kctrp1fmf2v8"])],
    ) -> Response:
        """Show one incident, with its messages from the oldest on."""
        watched = site.overview.watched(page)
        found = await site.store.incident(watched.page.key, id) if watched else None
        if watched is None or found is None:
            raise Problem(404, "no such incident is known")
        return as_json(request, incident_story(watched.page.key, found, watched.page.provider))


def _add_components(routes: APIRouter, site: Site) -> None:
    @routes.get("/components", responses=listing(ComponentAnswer))
    async def list_components(
        request: Request, asked: Annotated[ComponentQuery, Query()]
    ) -> Response:
        """List components, by provider, page and id."""
        after = read_mark(asked.cursor, tuple[str, str, str]) if asked.cursor else ("", "", "")
        known = await site.store.all_components()
        views = {view.watched.page.key: view for view in await site.overview.pages()}
        found = (
            each
            for each in _ordered([views[one.page.key] for one in chosen_pages(site, asked)], known)
            if each[0] > after and is_chosen_component(each[2], asked)
        )
        some, going_on = cut(found, asked.limit, lambda each: mark(*each[0]))
        answers = [component_answer(view, component) for _, view, component in some]
        return as_list(request, answers, going_on)

    @routes.get("/components/{page}/{id:path}", responses=one_of(ComponentAnswer))
    async def get_component(
        request: Request,
        page: PageId,
        id: Annotated[str, Path(description="The component's id.", examples=["br0l2tvcx85d"])],
    ) -> Response:
        """Show one component."""
        view = await site.overview.page(page)
        if view is not None:
            for component in await site.store.components(view.watched.page.key):
                if component.id == id:
                    answer = component_answer(view, component_now(view, component))
                    return as_json(request, answer)
        raise Problem(404, "no such component is known")


async def _incidents(
    site: Site,
    asked: IncidentQuery,
    pages: Mapping[str, Watched],
    before: tuple[datetime, str, str] | None,
) -> AsyncIterator[Found]:
    """Incidents of these pages in the order of the list, read as they are asked for."""
    keys = None if len(pages) == len(site.config.watched) else frozenset(pages)
    since = site.app.now() if asked.open else None
    while keys is None or keys:
        batch = await site.store.incidents(
            page_keys=keys, kind=asked.kind, since=since, before=before, limit=_BATCH
        )
        for key, incident in batch:
            yield key, incident
            before = began_at(incident), key, incident.key
        if len(batch) < _BATCH:
            return


def _ordered(
    views: Iterable[PageView], known: Mapping[str, tuple[KnownComponent, ...]]
) -> list[tuple[tuple[str, str, str], PageView, KnownComponent]]:
    pages = [(view, view.watched.page) for view in views]
    found = [
        ((page.provider.slug, page.key, component.id), view, component_now(view, component))
        for view, page in pages
        for component in known.get(page.key, ())
    ]
    return sorted(found, key=lambda each: each[0])
