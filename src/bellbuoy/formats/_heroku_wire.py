"""Heroku's wire shapes, and what they say in our words. Every field may be missing, null or new."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.model.facts import (
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Page,
)

_S = IncidentStatus
_TYPES = {
    IncidentKind.INCIDENT: {
        "investigating": _S.INVESTIGATING,
        "issue": _S.INVESTIGATING,
        "resolved": _S.RESOLVED,
    },
    IncidentKind.MAINTENANCE: {
        "scheduled": _S.SCHEDULED,
        "maintenance": _S.IN_PROGRESS,
        "resolved": _S.COMPLETED,
    },
}
_SYSTEM = {
    "green": ComponentStatus.OPERATIONAL,
    "yellow": ComponentStatus.DEGRADED,
    "red": ComponentStatus.MAJOR_OUTAGE,
    "blue": ComponentStatus.MAINTENANCE,
}
_IMPACT = {
    "green": Impact.NONE,
    "blue": Impact.NONE,
    "yellow": Impact.MINOR,
    "red": Impact.MAJOR,
}
_RANKS = {colour: impact.rank for colour, impact in _IMPACT.items()}

Text = str | None
Rows = list[Raw] | None


class Document(Struct):
    """The current status. Any of it may be missing, as in the document of another."""

    status: Rows = None
    incidents: Rows = None
    scheduled: Rows = None


class SystemRow(Struct):
    """One of `status`."""

    system: Text = None
    status: Text = None


class _UpdateRow(Struct):
    id: int | str | None = None
    update_type: Text = None
    contents: Text = None
    created_at: Text = None
    updated_at: Text = None
    status_dev: Text = None
    status_prod: Text = None


class IncidentRow(Struct):
    """One of `incidents` or `scheduled`."""

    id: int | str | None = None
    title: Text = None
    state: Text = None
    full_url: Text = None
    created_at: Text = None
    updated_at: Text = None
    resolved_at: Text = None
    updates: Rows = None


def read_incident(row: IncidentRow, kind: IncidentKind, page: Page) -> Incident:
    """An incident or planned work with its updates, oldest first."""
    rows = _rows(row)
    status = _status(row, kind, rows)
    is_incident = kind is IncidentKind.INCIDENT
    colour = _worst(rows) if is_incident else ""
    return Incident(
        id=str(row.id),
        kind=kind,
        title=row.title or "",
        status=status,
        status_raw=row.state or (rows[-1].update_type if rows else "") or "",
        impact=_IMPACT.get(colour, Impact.UNKNOWN) if is_incident else Impact.NONE,
        impact_raw=colour,
        url=row.full_url or page.at(f"incidents/{quote(str(row.id), safe='')}"),
        started_at=_instant(row.created_at) if is_incident else None,
        updated_at=_instant(row.updated_at),
        resolved_at=_instant(row.resolved_at),
        updates=_updates(rows, kind, is_over=status.is_over),
    )


def kind_of(row: IncidentRow) -> IncidentKind:
    """What something is by its own object, which is in no list: only plans speak of themselves."""
    is_planned = {"scheduled", "maintenance"} & {one.update_type for one in _rows(row)}
    return IncidentKind.MAINTENANCE if is_planned else IncidentKind.INCIDENT


def _rows(row: IncidentRow) -> Sequence[_UpdateRow]:
    """The updates that can be told from others, oldest first."""
    read = [decode_entry(raw, _UpdateRow) for raw in reversed(row.updates or ())]
    return [one for one in read if one and one.id not in (None, "")]


def _status(row: IncidentRow, kind: IncidentKind, rows: Iterable[_UpdateRow]) -> IncidentStatus:
    """By `state`, or by the newest update where that is not told or not to be believed."""
    said = [_TYPES[kind].get(one.update_type or "", _S.UNKNOWN) for one in rows]
    known = [status for status in said if status is not _S.UNKNOWN]
    latest = known[-1] if known else _S.UNKNOWN
    if row.state == "resolved":
        return _TYPES[kind]["resolved"]
    if row.state == "open" and latest.is_over:
        return _S.INVESTIGATING if kind is IncidentKind.INCIDENT else _S.IN_PROGRESS
    if row.state == "open" and latest is _S.UNKNOWN:
        return _S.INVESTIGATING
    return latest


def _updates(
    rows: Iterable[_UpdateRow], kind: IncidentKind, *, is_over: bool
) -> tuple[IncidentUpdate, ...]:
    """An update ends nothing while the state says that it goes on."""
    updates: dict[str, IncidentUpdate] = {}
    for row in rows:
        status = _TYPES[kind].get(row.update_type or "", _S.UNKNOWN)
        id = str(row.id)
        updates[id] = IncidentUpdate(
            id=id,
            status=_S.UNKNOWN if status.is_over and not is_over else status,
            status_raw=row.update_type or "",
            body=row.contents or "",
            at=_instant(row.created_at),
            updated_at=_instant(row.updated_at),
        )
    return tuple(updates.values())


def _worst(rows: Iterable[_UpdateRow]) -> str:
    colours = [colour for row in rows for colour in (row.status_prod, row.status_dev) if colour]
    return max(colours, key=_rank, default="")


def _rank(colour: str) -> int:
    return _RANKS.get(colour, Impact.UNKNOWN.rank)


def read_component(row: SystemRow) -> Component:
    """A system by its colour."""
    colour = row.status or ""
    name = row.system or ""
    status = _SYSTEM.get(colour, ComponentStatus.UNKNOWN)
    return Component(id=name, name=name, status=status, status_raw=colour)


def is_own(document: Document) -> bool:
    """Whether both lists are there, and systems with a status each."""
    if not document.status or document.incidents is None or document.scheduled is None:
        return False
    row = decode_entry(document.status[0], SystemRow)
    return row is not None and bool(row.system and row.status)


def is_own_text(text: str) -> bool:
    """Whether a text is the current status."""
    try:
        return text.startswith("{") and is_own(msgspec.json.decode(text, type=Document))
    except (msgspec.DecodeError, RecursionError):
        return False


def _instant(text: Text) -> datetime | None:
    return parse_iso(text) if text else None
