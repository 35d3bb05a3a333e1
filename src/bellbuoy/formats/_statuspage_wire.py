"""Statuspage's wire shapes, and what they say in our words.

Documented by each page at its own `/api` (https://www.githubstatus.com/api); what real pages
send beyond that was taken from recordings. Every field may be missing, null or new.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Raw, Struct

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._words import component_status, impact, incident_status
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    Incident,
    IncidentKind,
    IncidentUpdate,
    Page,
)

Text = str | None
Rows = list[Raw] | None
ABSENT = Raw(b"null")
"""What a field that is not there is read as; msgspec knows no optional Raw."""


class Head(Struct):
    """`page`, at the top of every document."""

    id: Text = None
    name: Text = None
    time_zone: Text = None
    updated_at: Text = None


class Document(Struct):
    """Any of the documents. The error that came with status 200 has `error`, and no `page`."""

    page: Raw = ABSENT
    error: object = None
    components: Rows = None
    incidents: Rows = None
    scheduled_maintenances: Rows = None


class Meant(Struct):
    """`bellbuoy` of any row: what a Bellbuoy means where Statuspage has no word for it."""

    status: Text = None
    impact: Text = None


class ComponentRow(Struct):
    """One of `components`: a component, or with `group: true` a heading over others."""

    id: Text = None
    name: Text = None
    status: Text = None
    group_id: Text = None
    group: bool | None = None
    bellbuoy: Raw = ABSENT


class UpdateRow(Struct):
    """One of `incident_updates`."""

    id: Text = None
    status: Text = None
    body: Text = None
    display_at: Text = None
    created_at: Text = None
    updated_at: Text = None
    bellbuoy: Raw = ABSENT


class IncidentRow(Struct):
    """One of `incidents` or `scheduled_maintenances`."""

    id: Text = None
    name: Text = None
    status: Text = None
    impact: Text = None
    shortlink: Text = None
    created_at: Text = None
    started_at: Text = None
    scheduled_for: Text = None
    scheduled_until: Text = None
    updated_at: Text = None
    resolved_at: Text = None
    incident_updates: Rows = None
    components: Rows = None
    bellbuoy: Raw = ABSENT


def read_components(rows: Iterable[Raw]) -> tuple[tuple[Component, ...], Mapping[str, str]]:
    """The components that have an id (of two with one id the later), and group names by id."""
    read = [row for raw in rows if (row := decode_entry(raw, ComponentRow)) and row.id]
    groups = {row.id: row.name or row.id for row in read if row.group and row.id}
    components = {
        row.id: Component(
            id=row.id or "",
            name=row.name or row.id or "",
            status=component_status(word := _status(row)),
            status_raw=word,
            group=groups.get(row.group_id or ""),
            is_group=bool(row.group),
        )
        for row in read
    }
    return tuple(components.values()), groups


def read_incident(
    row: IncidentRow, kind: IncidentKind, page: Page, groups: Mapping[str, str]
) -> Incident:
    """One incident, or one planned work, with its updates oldest first.

    The impact "maintenance" says that work was planned, not how bad it is: it is none.
    """
    is_planned = kind is IncidentKind.MAINTENANCE
    starts = (row.scheduled_for if is_planned else None, row.started_at, row.created_at)
    return Incident(
        id=row.id or "",
        kind=kind,
        title=row.name or "",
        status=incident_status(word := _status(row)),
        status_raw=word,
        impact=impact(severity := _meant(row).impact or row.impact or ""),
        impact_raw=severity,
        url=row.shortlink or page.at(f"incidents/{row.id}"),
        started_at=_first_instant(*starts),
        scheduled_until=_first_instant(row.scheduled_until) if is_planned else None,
        updated_at=_first_instant(row.updated_at),
        resolved_at=_first_instant(row.resolved_at),
        components=_affected(row.components or (), groups),
        updates=_updates(row.incident_updates or ()),
    )


def _affected(rows: Iterable[Raw], groups: Mapping[str, str]) -> tuple[AffectedComponent, ...]:
    read = (decode_entry(raw, ComponentRow) for raw in rows)
    return tuple(
        AffectedComponent(
            id=row.id or "",
            name=row.name,
            group=groups.get(row.group_id or ""),
            status=component_status(_status(row)),
        )
        for row in read
        if row and row.name
    )


def _updates(rows: Sequence[Raw]) -> tuple[IncidentUpdate, ...]:
    """Oldest first; the vendor lists them newest first, without an exception in recordings.

    One without an id, as trimmed copies have them, is known by its time and status.
    """
    updates: list[IncidentUpdate] = []
    times_taken: Counter[str] = Counter()
    for raw in reversed(rows):
        row = decode_entry(raw, UpdateRow)
        if row is None:
            continue
        id = row.id or f"{row.display_at or row.created_at}/{row.status}"
        times_taken[id] += 1
        updates.append(
            IncidentUpdate(
                id=id if times_taken[id] == 1 else f"{id}#{times_taken[id]}",
                status=incident_status(word := _status(row)),
                status_raw=word,
                body=row.body or "",
                at=_first_instant(row.display_at, row.created_at),
                updated_at=_first_instant(row.updated_at),
            )
        )
    return tuple(updates)


def _status(row: ComponentRow | UpdateRow | IncidentRow) -> str:
    return _meant(row).status or row.status or ""


def _meant(row: ComponentRow | UpdateRow | IncidentRow) -> Meant:
    return (row.bellbuoy != ABSENT and decode_entry(row.bellbuoy, Meant)) or _PLAIN


_PLAIN = Meant()


def _first_instant(*texts: Text) -> datetime | None:
    for text in texts:
        if text and (at := parse_iso(text)):
            return at
    return None
