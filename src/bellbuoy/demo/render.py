"""How a pretend vendor's page is written: the inverse of the formats.

    Facts -> {path: Document}

Pure. What a format's real pages leave out is left out here too: no component ids in a feed,
no `time_zone` and at most 25 components in incident.io's imitation of Statuspage, nothing
but the latest text in its feed. The shapes are those that `bellbuoy.formats` cites.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from html import escape
from random import Random
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bellbuoy.demo.draft import Facts, Shape
from bellbuoy.model.facts import (
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

MOST_COMPONENTS = 25
"""incident.io's imitation lists no more, in an order and a choice that change."""

_JSON = "application/json; charset=utf-8"
_ATOM = "application/atom+xml; charset=utf-8"
_RSS = "application/rss+xml; charset=utf-8"

_COMPONENT_WORDS = {
    ComponentStatus.DEGRADED: "degraded_performance",
    ComponentStatus.MAINTENANCE: "under_maintenance",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HEADINGS = {IncidentStatus.IN_PROGRESS: "In progress"}
_INDICATORS = {
    ComponentStatus.OPERATIONAL: "none",
    ComponentStatus.MAINTENANCE: "maintenance",
    ComponentStatus.UNKNOWN: "minor",
    ComponentStatus.DEGRADED: "minor",
    ComponentStatus.PARTIAL_OUTAGE: "major",
    ComponentStatus.MAJOR_OUTAGE: "critical",
}


class Document(Struct, frozen=True, kw_only=True):
    """One body with its media type."""

    content_type: str
    body: bytes


class Written(Struct, frozen=True, kw_only=True):
    """A shape on the wire: the format that reads it, and the path that every visit asks first.

    `address_path` is where a watcher is pointed at: the page, or the feed itself.
    """

    format: str
    face: str
    address_path: str = ""


WRITTEN = {
    Shape.STATUSPAGE: Written(format="statuspage", face="/api/v2/summary.json"),
    Shape.HISTORY: Written(format="feed", face="/history.atom", address_path="/history.atom"),
    Shape.INCIDENTIO: Written(format="incidentio", face="/api/v2/summary.json"),
    Shape.ATOM: Written(format="feed", face="/news.atom", address_path="/news.atom"),
    Shape.RSS: Written(format="feed", face="/news.rss", address_path="/news.rss"),
}


def render(shape: Shape, facts: Facts) -> Mapping[str, Document]:
    """Every document of a page by its path."""
    return _WRITERS[shape](facts)


def _statuspage(facts: Facts) -> Mapping[str, Document]:
    page = _page(facts, time_zone="Etc/UTC")
    problems = _newest_first(facts, IncidentKind.INCIDENT)
    works = _newest_first(facts, IncidentKind.MAINTENANCE)
    summary = {
        "page": page,
        "status": _overall(facts),
        "components": _component_rows(facts, page["id"]),
        "incidents": [_incident(i, page["id"]) for i in problems if i.is_open],
        "scheduled_maintenances": [_incident(i, page["id"]) for i in works if i.is_open],
    }
    all_problems = [_incident(incident, page["id"]) for incident in problems[:50]]
    all_works = [_incident(incident, page["id"]) for incident in works[:50]]
    return {
        "/api/v2/summary.json": _json(summary),
        "/api/v2/incidents.json": _json({"page": page, "incidents": all_problems}),
        "/api/v2/scheduled-maintenances.json": _json(
            {"page": page, "scheduled_maintenances": all_works}
        ),
        **_history(facts),
    }


def _incidentio(facts: Facts) -> Mapping[str, Document]:
    page = _page(facts, width=26)
    lists = {
        "incidents": [_plain_incident(i, page["id"]) for i in _open(facts, IncidentKind.INCIDENT)],
        "scheduled_maintenances": [
            _plain_incident(i, page["id"]) for i in _open(facts, IncidentKind.MAINTENANCE)
        ],
    }
    some = list(facts.components)
    Random(page["updated_at"]).shuffle(some)
    summary = {
        "page": {**page, "url": f"{facts.address}/"},
        "status": _overall(facts),
        "components": [
            _component(component, page, place)
            for place, component in enumerate(some[:MOST_COMPONENTS])
        ],
        **{name: rows for name, rows in lists.items() if rows},
    }
    return {"/api/v2/summary.json": _json(summary), "/feed.atom": _incidentio_feed(facts)}


def _page(facts: Facts, width: int = 12, **more: str) -> dict[str, str]:
    return {
        "id": _name_id(facts.address, width),
        "name": facts.name,
        "url": facts.address,
        **more,
        "updated_at": _iso(facts.stamp),
    }


def _overall(facts: Facts) -> dict[str, str]:
    worst = max(
        (component.status for component in facts.components),
        key=lambda status: status.rank,
        default=ComponentStatus.OPERATIONAL,
    )
    indicator = _INDICATORS[worst]
    said = "All Systems Operational" if indicator == "none" else worst.replace("_", " ").title()
    return {"indicator": indicator, "description": said}


def _component_rows(facts: Facts, page_id: str) -> list[dict[str, Any]]:
    groups: dict[str, list[Component]] = {}
    for component in facts.components:
        if component.group is not None:
            groups.setdefault(component.group, []).append(component)
    page = {"id": page_id, "updated_at": _iso(facts.stamp)}
    rows = [_component(c, page, place) for place, c in enumerate(facts.components, 1)]
    for row, component in zip(rows, facts.components, strict=True):
        row["group_id"] = None if component.group is None else _name_id(component.group)
    for place, (name, members) in enumerate(groups.items(), 1):
        worst = max((member.status for member in members), key=lambda status: status.rank)
        heading = Component(id=_name_id(name), name=name, status=worst)
        rows.append(
            {
                **_component(heading, page, place),
                "group_id": None,
                "group": True,
                "components": [member.id for member in members],
            }
        )
    return rows


def _component(component: Component, page: Mapping[str, str], place: int) -> dict[str, Any]:
    return {
        "id": component.id,
        "name": component.name,
        "status": component.status_raw or _component_word(component.status),
        "created_at": "2024-01-15T09:00:00.000Z",
        "updated_at": page["updated_at"],
        "position": place,
        "description": None,
        "group": False,
        "page_id": page["id"],
    }


def _component_word(status: ComponentStatus) -> str:
    return _COMPONENT_WORDS.get(status, status.value)


def _incident(incident: Incident, page_id: str) -> dict[str, Any]:
    row = _plain_incident(incident, page_id)
    row["shortlink"] = incident.url
    row["started_at"] = _maybe(incident.started_at)
    row["components"] = [
        {
            "id": c.id,
            "name": c.name,
            "status": _component_word(c.status),
            "group_id": None if c.group is None else _name_id(c.group),
            "group": False,
        }
        for c in incident.components
    ]
    if incident.kind is IncidentKind.MAINTENANCE:
        row["scheduled_for"] = _maybe(incident.started_at)
        row["scheduled_until"] = _maybe(incident.scheduled_until)
    return row


def _plain_incident(incident: Incident, page_id: str) -> dict[str, Any]:
    first = incident.updates[0].at if incident.updates else incident.started_at
    row: dict[str, Any] = {
        "id": incident.id,
        "name": incident.title,
        "status": incident.status_raw or incident.status.value,
        "impact": incident.impact_raw or _impact_word(incident),
        "created_at": _maybe(first),
        "updated_at": _maybe(incident.updated_at),
        "page_id": page_id,
        "incident_updates": [_update(u, incident.id) for u in reversed(incident.updates)],
    }
    if incident.resolved_at is not None:
        row["resolved_at"] = _maybe(incident.resolved_at)
    return row


def _impact_word(incident: Incident) -> str:
    if incident.kind is IncidentKind.MAINTENANCE and incident.impact is Impact.NONE:
        return "maintenance"
    return incident.impact.value


def _update(update: IncidentUpdate, incident_id: str) -> dict[str, Any]:
    return {
        "id": update.id,
        "status": update.status_raw or update.status.value,
        "body": update.body,
        "incident_id": incident_id,
        "created_at": _maybe(update.at),
        "updated_at": _maybe(update.updated_at or update.at),
        "display_at": _maybe(update.at),
    }


def _history(facts: Facts) -> Mapping[str, Document]:
    host = urlsplit(facts.address).netloc
    entries = "".join(_history_entry(host, i) for i in _newest_first(facts)[:25])
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xml:lang="en-US" xmlns="http://www.w3.org/2005/Atom">\n'
        f"  <id>tag:{host},2005:/history</id>\n"
        f'  <link rel="alternate" type="text/html" href="{facts.address}"/>\n'
        f"  <title>{_xml(facts.name)} Status - Incident History</title>\n"
        f"  <updated>{_iso(facts.stamp)}</updated>\n"
        f"  <author>\n    <name>{_xml(facts.name)}</name>\n  </author>\n{entries}</feed>\n"
    )
    return {"/history.atom": Document(content_type=_ATOM, body=body.encode())}


def _history_entry(host: str, incident: Incident) -> str:
    is_planned = incident.kind is IncidentKind.MAINTENANCE
    planned = _planned(incident) if is_planned else ""
    paragraphs = planned + "".join(map(_paragraph, reversed(incident.updates)))
    published = incident.started_at if is_planned else incident.updates[-1].at
    number = int.from_bytes(blake2b(incident.id.encode(), digest_size=3).digest())
    return (
        f"  <entry>\n    <id>tag:{host},2005:Incident/{number}</id>\n"
        f"    <published>{_maybe(published)}</published>\n"
        f"    <updated>{_maybe(incident.updated_at)}</updated>\n"
        f'    <link rel="alternate" type="text/html" href="{_xml(incident.url)}"/>\n'
        f"    <title>{_xml(incident.title)}</title>\n"
        f'    <content type="html">{_xml(paragraphs)}</content>\n  </entry>\n'
    )


def _planned(incident: Incident) -> str:
    start, end = incident.started_at, incident.scheduled_until
    if start is None or end is None:
        return ""
    if start.date() == end.date():
        when = f"{_day(start)}, {start:%H:%M} - {end:%H:%M} UTC"
    else:
        when = f"{_day(start)}, {start:%H:%M} UTC &nbsp;-&nbsp; {_day(end)}, {end:%H:%M} UTC"
    return f"<p><strong>THIS IS A SCHEDULED EVENT {when}</strong></p>"


def _day(at: datetime) -> str:
    return f"{_MONTHS[at.month - 1]} {at.day:>2}"


def _paragraph(update: IncidentUpdate) -> str:
    at = update.at or update.updated_at
    if at is None:
        raise ValueError("an update in a history feed has a time")
    return (
        f"<p><small>{_MONTHS[at.month - 1]} <var data-var='date'>{at.day:>2}</var>, "
        f"<var data-var='time'>{at:%H:%M}</var> UTC</small><br>"
        f"<strong>{_html(update.status_raw or _heading(update.status))}</strong> - "
        f"{_html(update.body)}</p>"
    )


def _heading(status: IncidentStatus) -> str:
    return _HEADINGS.get(status, status.value.capitalize())


def _incidentio_feed(facts: Facts) -> Document:
    entries = "".join(_incidentio_entry(facts, incident) for incident in _newest_first(facts))
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"  <id>{facts.address}/</id>\n  <title>{_xml(facts.name)} status</title>\n"
        f"  <updated>{_iso(facts.stamp)}</updated>\n"
        f'  <link rel="alternate" href="{facts.address}/"/>\n'
        f"  <generator>incident.io</generator>\n{entries}</feed>\n"
    )
    return Document(content_type=_ATOM, body=body.encode())


def _incidentio_entry(facts: Facts, incident: Incident) -> str:
    link = f"{facts.address}//incidents/{incident.id}"
    latest = incident.updates[-1]
    word = latest.status_raw or _heading(latest.status)
    parts = [f"<b>Status: {_html(word)}</b>", "", _html(latest.body)]
    if incident.components:
        rows = "".join(
            f"<li>{_html(c.name)} ({_component_word(c.status).replace('_', ' ').capitalize()})</li>"
            for c in incident.components
        )
        parts += ["", f"<b>Affected components</b><ul>{rows}</ul>"]
    text = _cdata("<br/>".join(parts))
    return (
        f'  <entry>\n    <title type="html">{_cdata(_html(incident.title))}</title>\n'
        f'    <id>{link}</id>\n    <link href="{link}"/>\n'
        f"    <updated>{_maybe(latest.at)}</updated>\n"
        f'    <summary type="html">{text}</summary>\n'
        f'    <content type="html">{text}</content>\n  </entry>\n'
    )


def _atom(facts: Facts) -> Mapping[str, Document]:
    entries = "".join(
        f"  <entry>\n    <id>{_xml(incident.id)}</id>\n"
        f"    <title>{_xml(_headed(incident))}</title>\n"
        f'    <link href="{_xml(incident.url)}"/>\n'
        f"    <published>{_maybe(incident.started_at)}</published>\n"
        f"    <updated>{_maybe(incident.updated_at)}</updated>\n"
        f'    <content type="text">{_xml(_latest(incident))}</content>\n  </entry>\n'
        for incident in _newest_first(facts)
    )
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"  <id>{facts.address}/news.atom</id>\n  <title>{_xml(facts.name)} news</title>\n"
        f"  <updated>{_iso(facts.stamp)}</updated>\n"
        f"  <author>\n    <name>{_xml(facts.name)}</name>\n  </author>\n{entries}</feed>\n"
    )
    return {"/news.atom": Document(content_type=_ATOM, body=body.encode())}


def _rss(facts: Facts) -> Mapping[str, Document]:
    items = "".join(
        f"    <item>\n      <title>{_xml(_headed(incident))}</title>\n"
        f"      <link>{_xml(incident.url)}</link>\n"
        f'      <guid isPermaLink="false">{_xml(incident.id)}</guid>\n'
        f"      <pubDate>{_rfc822(incident.updated_at)}</pubDate>\n"
        f"      <description>{_xml(_html(_latest(incident)))}</description>\n    </item>\n"
        for incident in _newest_first(facts)
    )
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0">\n  <channel>\n'
        f"    <title>{_xml(facts.name)} news</title>\n    <link>{facts.address}/</link>\n"
        f"    <description>What is new at {_xml(facts.name)}</description>\n"
        f"    <lastBuildDate>{_rfc822(facts.stamp)}</lastBuildDate>\n{items}"
        "  </channel>\n</rss>\n"
    )
    return {"/news.rss": Document(content_type=_RSS, body=body.encode())}


def _headed(incident: Incident) -> str:
    """A title as vendors with a plain feed write it: the state at its head."""
    word = incident.status_raw or _heading(incident.status)
    return f"[{word}] {incident.title}"


def _latest(incident: Incident) -> str:
    return incident.updates[-1].body


def _newest_first(facts: Facts, kind: IncidentKind | None = None) -> list[Incident]:
    return [i for i in reversed(facts.incidents) if kind is None or i.kind is kind]


def _open(facts: Facts, kind: IncidentKind) -> Iterable[Incident]:
    return (incident for incident in _newest_first(facts, kind) if incident.is_open)


def _json(value: Any) -> Document:
    return Document(content_type=_JSON, body=msgspec.json.encode(value))


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else _iso(at)


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def _rfc822(at: datetime | None) -> str:
    return "" if at is None else format_datetime(at.astimezone(UTC), usegmt=True)


def _name_id(name: str, width: int = 12) -> str:
    digits = blake2b(name.encode(), digest_size=16).hexdigest()
    return digits[:width] if width < 26 else f"01{digits[:24].upper()}"


def _html(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br />")


def _xml(text: str) -> str:
    return escape(text)


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


_WRITERS: Mapping[Shape, Callable[[Facts], Mapping[str, Document]]] = {
    Shape.STATUSPAGE: _statuspage,
    Shape.HISTORY: _history,
    Shape.INCIDENTIO: _incidentio,
    Shape.ATOM: _atom,
    Shape.RSS: _rss,
}
