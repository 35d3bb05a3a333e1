"""We are a status page too: everything watched, or a board, as Atlassian Statuspage tells it.

    /api/v2/summary.json, status.json, components.json, incidents.json, ...
    /boards/<tag>/api/v2/...            the same of one board
    /incidents/<id>.json, /incidents/<id>   one incident, and the way to its page

Exporters, dashboards and other Bellbuoys read it unchanged (`formats.statuspage`). The shapes
are in `_statuspage_rows`. Each provider is a group, its components stand below it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import msgspec
from fastapi import APIRouter, Request
from msgspec import Struct
from starlette.responses import RedirectResponse, Response

from bellbuoy.model.facts import IncidentKind, IncidentStatus
from bellbuoy.model.known import KnownIncident
from bellbuoy.stores import Store
from bellbuoy.stores.retention import began_at
from bellbuoy.web.addresses import incident_path
from bellbuoy.web.conditional import answer
from bellbuoy.web.interop import statuspage_rows as rows
from bellbuoy.web.interop.selection import BOTH, origin, selected, title
from bellbuoy.web.interop.standing import Components, Standing, standings
from bellbuoy.web.interop.statuspage_rows import Row
from bellbuoy.web.overview import PageView
from bellbuoy.web.problems import Problem
from bellbuoy.web.site import Site

WINDOW = 50
"""How many incidents a history holds, as with Statuspage."""

_SEARCHED = 1_000
"""Among so many of the latest incidents one is looked for by its id."""

Found = tuple[str, KnownIncident]
"""An incident and the key of its page."""


class _Picture:
    """What the documents of one request are drawn from. Nothing is drawn that is not asked for."""

    def __init__(
        self, head: Row, origin: str, views: Sequence[PageView], components: Components
    ) -> None:
        self.head = head
        self.origin = origin
        self.views = views
        self._components = components

    @cached_property
    def standings(self) -> Sequence[Standing]:
        """Every provider with its parts."""
        return standings(self.views, self._components)

    def entries(self, found: Iterable[Found]) -> list[Row]:
        """The rows of incidents."""
        told = list(found)
        keys = {key for key, _ in told}
        named = [one for one in self.standings if any(part.page_key in keys for part in one.parts)]
        listed = rows.index(named, self.head)
        return [
            rows.incident_row(key, incident, listed, self.head, self.origin)
            for key, incident in told
        ]

    def open(self, *kinds: IncidentKind) -> list[Found]:
        """What is not over, the newest first."""
        found = [
            (view.watched.page.key, incident)
            for view in self.views
            for incident in (*view.incidents, *view.maintenances)
            if incident.kind in kinds
        ]
        return sorted(found, key=lambda one: (began_at(one[1]), one[0], one[1].key), reverse=True)


class _Document(Struct, frozen=True, kw_only=True):
    """What stands in a document beside `page`, from a picture and from the `history` of a kind."""

    draw: Callable[[_Picture, Sequence[Found]], Row]
    history: IncidentKind | None = None


def router(site: Site) -> APIRouter:
    """Every document, of everything and of each board."""
    routes = APIRouter(include_in_schema=False)
    for below in BOTH:
        for name, document in _DOCUMENTS.items():
            routes.add_api_route(f"{below}/api/v2/{name}.json", _endpoint(site, document))
        routes.add_api_route(f"{below}/incidents/{{id}}.json", _one(site))
        routes.add_api_route(f"{below}/incidents/{{id}}", _way(site))
    return routes


def _endpoint(site: Site, document: _Document) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        picture = await _picture(site, request)
        found = await _history(site, picture, document.history) if document.history else ()

        def draw() -> bytes:
            return msgspec.json.encode({"page": picture.head, **document.draw(picture, found)})

        # Thousands of providers are megabytes, and whoever is polled meanwhile may not wait.
        return _json(site, request, await asyncio.to_thread(draw))

    return endpoint


def _one(site: Site) -> Callable[[Request, str], Awaitable[Response]]:
    async def endpoint(request: Request, id: str) -> Response:
        picture = await _picture(site, request)
        key, incident = await _find(site, picture, id)
        whole = await site.store.incident(key, incident.key)

        def draw() -> bytes:
            return msgspec.json.encode(picture.entries([(key, whole or incident)])[0])

        return _json(site, request, await asyncio.to_thread(draw))

    return endpoint


def _way(site: Site) -> Callable[[Request, str], Awaitable[Response]]:
    async def endpoint(request: Request, id: str) -> Response:
        key, incident = await _find(site, await _picture(site, request), id)
        return RedirectResponse(incident_path(key, incident.key), 303)

    return endpoint


def _json(site: Site, request: Request, body: bytes) -> Response:
    return answer(request, body, "application/json", headers=cross_origin(site))


def cross_origin(site: Site) -> dict[str, str]:
    """Whether any web page may read an answer in its visitor's browser.

    Only where the config opens reading on purpose. The loopback is open to whoever is on this
    machine, and every page in a browser there would be, too.
    """
    return {"access-control-allow-origin": "*"} if site.web.read == "" else {}


async def _picture(site: Site, request: Request) -> _Picture:
    views = await selected(site, request)
    # The stamp comes first: one that is newer than what it stands over would hide a change.
    stamp = await _stamp(site, [view.watched.page.key for view in views])
    components = await site.store.all_components()
    path = request.url.path.partition("/api/v2/")[0].partition("/incidents/")[0]
    name = title(request)
    id = rows.own_id("page", site.store.log_id, name)
    head = rows.page_row(id, name, origin(request) + path, stamp)
    return _Picture(head, origin(request), views, components)


async def _stamp(site: Site, keys: Sequence[str]) -> datetime:
    """When something changed last: it never runs backwards, and a restart does not move it.

    Without any event that is kept, it is the end of the day before which all were dropped.
    """
    beyond = site.app.now() - timedelta(seconds=site.config.retention)
    floor = beyond.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max((*await _last_changes(site.store, keys), floor))


async def _last_changes(store: Store, keys: Sequence[str]) -> list[datetime]:
    limit = 100
    watched = frozenset(keys)
    latest = await store.latest_events(limit=limit)
    times = [event.observed_at for event in latest if event.page.key in watched]
    if times or len(latest) < limit:
        return times
    for key in keys:
        times.extend(one.observed_at for one in await store.latest_events(page=key, limit=1))
    return times


async def _history(site: Site, picture: _Picture, kind: IncidentKind) -> list[Found]:
    """The latest incidents of a kind with their updates.

    What ended before the retention is left out: its texts may be gone already, and an entry
    that loses its words would look edited.
    """
    store = site.store
    since = site.app.now() - timedelta(seconds=site.config.retention)
    keys = [view.watched.page.key for view in picture.views]
    found: list[Found] = []
    for key, alone in await store.incidents(page_keys=keys, kind=kind, since=since, limit=WINDOW):
        incident = await store.incident(key, alone.key)
        if incident is not None and rows.is_told(incident):
            found.append((key, incident))
    return found


async def _find(site: Site, picture: _Picture, id: str) -> Found:
    """The incident of this id. Raises Problem if there is none, or it was withdrawn."""
    keys = [view.watched.page.key for view in picture.views]
    latest = await site.store.incidents(page_keys=keys, limit=_SEARCHED)
    for key, incident in (*picture.open(*IncidentKind), *latest):
        if rows.incident_id(key, incident.key) == id and rows.is_told(incident):
            return key, incident
    raise Problem(404, "there is no such incident, or not any more")


def _summary(picture: _Picture, found: Sequence[Found]) -> Row:
    return {
        **_components(picture, found),
        **_unresolved(picture, found),
        "scheduled_maintenances": picture.entries(picture.open(IncidentKind.MAINTENANCE)),
        **_status(picture, found),
    }


def _status(picture: _Picture, _: Sequence[Found]) -> Row:
    return {"status": rows.status_row(picture.standings)}


def _components(picture: _Picture, _: Sequence[Found]) -> Row:
    return {"components": rows.component_rows(picture.standings, picture.head)}


def _unresolved(picture: _Picture, _: Sequence[Found]) -> Row:
    return {"incidents": picture.entries(picture.open(IncidentKind.INCIDENT))}


def _incidents(picture: _Picture, found: Sequence[Found]) -> Row:
    return {"incidents": picture.entries(found)}


def _maintenances(picture: _Picture, found: Sequence[Found]) -> Row:
    return {"scheduled_maintenances": picture.entries(found)}


def _upcoming(picture: _Picture, _: Sequence[Found]) -> Row:
    return {"scheduled_maintenances": _planned(picture, is_ahead=True)}


def _active(picture: _Picture, _: Sequence[Found]) -> Row:
    return {"scheduled_maintenances": _planned(picture, is_ahead=False)}


def _planned(picture: _Picture, *, is_ahead: bool) -> list[Row]:
    ahead = {IncidentStatus.SCHEDULED, IncidentStatus.UNKNOWN}
    found = picture.open(IncidentKind.MAINTENANCE)
    return picture.entries(one for one in found if (one[1].status in ahead) is is_ahead)


_DOCUMENTS = {
    "summary": _Document(draw=_summary),
    "status": _Document(draw=_status),
    "components": _Document(draw=_components),
    "incidents": _Document(draw=_incidents, history=IncidentKind.INCIDENT),
    "incidents/unresolved": _Document(draw=_unresolved),
    "scheduled-maintenances": _Document(draw=_maintenances, history=IncidentKind.MAINTENANCE),
    "scheduled-maintenances/upcoming": _Document(draw=_upcoming),
    "scheduled-maintenances/active": _Document(draw=_active),
}
