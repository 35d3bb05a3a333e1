"""FireHydrant's incidents as they come, and what they say in our words. Not documented."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._words import incident_status
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

_S = IncidentStatus
_MILESTONES = {
    "started": _S.INVESTIGATING,
    "detected": _S.INVESTIGATING,
    "acknowledged": _S.INVESTIGATING,
    "investigating": _S.INVESTIGATING,
    "identified": _S.IDENTIFIED,
    "mitigated": _S.MONITORING,
    "monitoring": _S.MONITORING,
    "resolved": _S.RESOLVED,
    "postmortem_started": _S.POSTMORTEM,
    "postmortem_completed": _S.POSTMORTEM,
    "closed": _S.RESOLVED,
}
"""In the order in which a life passes them."""

_BACKWARDS = tuple(reversed(_MILESTONES))

WORK = "MAINTENANCE"
_IMPACTS = {
    "SEV1": Impact.CRITICAL,
    "SEV2": Impact.MAJOR,
    **dict.fromkeys(("SEV3", "SEV4", "SEV5"), Impact.MINOR),
    WORK: Impact.NONE,
}
CONDITIONS = {
    "OPERATIONAL": ComponentStatus.OPERATIONAL,
    "DEGRADED": ComponentStatus.DEGRADED,
    "OFFLINE": ComponentStatus.MAJOR_OUTAGE,
}
_BROUGHT_IN = ("➡️ **", "** — ")

Text = str | None
S = TypeVar("S", bound=Struct)
ABSENT = Raw(b"null")

_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ComponentRow(Struct, gc=False):
    """A component of the page, or as an incident names it."""

    id: Text = None
    name: Text = None
    condition: Text = None


class IncidentHead(Struct, rename="camel"):
    """What must be known of an incident even if nothing in it changed."""

    id: Text = None
    severity_slug: Text = None
    timestamps: dict[str, object] | None = None
    components: Raw = ABSENT

    @property
    def is_work(self) -> bool:
        """Whether it is planned work."""
        return self.severity_slug == WORK

    def life(self) -> "Life":
        """How far it came."""
        texts = (self.timestamps or {}).items()
        passed = {
            name: at for name, text in texts if isinstance(text, str) and (at := parse_iso(text))
        }
        milestone = next((name for name in _BACKWARDS if name in passed), "")
        status = _of_kind(_MILESTONES.get(milestone, _S.UNKNOWN), is_work=self.is_work)
        if self.is_work and not status.is_over:
            status = _S.UNKNOWN
        return Life(passed, milestone, status)


class Life(Struct, frozen=True):
    """When an incident passed its milestones, the furthest of them, and where that leaves it.

    Of planned work only an end is certain.
    """

    passed: Mapping[str, datetime]
    milestone: str
    status: IncidentStatus


class IncidentRow(IncidentHead, rename="camel"):
    """One of `incidents`."""

    title: Text = None
    timeline: Raw = ABSENT


class _Note(Struct):
    note: Text = None


class _Milestone(Struct, rename="camel"):
    current_milestone: Text = None


class _Details(Struct, rename="camel"):
    note: str | _Note | None = None
    milestone_update: _Milestone | None = None


class _EntryRow(Struct, rename="camel", gc=False):
    time: Text = None
    occurred_at: Text = None
    details: _Details | None = None


def read_incident(
    row: IncidentRow, life: Life, components: tuple[AffectedComponent, ...], url: str
) -> Incident:
    """One incident with its updates, oldest first."""
    entries, _ = rows_of(row.timeline, _EntryRow)
    written = [at for entry in entries if entry.time and (at := parse_iso(entry.time))]
    passed = life.passed
    return Incident(
        id=row.id or "",
        kind=IncidentKind.MAINTENANCE if row.is_work else IncidentKind.INCIDENT,
        title=row.title or "",
        status=life.status,
        status_raw=life.milestone,
        impact=_IMPACTS.get(row.severity_slug or "", Impact.UNKNOWN),
        impact_raw=row.severity_slug or "",
        url=url,
        started_at=passed.get("started") or passed.get("detected"),
        updated_at=max([*written, *passed.values()], default=None),
        resolved_at=passed.get("resolved") if life.status.is_over else None,
        components=components,
        updates=_updates(entries, is_work=row.is_work),
    )


@cache
def _list_of(shape: type[S]) -> msgspec.json.Decoder[list[S]]:
    return msgspec.json.Decoder(cast("Any", list)[shape])


def rows_of(raw: Raw, shape: type[S]) -> tuple[list[S], bool]:
    """The rows of a list, and whether that is all of them: a broken one costs only itself."""
    if raw is ABSENT:
        return [], False
    try:
        return _list_of(shape).decode(raw), True
    except _REFUSED:
        pass
    try:
        raws = msgspec.json.decode(raw, type=list[Raw])
    except _REFUSED:
        return [], False
    rows = [row for one in raws if (row := decode_entry(one, shape))]
    return rows, len(rows) == len(raws)


def _updates(entries: Sequence[_EntryRow], *, is_work: bool) -> tuple[IncidentUpdate, ...]:
    """The notes and milestones of a timeline, which has the newest first, oldest first."""
    updates: list[IncidentUpdate] = []
    times_taken: dict[str, int] = {}
    for entry in reversed(entries):
        id = entry.time or entry.occurred_at or "?"
        times_taken[id] = times_taken.get(id, 0) + 1
        status, word, body = _said(entry.details or _Details())
        if not word and not body:
            continue
        updates.append(
            IncidentUpdate(
                id=id if times_taken[id] == 1 else f"{id}#{times_taken[id]}",
                status=_of_kind(status, is_work=is_work) if word else status,
                status_raw=word,
                body=body,
                at=parse_iso(entry.occurred_at or entry.time or ""),
            )
        )
    return tuple(updates)


def _said(details: _Details) -> tuple[IncidentStatus, str, str]:
    """The status, its word and the text of an entry."""
    note = details.note.note if isinstance(details.note, _Note) else details.note
    body = (note or "").strip()
    milestone = details.milestone_update.current_milestone if details.milestone_update else None
    if milestone:
        return _MILESTONES.get(milestone, _S.UNKNOWN), milestone, body
    begin, end = _BROUGHT_IN
    if body.startswith(begin):
        word, found, rest = body.removeprefix(begin).partition(end)
        status = incident_status(word.lower())
        if found and status is not _S.UNKNOWN:
            return status, word, rest.strip()
    return _S.UNKNOWN, "", body


def _of_kind(status: IncidentStatus, *, is_work: bool) -> IncidentStatus:
    """Planned work is completed where an incident is resolved."""
    return _S.COMPLETED if is_work and status.is_over else status
