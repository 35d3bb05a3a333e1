"""Planned work as a calendar: `/maintenance.ics`, of everything or of a board.

iCalendar is RFC 5545 (https://www.rfc-editor.org/rfc/rfc5545). An entry ends when the work is
planned to end, and once it is over, when it ended. Where a page tells the planned end in prose
only, it has no end, which makes it a point in time, and its text says so.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from icalendar import Calendar, Event, vDuration
from starlette.responses import Response

from bellbuoy import __version__
from bellbuoy.model.facts import IncidentKind, IncidentStatus
from bellbuoy.model.known import KnownIncident
from bellbuoy.stores.retention import ended_at
from bellbuoy.web import spoken
from bellbuoy.web.addresses import incident_path, page_id
from bellbuoy.web.conditional import answer
from bellbuoy.web.interop.selection import BOTH, origin, selected, title
from bellbuoy.web.overview import PageView
from bellbuoy.web.site import Site

SHOWN_FOR = timedelta(days=30)
"""How long planned work stays in the calendar once it is over."""

MOST = 500
"""How many entries a calendar holds at most; the latest by their beginning."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def router(site: Site) -> APIRouter:
    """The calendar of everything, and of each board."""
    routes = APIRouter(include_in_schema=False)
    for below in BOTH:
        routes.add_api_route(f"{below}/maintenance.ics", _endpoint(site))
    return routes


def _endpoint(site: Site) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        views = await selected(site, request)
        found = await _planned(site, views)
        body = calendar(title(request), found, origin(request))
        return answer(request, body, "text/calendar")

    return endpoint


Found = tuple[PageView, KnownIncident]
"""Planned work, and the page that announced it."""


async def _planned(site: Site, views: Iterable[PageView]) -> list[Found]:
    by_key = {view.watched.page.key: view for view in views}
    since = site.app.now() - min(SHOWN_FOR, timedelta(seconds=site.config.retention))
    alone = await site.store.incidents(
        page_keys=by_key, kind=IncidentKind.MAINTENANCE, since=since, limit=MOST
    )
    found: list[Found] = []
    for key, one in alone:
        whole = await site.store.incident(key, one.key)
        # Work without a planned beginning has no place in a calendar.
        if whole is not None and whole.started_at is not None:
            found.append((by_key[key], whole))
    return found


def calendar(name: str, planned: Iterable[Found], origin: str) -> bytes:
    """A calendar of planned work; pure. `origin` is by which address we are asked."""
    whole = Calendar()
    whole.add("prodid", f"-//Bellbuoy//Bellbuoy {__version__}//EN")
    whole.add("version", "2.0")
    whole.add("calscale", "GREGORIAN")
    whole.add("x-wr-calname", f"{name}: planned work")
    # https://www.rfc-editor.org/rfc/rfc7986#section-5.7
    whole.add("refresh-interval", vDuration(timedelta(minutes=15)), {"VALUE": "DURATION"})
    for view, incident in planned:
        whole.add_component(_event(view, incident, origin))
    return whole.to_ical()


def _event(view: PageView, incident: KnownIncident, origin: str) -> Event:
    key, provider = view.watched.page.key, view.watched.page.provider
    changed, address = _changed_at(incident), origin + incident_path(key, incident.key)
    event = Event()
    event.add("uid", f"{page_id(f'{key} {incident.key}')}-{page_id(key)}@bellbuoy")
    event.add("dtstamp", changed)
    event.add("last-modified", changed)
    event.add("sequence", _sequence(incident))
    event.add("summary", f"{provider.name}: {incident.title}")
    event.add("description", "\n".join(_lines(incident, address)))
    event.add("status", _status(incident))
    event.add("transp", "TRANSPARENT")
    event.add("categories", [provider.name])
    event.add("url", address)
    if incident.started_at is not None:
        event.add("dtstart", _whole_second(incident.started_at))
        if (end := _end(incident, incident.started_at)) is not None:
            event.add("dtend", _whole_second(end))
    return event


def _end(incident: KnownIncident, start: datetime) -> datetime | None:
    """When it ended, or is planned to, if that comes after its beginning."""
    end = ended_at(incident) if not incident.is_open else incident.scheduled_until
    return end if end is not None and end - start >= timedelta(seconds=1) else None


def _sequence(incident: KnownIncident) -> int:
    """A number that rises with each thing that is recorded of it, and never falls."""
    return incident.revision + sum(len(each.hashes) for each in incident.updates)


def _changed_at(incident: KnownIncident) -> datetime:
    said = (at for each in incident.updates for at in (each.at, each.updated_at) if at)
    own = (at for at in (incident.updated_at, incident.first_seen_at) if at)
    return _whole_second(max((*said, *own), default=_EPOCH))


def _whole_second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _status(incident: KnownIncident) -> str:
    if incident.withdrawn or incident.status is IncidentStatus.CANCELLED:
        return "CANCELLED"
    return "TENTATIVE" if incident.status is IncidentStatus.UNKNOWN else "CONFIRMED"


def _lines(incident: KnownIncident, address: str) -> Iterable[str]:
    said = incident.status_raw if incident.status is IncidentStatus.UNKNOWN else ""
    yield f"Status: {(said or incident.status.value).replace('_', ' ')}"
    if incident.components:
        yield f"Components: {', '.join(one.name for one in incident.components)}"
    if incident.is_open and incident.scheduled_until is None:
        yield "When it ends is not known in a form that can be shown; it may stand in the text."
    for update in reversed(incident.updates):
        when = f"{spoken.stamp(update.at)}: " if update.at else ""
        yield f"\n{when}{update.body}"
    yield f"\n{address}"
    if source := spoken.safe_link(incident.url):
        yield source
