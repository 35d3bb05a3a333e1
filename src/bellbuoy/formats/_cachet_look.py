"""What one visit to a page of Cachet has found so far.

Entry keys: `<id>` holds the hash of an incident and `s:<id>` of planned work, or nothing once it
left its list, so that it is read if it comes again; `c:<id>` and `g:<id>` the name of a component
and of a group, for looks at which their lists are not to be had.
"""

from hashlib import sha1

from msgspec import Raw

from bellbuoy.formats._cachet_wire import Document, Row, UpdateRow
from bellbuoy.formats._json import decode_entry
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Part,
    Snapshot,
    Window,
)
from bellbuoy.model.known import Seen

_S = IncidentStatus
_INCIDENT_STATUS = {
    "1": _S.INVESTIGATING,
    "2": _S.IDENTIFIED,
    "3": _S.MONITORING,
    "4": _S.RESOLVED,
}
_SCHEDULE_STATUS = {"0": _S.SCHEDULED, "1": _S.IN_PROGRESS, "2": _S.COMPLETED}
_C = ComponentStatus
_COMPONENT_STATUS = {
    "1": _C.OPERATIONAL,
    "2": _C.DEGRADED,
    "3": _C.PARTIAL_OUTAGE,
    "4": _C.MAJOR_OUTAGE,
    "5": _C.MAINTENANCE,
}

_PLANNED = "schedule-"
_LONGEST_NUMBER = 18


class Look:
    """What one visit has found so far, list by list. The first is that of the incidents."""

    def __init__(self, seen: Seen, document: Document) -> None:
        self.seen = seen
        self.gone: set[str] = set()
        self._is_whole = document.is_whole
        self._entries: dict[str, str] = {}
        self._complete: set[Part] = set()
        self._components: dict[str, Component] = {}
        self._schedules: dict[str, Incident | None] = {}
        self._rows: dict[str, Row] = {}
        self._unchanged: set[str] = set()
        held = {id: hash for id, hash in seen.entries.items() if ":" not in id}
        self._oldest = min((number for id in held if (number := _number(id))), default=0)
        id_of = {hash: id for id, hash in held.items()}
        taken = [self._take(raw, id_of) for raw in document.rows]
        self.is_mine = any(taken)
        if self._is_whole and all(taken):
            self._complete.add(Part.OPEN_INCIDENTS)

    @property
    def ids(self) -> set[str]:
        """The incidents that are listed."""
        return self._unchanged | self._rows.keys()

    def take_groups(self, document: Document) -> None:
        """Take in what the groups are called."""
        for raw in document.rows:
            row = decode_entry(raw, Row)
            if row and row.id is not None and row.name and row.is_group:
                self._entries[f"g:{row.id}"] = row.name

    def take_components(self, document: Document) -> None:
        """Take in the components, after the groups."""
        rows = [decode_entry(raw, Row) for raw in document.rows]
        for row in rows:
            if row is None or row.id is None or not row.is_component:
                continue
            id = str(row.id)
            name = self._entries[f"c:{id}"] = row.name or id
            component = Component(
                id=id,
                name=name,
                status=_COMPONENT_STATUS.get(str(row.status), _C.UNKNOWN),
                status_raw=row.status_name or "",
                group=self._name_of(f"g:{row.group_id}"),
            )
            self._components.setdefault(id, component)
        if document.is_whole and len(rows) == len(self._components):
            self._complete.add(Part.COMPONENTS)

    def take_schedules(self, document: Document) -> None:
        """Take in planned work. Of two rows of one number the last one counts."""
        id_of = {hash: key[2:] for key, hash in self.seen.entries.items() if key[:2] == "s:"}
        for raw in document.rows:
            hash = _hash(bytes(raw))
            id = id_of.get(hash)
            row = decode_entry(raw, Row) if id is None else None
            if row is not None and row.id is not None and row.is_schedule:
                id = str(row.id)
            if id is not None:
                self._schedules[f"{_PLANNED}{id}"] = _schedule(id, row) if row else None
                self._entries[f"s:{id}"] = hash
        if document.is_whole and len(self._schedules) == len(document.rows):
            self._complete.add(Part.OPEN_MAINTENANCES)

    def snapshot(self) -> Snapshot:
        """All that was found."""
        incidents = (_incident(id, row, self._named(row)) for id, row in self._rows.items())
        for id, row in self._rows.items():
            if row.component_id not in {None, 0, "0"} and not self._named(row):
                self._entries.pop(id, None)  # to be read again when its component has a name
        same = {id for id, planned in self._schedules.items() if planned is None}
        return Snapshot(
            incidents=(*incidents, *(one for one in self._schedules.values() if one)),
            components=tuple(self._components.values()),
            complete=frozenset(self._complete),
            unchanged=frozenset(self._unchanged | same),
            entries=self._entries,
            window=Window(ids=frozenset(self.ids), floor=None, is_full=not self._is_whole),
            gone=frozenset(self.gone),
            owes=True,
        )

    def _take(self, raw: Raw, id_of: dict[str, str]) -> bool:
        """Take in a row of the incidents; returns whether it is one."""
        hash = _hash(bytes(raw))
        id = id_of.get(hash)
        if id is not None and id not in self._rows:
            self._unchanged.add(id)
        elif id is None:
            row = decode_entry(raw, Row)
            if row is None or row.id is None or not row.is_incident:
                return False
            id = str(row.id)
            if not self._is_of_old(id, row):
                self._rows.setdefault(id, row)
                self._unchanged.discard(id)
        self._entries.setdefault(id, hash)
        return True

    def _is_of_old(self, id: str, row: Row) -> bool:
        is_older = 0 < _number(id) < self._oldest
        return is_older and _status(row).is_over and id not in self.seen.open_ids

    def _named(self, row: Row) -> tuple[AffectedComponent, ...]:
        name = self._name_of(f"c:{row.component_id}")
        component = self._components.get(str(row.component_id))
        group = component.group if component else None
        id = str(row.component_id)
        return (AffectedComponent(id=id, name=name, group=group),) if name else ()

    def _name_of(self, key: str) -> str | None:
        return self._entries.get(key) or self.seen.entries.get(key)


def _incident(id: str, row: Row, components: tuple[AffectedComponent, ...]) -> Incident:
    first = IncidentUpdate(
        id="message",
        status=_INCIDENT_STATUS.get(str(row.status), _S.UNKNOWN),
        status_raw=row.human_status or "",
        body=row.message or "",
    )
    updates = {first.id: first}
    for raw in reversed(row.updates or ()):
        update = decode_entry(raw, UpdateRow)
        if update is not None and update.id is not None:
            updates.setdefault(str(update.id), _update(str(update.id), update))
    return Incident(
        id=id,
        kind=IncidentKind.INCIDENT,
        title=row.name or "",
        status=_status(row),
        status_raw=row.latest_human_status or row.human_status or "",
        url=row.permalink or "",
        components=components,
        updates=tuple(updates.values()),
    )


def _status(row: Row) -> IncidentStatus:
    if row.latest_status is None and row.is_resolved is True:
        return _S.RESOLVED
    number = row.status if row.latest_status is None else row.latest_status
    return _INCIDENT_STATUS.get(str(number), _S.UNKNOWN)


def _update(id: str, row: UpdateRow) -> IncidentUpdate:
    return IncidentUpdate(
        id=id,
        status=_INCIDENT_STATUS.get(str(row.status), _S.UNKNOWN),
        status_raw=row.human_status or "",
        body=row.message or "",
    )


def _schedule(id: str, row: Row) -> Incident:
    status = _SCHEDULE_STATUS.get(str(row.status), _S.UNKNOWN)
    raw = row.human_status or ""
    message = IncidentUpdate(id="message", status=status, status_raw=raw, body=row.message or "")
    return Incident(
        id=f"{_PLANNED}{id}",
        kind=IncidentKind.MAINTENANCE,
        title=row.name or "",
        status=status,
        status_raw=raw,
        updates=(message,),
    )


def _number(id: str) -> int:
    return int(id) if id.isdecimal() and len(id) <= _LONGEST_NUMBER else 0


def _hash(entry: bytes) -> str:
    """The hash of an incident without its `duration`, the last of its fields."""
    head, key, tail = entry.rpartition(b'"duration":')
    is_last = bool(key) and not tail.strip(b" \t\r\n-.0123456789nul}")
    return sha1(head if is_last else entry, usedforsecurity=False).hexdigest()[:20]
