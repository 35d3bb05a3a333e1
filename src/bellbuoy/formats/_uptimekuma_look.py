"""Uptime Kuma's wire shapes, and what one visit to a page has found so far.

Entry keys: the id of an incident or of planned work holds its hash, or nothing once it left the
page, so that it is read if it comes again.
"""

from datetime import datetime
from hashlib import sha1

import msgspec
from msgspec import Raw, Struct

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.model.facts import (
    Component,
    ComponentStatus,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Part,
    Snapshot,
)
from bellbuoy.model.known import Seen

REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises of a body that is no such document."""

_MOST_ROWS = 2_000
_PLANNED = "maintenance-"
_C = ComponentStatus
_COMPONENT_STATUS = {"0": _C.MAJOR_OUTAGE, "1": _C.OPERATIONAL, "3": _C.MAINTENANCE}
_S = IncidentStatus
_PLANNED_STATUS = {
    "scheduled": _S.SCHEDULED,
    "under-maintenance": _S.IN_PROGRESS,
    "ended": _S.COMPLETED,
}

Number = int | str | None
Text = str | None
Rows = list[Raw]


class Config(Struct):
    """What a page calls itself."""

    slug: Text = None
    title: Text = None


class Document(Struct, rename="camel"):
    """The page itself, without any beats."""

    config: Raw = Raw(b"null")
    incident: Raw | msgspec.UnsetType = msgspec.UNSET
    public_group_list: Rows | None = None
    maintenance_list: Rows | None = None


class BeatLists(Struct, rename="camel"):
    """Beats by the numbers of their monitors."""

    heartbeat_list: dict[str, Raw]
    uptime_list: dict[str, Raw]


class Beat(Struct):
    """One look of its own at a monitor."""

    status: Number = None
    time: Text = None


class _GroupRow(Struct, rename="camel"):
    name: Text = None
    monitor_list: Rows | None = None


class _MonitorRow(Struct):
    id: Number = None
    name: Text = None


class _IncidentRow(Struct, rename="camel"):
    id: Number = None
    style: Text = None
    title: Text = None
    content: Text = None
    created_date: Text = None
    last_updated_date: Text = None


class _Slot(Struct, rename="camel"):
    start_date: Text = None
    end_date: Text = None


class _MaintenanceRow(Struct, rename="camel"):
    id: Number = None
    title: Text = None
    description: Text = None
    status: Text = None
    timezone_offset: Text = None
    timeslot_list: Rows | None = None


def latest_of(raw: Raw | None) -> Beat | None:
    """The last of a monitor's beats, which come oldest first."""
    try:
        beats = msgspec.json.decode(raw or b"[]", type=Rows)
    except REFUSED:
        return None
    return decode_entry(beats[-1], Beat) if beats else None


class Look:
    """What one visit has found so far."""

    def __init__(self, url: str, seen: Seen) -> None:
        self._url = url
        self._seen = seen
        self._id_of = {hash: id for id, hash in seen.entries.items()}
        self._entries: dict[str, str] = {}
        self._listed: dict[str, Incident | None] = {}
        self._components: dict[str, Component] = {}
        self._complete: set[Part] = set()

    def take_incident(self, raw: Raw | msgspec.UnsetType) -> None:
        """Take in the pinned incident, if the document has the place for one."""
        if raw is msgspec.UNSET:
            return
        hash = _hash(raw)
        id = self._known_as(hash, is_planned=False)
        if id is not None:
            self._list(id, hash, None)
        else:
            row = decode_entry(raw, _IncidentRow)
            if row is not None and row.id is not None:
                self._list(str(row.id), hash, self._incident(str(row.id), row))
            elif bytes(raw).strip() != b"null":
                return
        self._complete.add(Part.OPEN_INCIDENTS)

    def take_planned(self, rows: Rows | None) -> None:
        """Take in planned work; without a list nothing is known of it."""
        ids: set[str] = set()
        for raw in (rows or ())[:_MOST_ROWS]:
            hash = _hash(raw)
            id = self._known_as(hash, is_planned=True)
            if id is not None:
                self._list(id, hash, None)
            else:
                row = decode_entry(raw, _MaintenanceRow)
                if row is None or row.id is None:
                    continue
                id = f"{_PLANNED}{row.id}"
                self._list(id, hash, self._planned(id, row))
            ids.add(id)
        if rows is not None and len(ids) == len(rows):
            self._complete.add(Part.OPEN_MAINTENANCES)

    def _known_as(self, hash: str, *, is_planned: bool) -> str | None:
        """The entry of this list that had this hash when it was decoded."""
        id = self._id_of.get(hash)
        return id if id is not None and id.startswith(_PLANNED) == is_planned else None

    def _list(self, id: str, hash: str, incident: Incident | None) -> None:
        """Note an entry of the page, with what was decoded of it. Of two the last one counts."""
        self._entries[id] = hash
        self._listed[id] = incident

    def take_monitors(self, groups: Rows, beats: BeatLists) -> None:
        """Take in how each monitor is; one may stand in several groups."""
        is_whole = len(groups) <= _MOST_ROWS
        for raw in groups[:_MOST_ROWS]:
            group = decode_entry(raw, _GroupRow)
            if group is None or group.monitor_list is None:
                is_whole = False
                continue
            for entry in group.monitor_list[:_MOST_ROWS]:
                row = decode_entry(entry, _MonitorRow)
                if row is None or row.id is None:
                    is_whole = False
                    continue
                id = str(row.id)
                beat = latest_of(beats.heartbeat_list.get(id))
                self._components.setdefault(id, _component(id, row, group, beat))
        if is_whole:
            self._complete.add(Part.COMPONENTS)

    def snapshot(self, name: str | None) -> Snapshot:
        """All that was found."""
        away = self._seen.open_ids - self._listed.keys()
        gone = {
            id
            for id in away
            if (Part.OPEN_MAINTENANCES if id.startswith(_PLANNED) else Part.OPEN_INCIDENTS)
            in self._complete
        }
        return Snapshot(
            incidents=tuple(one for one in self._listed.values() if one),
            components=tuple(self._components.values()),
            complete=frozenset(self._complete),
            unchanged=frozenset(id for id, one in self._listed.items() if one is None),
            entries=self._entries,
            gone=frozenset(gone),
            name=name or None,
            owes=True,
        )

    def _incident(self, id: str, row: _IncidentRow) -> Incident:
        stamp = row.last_updated_date or row.created_date or ""
        status = _S.INVESTIGATING
        message = IncidentUpdate(id=f"latest:{stamp}", status=status, body=row.content or "")
        return Incident(
            id=id,
            kind=IncidentKind.INCIDENT,
            title=row.title or "",
            status=status,
            impact_raw=row.style or "",
            url=self._url,
            updates=(message,),
        )

    def _planned(self, id: str, row: _MaintenanceRow) -> Incident:
        status = _PLANNED_STATUS.get(row.status or "", _S.UNKNOWN)
        raw = row.status or ""
        slots = [decode_entry(slot, _Slot) for slot in (row.timeslot_list or ())[:1]]
        slot = next(iter(slots), None) or _Slot()
        start, offset = slot.start_date or "", row.timezone_offset or ""
        body = row.description or ""
        message = IncidentUpdate(id=start or "message", status=status, status_raw=raw, body=body)
        return Incident(
            id=id,
            kind=IncidentKind.MAINTENANCE,
            title=row.title or "",
            status=status,
            status_raw=raw,
            url=self._url,
            started_at=_instant(start, offset),
            scheduled_until=_instant(slot.end_date or "", offset),
            updates=(message,),
        )


def _component(id: str, row: _MonitorRow, group: _GroupRow, beat: Beat | None) -> Component:
    word = "" if beat is None or beat.status is None else str(beat.status)
    return Component(
        id=id,
        name=row.name or id,
        status=_COMPONENT_STATUS.get(word, _C.UNKNOWN),
        status_raw=word,
        group=group.name or None,
    )


def _instant(text: str, offset: str) -> datetime | None:
    """An instant that names its zone, or is local to the offset that stands beside it."""
    return parse_iso(text) or parse_iso(f"{text}{offset}")


def _hash(entry: Raw) -> str:
    return sha1(entry, usedforsecurity=False).hexdigest()[:20]
