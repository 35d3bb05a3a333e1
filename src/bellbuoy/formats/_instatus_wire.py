"""Instatus's wire shapes, and what they say in our words.

Documented at https://instatus.com/help/api/public-data (the words at
https://instatus.com/help/api); what real pages send beyond that was taken from recordings.
Every field may be missing, null or new.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Raw, Struct

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
    Page,
)

Text = str | None
Rows = list[Raw] | None
Worded = str | dict[str, object] | None
"""A text, or since 2025 one for each language with a `default`."""

ABSENT = Raw(b"null")

_MOST_COMPONENTS = 2_000

_MOST_DIGITS = 6
"""Of minutes: planned work of two years is a mistake."""

_S = IncidentStatus
_STATUSES = {
    "INVESTIGATING": _S.INVESTIGATING,
    "IDENTIFIED": _S.IDENTIFIED,
    "MONITORING": _S.MONITORING,
    "RESOLVED": _S.RESOLVED,
    "NOTSTARTEDYET": _S.SCHEDULED,
    "INPROGRESS": _S.IN_PROGRESS,
    "COMPLETED": _S.COMPLETED,
}

_C = ComponentStatus
COMPONENT_STATUSES = {
    "OPERATIONAL": _C.OPERATIONAL,
    "DEGRADEDPERFORMANCE": _C.DEGRADED,
    "MINOROUTAGE": _C.PARTIAL_OUTAGE,
    "PARTIALOUTAGE": _C.PARTIAL_OUTAGE,
    "MAJOROUTAGE": _C.MAJOR_OUTAGE,
    "UNDERMAINTENANCE": _C.MAINTENANCE,
}

_IMPACTS = {
    "OPERATIONAL": Impact.NONE,
    "UNDERMAINTENANCE": Impact.NONE,
    "DEGRADEDPERFORMANCE": Impact.MINOR,
    "MINOROUTAGE": Impact.MINOR,
    "PARTIALOUTAGE": Impact.MAJOR,
    "MAJOROUTAGE": Impact.CRITICAL,
}


class Head(Struct):
    """`page`, at the top of the summary and of the older list of components."""

    name: Text = None
    url: Text = None
    status: Text = None


class Summary(Struct, rename="camel"):
    """`summary.json`. A list that is absent is empty."""

    page: Raw = ABSENT
    active_incidents: Rows = None
    active_maintenances: Rows = None


class ComponentList(Struct):
    """`components.json`, in either version."""

    components: Rows = None


class IncidentRow(Struct, rename="camel"):
    """One of `activeIncidents` (which has `started`) or `activeMaintenances` (`start`).

    The `duration` of planned work is in minutes.
    """

    id: Text = None
    name: Text = None
    status: Text = None
    impact: Text = None
    url: Text = None
    started: Text = None
    start: Text = None
    duration: object = None
    updated_at: Text = None


class ComponentRow(Struct, rename="camel"):
    """A component. The older shape holds `children`, the newer one names its `group`."""

    id: Text = None
    name: Worded = None
    status: Text = None
    group: Raw = ABSENT
    is_parent: bool | None = None
    children: Rows = None


class _GroupRow(Struct):
    id: Text = None
    name: Worded = None


class Notice(Struct):
    """An incident as the data within the web page tells it."""

    id: Text = None
    name: Worded = None
    status: Text = None
    impact: Text = None
    started: Text = None
    resolved: Text = None
    components: Rows = None
    updates: Rows = None


class _UpdateRow(Struct):
    id: Text = None
    status: Text = None
    started: Text = None
    message: Worded = None


def incident_status(word: Text) -> IncidentStatus:
    """What a vendor's word says of an incident or planned work."""
    return _STATUSES.get(word or "", _S.UNKNOWN)


def said(worded: Worded) -> str:
    """The text itself, in the page's own language."""
    if isinstance(worded, dict):
        default = worded.get("default")
        return default if isinstance(default, str) else ""
    return worded or ""


def read_components(rows: Sequence[Raw]) -> tuple[tuple[Component, ...], bool]:
    """The components in the page's order, groups among them, and whether all were read."""
    read: dict[str, tuple[ComponentRow, str]] = {}
    groups: set[str] = set()
    is_whole = len(rows) <= _MOST_COMPONENTS
    waiting = [(raw, "") for raw in reversed(rows)]
    while waiting and len(read) < _MOST_COMPONENTS:
        raw, group = waiting.pop()
        row = decode_entry(raw, ComponentRow)
        if row is None or not row.id:
            is_whole = False
            continue
        if row.group != ABSENT and (named := decode_entry(row.group, _GroupRow)) is not None:
            groups.add(named.id or "")
            group = said(named.name)
        if row.is_parent or row.children:
            groups.add(row.id)
            waiting += [(child, said(row.name)) for child in reversed(row.children or ())]
        read[row.id] = (row, group)
    components = (
        Component(
            id=id,
            name=said(row.name) or id,
            status=COMPONENT_STATUSES.get(row.status or "", _C.UNKNOWN),
            status_raw=row.status or "",
            group=group or None,
            is_group=id in groups,
        )
        for id, (row, group) in read.items()
    )
    return tuple(components), is_whole


def read_incident(row: IncidentRow, kind: IncidentKind, page: Page, notice: Notice) -> Incident:
    """What the summary says, with what the web page adds to it."""
    id = row.id or ""
    return Incident(
        id=id,
        kind=kind,
        title=row.name or "",
        status=incident_status(row.status),
        status_raw=row.status or "",
        impact=_IMPACTS.get(row.impact or "", Impact.UNKNOWN),
        impact_raw=row.impact or "",
        url=row.url or page.at(id),
        started_at=_instant(row.started) or _instant(row.start),
        scheduled_until=_planned_end(row),
        updated_at=_instant(row.updated_at),
        updates=_read_updates(notice.updates or ()),
    )


def read_end(
    id: str, kind: IncidentKind, page: Page, notice: Notice, after: datetime | None
) -> Incident:
    """How an incident ended that the summary does not list any more.

    The end is newer than what is known if it came after the latest change (`after`); people
    date ends back, so an earlier one proves nothing.
    """
    ended = _instant(notice.resolved)
    return Incident(
        id=id,
        kind=kind,
        title=said(notice.name),
        status=incident_status(notice.status),
        status_raw=notice.status or "",
        impact=_IMPACTS.get(notice.impact or "", Impact.UNKNOWN),
        impact_raw=notice.impact or "",
        url=page.at(id),
        started_at=_instant(notice.started),
        updated_at=ended if ended and after and ended > after else None,
        resolved_at=ended,
    )


def read_affected(
    notice: Notice, components: Mapping[str, Component]
) -> tuple[AffectedComponent, ...]:
    """The components that a notice names, by their ids alone since 2023."""
    affected: list[AffectedComponent] = []
    for raw in notice.components or ():
        row = decode_entry(raw, ComponentRow)
        known = components.get(row.id or "") if row else None
        name = known.name if known else said(row.name) if row else ""
        if row is None or not name:
            continue
        affected.append(
            AffectedComponent(
                id=row.id or "",
                name=name,
                group=known.group if known else None,
                status=COMPONENT_STATUSES.get(row.status or "", _C.UNKNOWN),
            )
        )
    return tuple(affected)


def _read_updates(rows: Iterable[Raw]) -> tuple[IncidentUpdate, ...]:
    """Oldest first. What has no id or no text in a known shape is left out."""
    read = [row for raw in rows if (row := decode_entry(raw, _UpdateRow)) is not None]
    updates = {
        row.id: IncidentUpdate(
            id=row.id,
            status=incident_status(row.status),
            status_raw=row.status or "",
            body=said(row.message),
            at=_instant(row.started),
        )
        for row in sorted(read, key=lambda row: row.started or "")
        if row.id and said(row.message)
    }
    return tuple(updates.values())


def _instant(text: Text) -> datetime | None:
    return parse_iso(text) if text else None


def _planned_end(row: IncidentRow) -> datetime | None:
    start, minutes = _instant(row.start), str(row.duration or "")
    if start is None or not minutes.isdecimal() or len(minutes) > _MOST_DIGITS:
        return None
    try:
        return start + timedelta(minutes=int(minutes))
    except OverflowError:
        return None
