"""What one event is to a reader of feeds; pure."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from bellbuoy.events import Event, EventKind
from bellbuoy.model.facts import Impact, IncidentStatus
from bellbuoy.web import spoken
from bellbuoy.web.addresses import incident_path, provider_path

_OF_PAGES = {
    EventKind.PAGE_UNREADABLE: "status page cannot be read",
    EventKind.PAGE_READABLE: "status page can be read again",
    EventKind.PAGE_MOVED: "status page moved",
    EventKind.PAGE_GAP: "a part of the history was missed",
    EventKind.MONITOR_OFFLINE: "the monitor is offline",
    EventKind.MONITOR_ONLINE: "the monitor is online again",
}


class Entry(Struct, frozen=True, kw_only=True):
    """One entry, as plain text.

    `id` is a URN that never changes. `at` is when we saw it first, `vendor_at` the vendor's own
    time. `link` leads to our page of it, `source` to the vendor's (http or https, or empty).
    """

    id: str
    at: datetime
    vendor_at: datetime | None
    title: str
    text: str
    link: str
    source: str
    author: str
    kind: str
    impact: str


def entry(event: Event, origin: str) -> Entry:
    """An event as an entry; `origin` is by which address we are asked."""
    incident = event.incident
    return Entry(
        id=f"urn:uuid:{event.id}",
        at=event.observed_at,
        vendor_at=event.at,
        title=f"{event.provider.name}: {_headline(event)}",
        text="\n".join(_lines(event)),
        link=origin + _path(event),
        source=spoken.safe_link((incident and incident.url) or event.page.url),
        author=event.provider.name,
        kind=event.kind.value,
        impact=incident.impact.value if incident else "",
    )


def _path(event: Event) -> str:
    if event.incident is not None:
        return incident_path(event.page.key, event.incident.id)
    return "/" if event.kind.family == "monitor" else provider_path(event.provider.slug)


def _headline(event: Event) -> str:
    if (incident := event.incident) is not None:
        return f"{incident.title or incident.kind.value}: {_stands(event)}"
    if (component := event.component) is not None:
        places = ", ".join(filter(None, (component.group, component.region)))
        name = f"{component.name} ({places})" if places else component.name
        return f"{name}: {_phrase(component.status.value)}"
    return _OF_PAGES[event.kind]


def _stands(event: Event) -> str:
    """Where it is, in the vendor's word where we have none, and what is more than a step."""
    if event.kind in {EventKind.INCIDENT_WITHDRAWN, EventKind.MAINTENANCE_WITHDRAWN}:
        return "withdrawn"
    said = event.update or event.incident
    if said is None:
        return ""
    is_unknown = said.status is IncidentStatus.UNKNOWN
    word = _phrase((is_unknown and said.status_raw) or said.status.value)
    return f"reopened, {word}" if event.kind is EventKind.INCIDENT_REOPENED else word


def _lines(event: Event) -> Iterator[str]:
    if event.update is not None and event.update.body:
        yield event.update.body
        yield ""
    if event.reason:
        yield f"Why: {event.reason}"
    for name, (before, after) in event.changes.items():
        if name != "body":
            was, now = _phrase(before) or "none", _phrase(after) or "none"
            yield f"Changed: {_phrase(name)} from {was} to {now}"
    if incident := event.incident:
        if incident.impact is not Impact.UNKNOWN:
            yield f"Impact: {incident.impact.value}"
        if incident.components:
            yield f"Components: {', '.join(one.name for one in incident.components)}"
    if event.at is not None:
        yield f"The vendor's time: {spoken.stamp(event.at)}"
    yield f"Seen: {spoken.stamp(event.observed_at)}"


def _phrase(value: object) -> str:
    return str(value or "").replace("_", " ")
