"""Better Stack's wire shapes, and what they say in our words.

Documented at
https://betterstack.com/docs/uptime/status-pages/subscribing-to-status-updates/subscribing-to-api
(the attributes of a report at
https://betterstack.com/docs/uptime/api/status-page-reports-api-response-params/), in the shape
of https://jsonapi.org/format/1.1/. Every field may be missing, null or new.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

S = TypeVar("S", bound=Struct)
Text = str | None
Id = str | int | None
Rows = list[Raw] | None
ABSENT = Raw(b"null")

_C = ComponentStatus
_COMPONENTS = {
    "operational": _C.OPERATIONAL,
    "degraded": _C.DEGRADED,
    "downtime": _C.MAJOR_OUTAGE,
    "maintenance": _C.MAINTENANCE,
}
_AFFECTED = {**_COMPONENTS, "resolved": _C.OPERATIONAL}

_S = IncidentStatus
_STATES = {
    "resolved": _S.RESOLVED,
    "degraded": _S.INVESTIGATING,
    "downtime": _S.INVESTIGATING,
    "maintenance": _S.INVESTIGATING,
}

_IMPACTS = {
    "maintenance": Impact.NONE,
    "degraded": Impact.MINOR,
    "downtime": Impact.MAJOR,
}

_WORST = ("downtime", "degraded", "maintenance", "resolved")
"""The words of affected components, the worst first."""


class Page(Struct):
    """The attributes of `data`."""

    company_name: Text = None
    subdomain: Text = None
    custom_domain: Text = None
    aggregate_state: Text = None


class Link(Struct):
    """A reference to another object: its type and id."""

    id: Id = None
    type: Text = None


class Links(Struct):
    """A relationship to many."""

    data: Raw = ABSENT


class Relationships(Struct):
    """What an object is related to; the page has the first two, a report the last."""

    resources: Links | None = None
    status_reports: Links | None = None
    status_updates: Links | None = None


class Object(Struct):
    """One object of the document: `data`, or one of `included`."""

    id: Id = None
    type: Text = None
    attributes: Raw = ABSENT
    relationships: Raw = ABSENT


class Document(Struct):
    """`index.json`."""

    data: Raw = ABSENT
    included: Rows = None


class _Section(Struct):
    name: Text = None


class _Resource(Struct):
    status_page_section_id: Id = None
    public_name: Text = None
    status: Text = None


class _Affected(Struct):
    status_page_resource_id: Id = None
    status: Text = None


class _Report(Struct):
    title: Text = None
    report_type: Text = None
    starts_at: Text = None
    ends_at: Text = None
    affected_resources: Raw = ABSENT
    aggregate_state: Text = None


class _Update(Struct):
    message: Text = None
    published_at: Text = None
    affected_resources: Raw = ABSENT


_LINKS = Decoder(list[Link])
_AFFECTED_ROWS = Decoder(list[_Affected])


def name_of(id: Id) -> str:
    """An id as a text; the vendor writes one and the same as a text and as a number."""
    return "" if id is None else str(id)


def linked(relationships: Raw, name: str) -> list[str]:
    """The ids to which an object is related by a name."""
    found = decode_entry(relationships, Relationships)
    links: Links | None = getattr(found, name) if found else None
    read = _rows(links.data, _LINKS, Link) if links else ()
    return [name_of(link.id) for link in read if link.id is not None]


def read_components(
    resources: Mapping[str, Object], sections: Mapping[str, Object]
) -> dict[str, Component]:
    """The components by their ids, each in its section. What nobody monitors is unknown."""
    groups: dict[str, str] = {}
    for id, one in sections.items():
        section = decode_entry(one.attributes, _Section)
        groups[id] = " ".join((section.name or "").split()) if section else ""
    components: dict[str, Component] = {}
    for id, one in resources.items():
        row = decode_entry(one.attributes, _Resource)
        if row is None:
            continue
        components[id] = Component(
            id=id,
            name=row.public_name or id,
            status=_COMPONENTS.get(row.status or "", _C.UNKNOWN),
            status_raw=row.status or "",
            group=groups.get(name_of(row.status_page_section_id)) or None,
        )
    return components


def read_report(
    id: str,
    attributes: Raw,
    updates: Sequence[tuple[str, Raw]],
    components: Mapping[str, Component],
    now: datetime | None,
) -> Incident | None:
    """One report with its updates, oldest first.

    `now` is the server's own time, which alone tells planned work that has begun from work
    that has not: the words are the same. The worst that any update said of a component is the
    impact, since at the end all of them are "resolved".
    """
    row = decode_entry(attributes, _Report)
    if row is None:
        return None
    is_planned = row.report_type == "maintenance"
    starts_at = _instant(row.starts_at)
    read = sorted(
        (pair for one in updates if (pair := _read_update(one, starts_at, is_planned=is_planned))),
        key=lambda pair: (pair[0].at is not None, pair[0].at, len(pair[0].id), pair[0].id),
    )
    said = _said(row.affected_resources)
    words = {word for _, word in read} | {_worst(said)}
    impact = next((word for word in _WORST if word in words and word in _IMPACTS), "")
    status = _status(row.aggregate_state or "", is_planned=is_planned)
    if is_planned and status is not _S.COMPLETED:
        newest = max((one.at for one, _ in read if one.at), default=None)
        status = _phase(starts_at, *(at for at in (newest, now) if at))
    return Incident(
        id=id,
        kind=IncidentKind.MAINTENANCE if is_planned else IncidentKind.INCIDENT,
        title=row.title or "",
        status=status,
        status_raw=row.aggregate_state or "",
        impact=_IMPACTS.get(impact, Impact.UNKNOWN),
        impact_raw=impact,
        started_at=starts_at,
        scheduled_until=_instant(row.ends_at) if is_planned else None,
        resolved_at=_ended(row, [one for one, _ in read]) if status.is_over else None,
        components=_affected(said, components),
        updates=tuple(update for update, _ in read),
    )


def _read_update(
    one: tuple[str, Raw], starts_at: datetime | None, *, is_planned: bool
) -> tuple[IncidentUpdate, str] | None:
    """An update, and the worst word that it says of a component."""
    id, attributes = one
    row = decode_entry(attributes, _Update)
    if row is None:
        return None
    word = _worst(_said(row.affected_resources))
    at = _instant(row.published_at)
    status = _status(word, is_planned=is_planned)
    if is_planned and status is not _S.COMPLETED:
        status = _phase(starts_at, *((at,) if at else ()))
    update = IncidentUpdate(id=id, status=status, status_raw=word, body=row.message or "", at=at)
    return update, word


def _status(word: str, *, is_planned: bool) -> IncidentStatus:
    status = _STATES.get(word, _S.UNKNOWN)
    return _S.COMPLETED if is_planned and status is _S.RESOLVED else status


def _phase(starts_at: datetime | None, *times: datetime) -> IncidentStatus:
    """Where planned work stands that is not over: begun if any of these times lies behind."""
    has_begun = starts_at is not None and any(at >= starts_at for at in times)
    return _S.IN_PROGRESS if has_begun else _S.SCHEDULED


def _ended(row: _Report, updates: Sequence[IncidentUpdate]) -> datetime | None:
    """The end, which for incidents only the last update tells: `ends_at` is null."""
    last = next((one.at for one in reversed(updates) if one.at), None)
    return _instant(row.ends_at) or last


def _affected(
    said: Sequence[tuple[str, str]], components: Mapping[str, Component]
) -> tuple[AffectedComponent, ...]:
    """The components that a report names by their ids, those that the page still has."""
    return tuple(
        AffectedComponent(
            id=id,
            name=known.name,
            group=known.group,
            status=_AFFECTED.get(word, _C.UNKNOWN),
        )
        for id, word in said
        if (known := components.get(id)) is not None
    )


def _worst(said: Sequence[tuple[str, str]]) -> str:
    words = [word for _, word in said]
    return next((word for word in _WORST if word in words), words[0] if words else "")


def _said(rows: Raw) -> list[tuple[str, str]]:
    """What is said of each component: its id and a word."""
    read = _rows(rows, _AFFECTED_ROWS, _Affected)
    return [(name_of(row.status_page_resource_id), row.status or "") for row in read]


def _rows(raw: Raw, whole: Decoder[list[S]], shape: type[S]) -> Sequence[S]:
    """The rows of a list, at one go where none of them is wrong."""
    if raw == ABSENT:
        return ()
    try:
        return whole.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        rows = msgspec.json.decode(raw, type=list[Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return [row for one in rows if (row := decode_entry(one, shape)) is not None]


def _instant(text: Text) -> datetime | None:
    return parse_iso(text) if text else None
