"""What one visit to an Instatus page has found so far, and so what is worth asking for.

Entry keys: `i:<id>` and `m:<id>` hold the hash of an incident or of planned work when it was
last decoded, with its stamp; `t:<id>` that hash with how often the web page is still to be
asked for its messages.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha1

from msgspec import Raw
from msgspec.structs import replace

from bellbuoy.errors import Unreadable, VisitError
from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._instatus_wire import (
    ComponentList,
    Head,
    IncidentRow,
    Notice,
    Rows,
    Summary,
    incident_status,
    read_affected,
    read_components,
    read_end,
    read_incident,
)
from bellbuoy.formats._json import decode_entry
from bellbuoy.model.facts import Component, Incident, IncidentKind, Page, Part, Snapshot, Window
from bellbuoy.model.known import Seen

_MOST_ENTRIES = 2_000

_LOOKS = 5
"""How often the web page is asked for the messages of one change, if it does not answer."""

_KINDS = {"i": IncidentKind.INCIDENT, "m": IncidentKind.MAINTENANCE}


class Look:
    """What one visit has found so far, document by document."""

    def __init__(self, page: Page, seen: Seen, summary: Summary, head: Head) -> None:
        self.page = page
        self.seen = seen
        self.gone: set[str] = set()
        self._head = head
        self._entries: dict[str, str] = {}
        self._rows: dict[str, tuple[IncidentKind, IncidentRow]] = {}
        self._same: set[str] = set()
        self._ends: dict[str, Incident] = {}
        self._notices: Mapping[str, Notice] = {}
        self._components: tuple[Component, ...] = ()
        self._has_components = False
        self._is_unread = False
        self._window: Window | None = None
        self._id_of = {
            value.partition(" ")[0]: key[2:]
            for key, value in seen.entries.items()
            if key[:2] in {"i:", "m:"}
        }
        self._complete: set[Part] = set()
        if self._list(summary.active_incidents, "i"):
            self._complete.add(Part.OPEN_INCIDENTS)
        # No recording shows planned work, so its absence is no fact.
        self._list(summary.active_maintenances, "m")
        self._vanished = seen.open_ids - self.told

    @property
    def told(self) -> set[str]:
        """The incidents that a document of this visit told of."""
        return self._same | self._rows.keys() | self._ends.keys()

    @property
    def wants_page(self) -> bool:
        """Whether messages or ends are still to be learnt.

        What is long missing, and planned work that left, may never be told: no haste there.
        """
        planned = {id for id in self._vanished if f"m:{id}" in self.seen.entries}
        is_urgent = bool(self._vanished - planned - self.seen.missing.keys())
        is_due = bool(self._vanished) and self.seen.history_due
        return is_urgent or is_due or self._wants_texts

    def note_unread(self, error: VisitError) -> None:
        """Note that a question was not answered; that there is no such document is an answer."""
        self._is_unread = self._is_unread or error.reason is not Unreadable.GONE

    def take_components(self, document: ComponentList) -> None:
        """Take in the components. What a second version answers makes up for the first."""
        self._components, is_whole = read_components(document.components or ())
        self._has_components = document.components is not None
        self._is_unread = not self._has_components
        if self._has_components and is_whole:
            self._complete.add(Part.COMPONENTS)

    def take_page(self, active: Mapping[str, Notice], recent: Mapping[str, Notice]) -> None:
        """Take in the web page: messages of what is listed, ends of what is not."""
        self._notices = {**recent, **active}
        starts = (parse_iso(notice.started or "") for notice in recent.values())
        floor = min((at for at in starts if at), default=None)
        self._window = Window(ids=frozenset(recent), floor=floor, is_full=False)
        for id in self._vanished:
            notice = recent.get(id)
            if notice is not None and incident_status(notice.status).is_over:
                kind, after = self._held(id)
                self._ends[id] = read_end(id, kind, self.page, notice, after)
        self._count_page(left_at_most=1)

    def note_page(self, *, is_final: bool) -> None:
        """Note that the web page told nothing; `is_final` if it never will."""
        self._count_page(left_at_most=0 if is_final else _LOOKS)

    def snapshot(self) -> Snapshot:
        """All that was found."""
        by_id = {component.id: component for component in self._components}
        incidents: list[Incident] = []
        for id, (kind, row) in self._rows.items():
            notice = self._notices.get(id, Notice())
            incident = read_incident(row, kind, self.page, notice)
            incidents.append(replace(incident, components=read_affected(notice, by_id)))
        for id, end in self._ends.items():
            affected = read_affected(self._notices[id], by_id)
            incidents.append(replace(end, components=affected))
        # The summary does not move when a component does while others are still in trouble.
        return Snapshot(
            incidents=tuple(incidents),
            components=self._components,
            complete=frozenset(self._complete),
            unchanged=frozenset(self._same),
            entries=self._entries,
            window=self._window,
            gone=frozenset(self.gone),
            name=self._head.name,
            owes=self._wants_texts or self._is_unread or self._head.status != "UP",
        )

    def _list(self, rows: Rows, letter: str) -> bool:
        """Note the rows of a list; returns whether every one of them was of use."""
        is_whole = True
        for raw in (rows or ())[:_MOST_ENTRIES]:
            hash = _hash(raw)
            id = self._id_of.get(hash)
            row = None if id is not None and not self._left(id, hash) else _row(raw)
            id = id if row is None else row.id
            if not id:
                is_whole = False
            elif id not in self.told:
                self._note(id, letter, hash, row)
        return is_whole and len(rows or ()) <= _MOST_ENTRIES

    def _note(self, id: str, letter: str, hash: str, row: IncidentRow | None) -> None:
        key = f"{letter}:{id}"
        if row is None:
            self._same.add(id)
            self._entries[key] = self.seen.entries.get(key, hash)
            return
        self._rows[id] = (_KINDS[letter], row)
        self._entries[key] = f"{hash} {row.updated_at or ''}"
        if letter == "i":
            self._entries[f"t:{id}"] = f"{hash} {self._left(id, hash)}"

    def _left(self, id: str, hash: str) -> int:
        """How often the web page is still to be asked for the messages of this row."""
        if f"m:{id}" in self.seen.entries:
            return 0
        held, _, left = self.seen.entries.get(f"t:{id}", "").partition(" ")
        return int(left) if held == hash and left.isdecimal() else _LOOKS

    @property
    def _wants_texts(self) -> bool:
        return any(
            key.startswith("t:") and not value.endswith(" 0")
            for key, value in self._entries.items()
        )

    def _count_page(self, *, left_at_most: int) -> None:
        """Count a question to the web page, which is one for each change."""
        for key, value in self._entries.items():
            if key.startswith("t:"):
                hash, _, left = value.rpartition(" ")
                self._entries[key] = f"{hash} {max(min(int(left) - 1, left_at_most), 0)}"

    def _held(self, id: str) -> tuple[IncidentKind, datetime | None]:
        """What an incident was when the summary last listed it, and its stamp then."""
        for letter, kind in _KINDS.items():
            if (value := self.seen.entries.get(f"{letter}:{id}")) is not None:
                return kind, parse_iso(value.partition(" ")[2])
        return IncidentKind.INCIDENT, None


def _row(raw: Raw) -> IncidentRow | None:
    """A row with its id, which is also the end of its address."""
    row = decode_entry(raw, IncidentRow)
    if row is None:
        return None
    return replace(row, id=row.id or (row.url or "").rstrip("/").rpartition("/")[2] or None)


def _hash(raw: Raw) -> str:
    return sha1(raw, usedforsecurity=False).hexdigest()[:20]
