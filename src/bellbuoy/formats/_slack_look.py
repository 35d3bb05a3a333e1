"""Slack's wire shapes, and what one visit to its page has found so far.

Entry keys: `i:<id>` and `h:<id>` hold the hash of an incident as `current` and as the history
last listed it (each has its own order of fields and notes), `end:<id>` the note that ended it,
`history` the ids of those that are over there, `dates` the page's own when all was explained.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct
from xxhash import xxh3_128_hexdigest

from bellbuoy.formats._instants import in_utc, parse_iso, written
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._markup import to_line, to_text
from bellbuoy.model.facts import (
    AffectedComponent,
    Impact,
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
_STATUS = {
    "active": _S.INVESTIGATING,
    "resolved": _S.RESOLVED,
    "scheduled": _S.SCHEDULED,
    "completed": _S.COMPLETED,
    "cancelled": _S.CANCELLED,
}
_PLANNED = frozenset({_S.SCHEDULED, _S.COMPLETED, _S.CANCELLED})
_IMPACT = {"notice": Impact.NONE, "incident": Impact.MINOR, "outage": Impact.MAJOR}

_MOST_ENTRIES = 2_000

Text = str | None
Instant = Annotated[datetime, Meta(tz=True)] | None
Rows = list[Raw] | None
_NOTHING = Raw(b"null")
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

History = list[Raw]
"""The document of the latest events, over or not."""


class Document(Struct):
    """`current`. Any of it may be missing, as in the document of another."""

    status: object = None
    date_created: object = None
    date_updated: object = None
    active_incidents: Rows = None

    @property
    def is_own(self) -> bool:
        """Whether it is Slack's."""
        texts = (self.status, self.date_updated)
        return self.active_incidents is not None and all(isinstance(text, str) for text in texts)


class EventRow(Struct):
    """An incident in either document; `services` are names."""

    id: int | str | None = None
    title: Text = None
    type: Text = None
    status: Text = None
    url: Text = None
    date_created: Instant = None
    date_updated: Instant = None
    services: list[object] | None = None
    notes: Raw = _NOTHING

    @property
    def has_notes(self) -> bool:
        """Whether there is a list of notes, be it empty."""
        return bytes(self.notes)[:1] == b"["


class _NoteRow(Struct, gc=False):
    date_created: Instant = None
    body: Text = None


class _OddNoteRow(Struct, gc=False):
    """A note whose time may be no instant, but is what it is known by."""

    date_created: Text = None
    body: Text = None


_NOTES = msgspec.json.Decoder(list[_NoteRow])

_Row = tuple[str, datetime | None, str]
"""A note as it came: its time as it is written if that is no instant, its time, its HTML."""

_Note = tuple[str, datetime | None, str]
"""A note: its id, its time and its text. What it means for its incident is not yet told."""


def is_own_text(text: str) -> bool:
    """Whether a text is either of Slack's documents. A history without events is nobody's."""
    try:
        if text.startswith("{"):
            return msgspec.json.decode(text, type=Document).is_own
        rows = msgspec.json.decode(text, type=History)
    except _REFUSED:
        return False
    row = decode_entry(rows[0], EventRow) if rows else None
    if row is None or row.id is None or row.services is None or not row.has_notes:
        return False
    return row.type in _IMPACT and row.status in _STATUS and bool(row.url and row.date_updated)


class Look:
    """What one visit has found so far, document by document."""

    def __init__(self, seen: Seen, document: Document) -> None:
        self.seen = seen
        self.gone: set[str] = set()
        self._incidents: dict[str, Incident] = {}
        self._unchanged: set[str] = set()
        self._entries: dict[str, str] = {}
        self._window: Window | None = None
        self._is_answered = False
        rows = document.active_incidents or []
        self._is_whole = len(rows) == sum([self._take_active(raw) for raw in rows[:_MOST_ENTRIES]])
        self._dates = f"{document.date_created} {document.date_updated}"
        at = parse_iso(str(document.date_updated))
        has_moved = seen.entries.get("dates") != self._dates
        is_told = any(one.updated_at == at for one in self._incidents.values())
        self._is_odd = has_moved and not is_told

    @property
    def wants_history(self) -> bool:
        """Whether something must have ended, or may have come and gone."""
        has_reason = self.seen.first_look or self.seen.after_gap or self._is_odd
        return has_reason or bool(self._vanished())

    def lists(self, id: str) -> bool:
        """Whether a document of this visit told of an incident, as far as it can be believed."""
        return id in self._incidents or id in self._unchanged

    def take_same_history(self) -> None:
        """Take in that the history is the one of the last time."""
        held = self.seen.entries.get("history")
        if held is not None:
            self._is_answered = True
            # Something that was over may be active again, which an older copy does not know.
            active = {key[2:] for key in self.seen.entries if key[:2] == "i:"}
            told = self._incidents.keys() | self.seen.open_ids | active
            self._unchanged |= set(held.split()) - told

    def take_history(self, rows: Sequence[Raw]) -> None:
        """Take in the latest events, of those that are over.

        One that is open here only is over by now, or opened since: this copy is another age.
        """
        events = [
            (str(row.id), raw, row)
            for raw in rows[:_MOST_ENTRIES]
            if (row := decode_entry(raw, EventRow)) and row.id not in (None, "")
        ]
        over = [id for id, raw, row in events if self._take_past(id, raw, row)]
        times = [at for _, _, row in events if (at := in_utc(row.date_created))]
        self._window = Window(
            ids=frozenset(id for id, _, _ in events), floor=min(times, default=None), is_full=False
        )
        self._entries["history"] = " ".join(over)
        self._is_answered = True

    def snapshot(self) -> Snapshot:
        """All that was found."""
        is_owed = self.wants_history and not self._is_answered
        if not is_owed:
            self._entries["dates"] = self._dates
        return Snapshot(
            incidents=tuple(self._incidents.values()),
            complete=frozenset({Part.OPEN_INCIDENTS}) if self._is_whole else frozenset(),
            unchanged=frozenset(self._unchanged),
            entries=self._entries,
            window=self._window,
            gone=frozenset(self.gone),
            name="Slack",
            owes=is_owed or bool(self._vanished()),
        )

    def _vanished(self) -> set[str]:
        return {id for id in self.seen.open_ids if not self.lists(id)}

    def _take_active(self, raw: Raw) -> bool:
        """Take in what is not over; returns whether it can be told from others."""
        hash = _hash(raw)
        id = self._known_as(hash)
        if id is None:
            row = decode_entry(raw, EventRow)
            if row is None or row.id in (None, ""):
                return False
            id = str(row.id)
            notes = _notes(reversed(_note_rows(row.notes)))
            self._incidents[id] = read_event(row, notes, ended_by=None)
            self._unchanged.discard(id)
        elif id not in self._incidents:
            self._unchanged.add(id)
        self._entries[f"i:{id}"] = hash
        return True

    def _known_as(self, hash: str) -> str | None:
        """The open incident whose entry has this hash."""
        held = (id for id in self.seen.open_ids if self.seen.entries.get(f"i:{id}") == hash)
        return next(held, None)

    def _take_past(self, id: str, raw: Raw, row: EventRow) -> bool:
        """Take in an event of the history; returns whether it is over and not listed yet."""
        if self.lists(id) or not _status(row).is_over:
            return False
        hash = _hash(raw)
        self._entries[f"h:{id}"] = hash
        if self.seen.entries.get(f"h:{id}") == hash and id not in self.seen.open_ids:
            self._unchanged.add(id)
            return True
        notes = _notes(_note_rows(row.notes))
        end = f"end:{id}"
        held = self.seen.entries.get(end)
        if notes:
            is_there = any(id == held for id, _, _ in notes)
            self._entries[end] = held if held is not None and is_there else notes[-1][0]
        self._incidents[id] = read_event(row, notes, ended_by=self._entries.get(end))
        return True


def read_event(row: EventRow, notes: Iterable[_Note], ended_by: str | None) -> Incident:
    """One incident with its notes, oldest first; `ended_by` is the note that ended it, if any."""
    status = _status(row)
    kind = IncidentKind.MAINTENANCE if status in _PLANNED else IncidentKind.INCIDENT
    stands = _S.INVESTIGATING if kind is IncidentKind.INCIDENT else _S.SCHEDULED
    updates: list[IncidentUpdate] = []
    for id, at, body in notes:
        raw = ""
        if id == ended_by:
            stands, raw = status, row.status or ""
        updates.append(IncidentUpdate(id=id, status=stands, status_raw=raw, body=body, at=at))
    return Incident(
        id=str(row.id),
        kind=kind,
        title=row.title or "",
        status=status,
        status_raw=row.status or "",
        impact=_IMPACT.get(row.type or "", Impact.UNKNOWN),
        impact_raw=row.type or "",
        url=row.url or "",
        started_at=in_utc(row.date_created),
        updated_at=in_utc(row.date_updated),
        components=tuple(AffectedComponent(name=name) for name in _names(row.services or ())),
        updates=tuple(updates),
    )


def _status(row: EventRow) -> IncidentStatus:
    return _STATUS.get(row.status or "", _S.UNKNOWN)


def _names(services: Iterable[object]) -> Iterable[str]:
    return dict.fromkeys(name for name in services if isinstance(name, str) and name)


def _note_rows(raw: Raw) -> Sequence[_Row]:
    """The notes of an event; one that cannot be read costs only itself."""
    try:
        return [("", in_utc(row.date_created), row.body or "") for row in _NOTES.decode(raw)]
    except _REFUSED:
        pass
    try:
        rows = msgspec.json.decode(raw, type=Rows) or ()
    except _REFUSED:
        return ()
    odd = (decode_entry(one, _OddNoteRow) for one in rows)
    told = [(row.date_created or "", row.body or "") for row in odd if row]
    return [(time, parse_iso(time), body) for time, body in told]


def _notes(rows: Iterable[_Row]) -> list[_Note]:
    """Notes in the order in which they come, known by their time and place among equal times."""
    notes: list[_Note] = []
    times_taken: dict[str, int] = {}
    for time, at, body in rows:
        id = written(at) if at else time or "?"
        place = times_taken[id] = times_taken.get(id, 0) + 1
        notes.append((id if place == 1 else f"{id}#{place}", at, _text(body)))
    return notes


def _text(body: str) -> str:
    """A note as a person reads it: HTML in 2026, plain text until 2024."""
    is_marked = "<" in body or "&" in body or "\n" in body
    return to_text(body) if is_marked else to_line(body)


def _hash(entry: Raw) -> str:
    return xxh3_128_hexdigest(entry)  # a third of what SHA-1 takes on so small an entry
