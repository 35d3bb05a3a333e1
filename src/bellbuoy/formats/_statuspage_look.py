"""What one visit to a Statuspage page has found so far, and so what is worth asking for.

Every entry is known by the hash of its bytes: one that was read before is not decoded.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Raw, Struct
from msgspec.structs import replace
from xxhash import xxh3_128_hexdigest

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._statuspage_wire import (
    Document,
    Head,
    IncidentRow,
    Text,
    read_components,
    read_incident,
)
from bellbuoy.model.facts import Incident, IncidentKind, Page, Part, Snapshot, Window
from bellbuoy.model.known import Seen

HISTORIES = {
    IncidentKind.INCIDENT: "api/v2/incidents.json",
    IncidentKind.MAINTENANCE: "api/v2/scheduled-maintenances.json",
}
_WINDOW = 50
"""How many entries a history holds at most."""

_MOST_ENTRIES = 2_000
"""How many entries of one list are read; Cloudflare, the largest known, lists some 55."""

_MOST_ASKED = 5
"""How many incidents are asked for at their own addresses in one visit, of each sort."""

_OWED = "owed"
_COMPONENTS = "components"


class _Start(Struct):
    scheduled_for: Text = None
    started_at: Text = None
    created_at: Text = None


class Look:
    """What one visit has found so far, document by document.

    Entry keys: `i:<id>` and `m:<id>` hold the hash of an incident or of planned work when it
    was last decoded, the path of a history the ids that it listed, `components` the hash of
    all statuses, `owed` whether a moved stamp is still to be explained.
    """

    def __init__(self, page: Page, seen: Seen, summary: Document, head: Head) -> None:
        self.page = page
        self.seen = seen
        self.gone: set[str] = set()
        self._name = head.name
        self._stamp = parse_iso(head.updated_at or "")
        self._id_of = {hash: key[2:] for key, hash in seen.entries.items() if key[1:2] == ":"}
        self._incidents: dict[str, Incident] = {}
        self._unchanged: set[str] = set()
        self._entries: dict[str, str] = {}
        self._window: Window | None = None
        self._wanted: set[IncidentKind] = set()
        self._answered: set[IncidentKind] = set()
        self._doubted: set[str] = set()
        self._components, self._groups = read_components(summary.components or ())
        self._complete = self._take_summary(summary)
        self._unlisted = seen.open_ids - self.listed
        self._owes_history = self._is_history_owed()

    @property
    def listed(self) -> set[str]:
        """The incidents that a document of this visit told of."""
        return self._unchanged | self._incidents.keys()

    def must_ask(self, kind: IncidentKind) -> bool:
        """Whether the history of a kind is worth a question."""
        must = self.seen.first_look or any(kind in self._kinds(id) for id in self._unlisted)
        if kind is IncidentKind.INCIDENT:
            must = must or self.seen.after_gap or (self._owes_history and self.seen.history_due)
        if must:
            self._wanted.add(kind)
        return must

    def take_history(self, document: Document, kind: IncidentKind) -> None:
        """Take in the latest incidents of a kind, newest first as they come."""
        is_incident = kind is IncidentKind.INCIDENT
        rows = document.incidents if is_incident else document.scheduled_maintenances
        if rows is None:
            return
        head = decode_entry(document.page, Head)
        stamp = parse_iso(head.updated_at or "") if head else None
        is_older = stamp is not None and self._stamp is not None and stamp < self._stamp
        ids = self._take(rows, kind)
        oldest = decode_entry(rows[-1], _Start) if rows else None
        texts = (oldest.scheduled_for, oldest.started_at, oldest.created_at) if oldest else ()
        floor = next((at for text in texts if text and (at := parse_iso(text))), None)
        self._note_history(ids, kind, floor, is_older=is_older)

    def take_same_history(self, kind: IncidentKind) -> None:
        """Take in that the latest incidents of a kind are those of the last time.

        Every document holds the page's stamp, so where that moved, this is an older copy.
        """
        if HISTORIES[kind] not in self.seen.entries:
            return
        ids = self.seen.entries[HISTORIES[kind]].split()
        for id in ids:
            hash = self.seen.entries.get(_key(kind, id))
            if hash is not None and id not in self._incidents:
                self._unchanged.add(id)
                self._entries[_key(kind, id)] = hash
        is_older = self._owes_history or bool(self._unlisted)
        self._note_history(ids, kind, None, is_older=is_older)

    def take_end(self, id: str, raw: Raw) -> None:
        """Take in what an incident's own document says, if it says that it is over.

        Its updates are left out: nothing tells that their ids there are the ones known here.
        """
        row = decode_entry(raw, IncidentRow)
        if row is None:
            return
        by_shape = IncidentKind.MAINTENANCE if row.scheduled_for else IncidentKind.INCIDENT
        kinds = self._kinds(id)
        kind = kinds[0] if len(kinds) == 1 else by_shape
        row = replace(row, id=id, incident_updates=None, components=None)
        incident = read_incident(row, kind, self.page, self._groups)
        if incident.status.is_over:
            self._incidents[id] = incident

    def ended_unseen(self) -> set[str]:
        """Known open incidents that not even the history of their kind lists."""
        unlisted = self._unlisted - self.listed - self._doubted
        return {id for id in unlisted if self._answered.issuperset(self._kinds(id))}

    def some(self, ids: Collection[str]) -> list[str]:
        """A few of them, and others at the page's next stamp, so that each has its turn."""
        return sorted(ids, key=lambda one: _hash(f"{self._stamp} {one}".encode()))[:_MOST_ASKED]

    def snapshot(self) -> Snapshot:
        """All that was found."""
        owed = self._wanted - self._answered
        if IncidentKind.INCIDENT in self._answered:
            self._entries[_OWED] = ""
        elif self._owes_history or IncidentKind.INCIDENT in owed:
            self._entries[_OWED] = "yes"
        return Snapshot(
            incidents=tuple(self._incidents.values()),
            components=self._components,
            complete=frozenset(self._complete),
            unchanged=frozenset(self._unchanged),
            entries=self._entries,
            stamp=self._stamp,
            window=self._window,
            gone=frozenset(self.gone),
            name=self._name,
            owes=bool(owed) or self._entries.get(_OWED) == "yes",
        )

    def _take_summary(self, summary: Document) -> set[Part]:
        complete: set[Part] = set()
        if summary.components is not None and len(self._components) == len(summary.components):
            complete.add(Part.COMPONENTS)
        for rows, kind, part in (
            (summary.incidents, IncidentKind.INCIDENT, Part.OPEN_INCIDENTS),
            (summary.scheduled_maintenances, IncidentKind.MAINTENANCE, Part.OPEN_MAINTENANCES),
        ):
            if rows is not None and len(self._take(rows, kind)) == len(rows):
                complete.add(part)
        return complete

    def _take(self, rows: Sequence[Raw], kind: IncidentKind) -> list[str]:
        """Take in entries; returns the ids of those that have one, in their order."""
        ids: list[str] = []
        prefix, id_of = _key(kind, ""), self._id_of
        for raw in rows[:_MOST_ENTRIES]:
            hash = _hash(raw)
            id = id_of.get(hash) or self._decode(raw, hash, kind)
            if id is None:
                continue
            ids.append(id)
            if id not in self._incidents:
                self._unchanged.add(id)
                self._entries[prefix + id] = hash
        return ids

    def _decode(self, raw: Raw, hash: str, kind: IncidentKind) -> str | None:
        row = decode_entry(raw, IncidentRow)
        if row is None or not row.id:
            return None
        self._id_of[hash] = row.id
        incident = read_incident(row, kind, self.page, self._groups)
        held = self._incidents.get(row.id)
        if held is None or _is_newer(incident, held):
            self._incidents[row.id] = incident
            self._entries[_key(kind, row.id)] = hash
            self._unchanged.discard(row.id)
        return row.id

    def _note_history(
        self, ids: Sequence[str], kind: IncidentKind, floor: datetime | None, *, is_older: bool
    ) -> None:
        """Keep what a history lists.

        A cache may answer with a copy from before the summary was written. There, what has
        just ended is still open: that is no word on it, and the question stays.
        """
        if is_older:
            self._doubted |= self._unlisted.intersection(ids)
        else:
            self._answered.add(kind)
        for id in self._doubted & self.listed:
            if id in self._unchanged or self._incidents[id].is_open:
                self._unchanged.discard(id)
                self._incidents.pop(id, None)
                self._entries.pop(_key(kind, id), None)
        self._entries[HISTORIES[kind]] = " ".join(ids)
        if kind is IncidentKind.INCIDENT:
            is_full = len(ids) >= _WINDOW
            self._window = Window(ids=frozenset(ids), floor=floor, is_full=is_full)

    def _is_history_owed(self) -> bool:
        """Whether the page's stamp moved, now or before, and nothing seen explains it."""
        statuses = " ".join(sorted(f"{c.id} {c.status_raw}" for c in self._components))
        self._entries[_COMPONENTS] = _hash(statuses.encode())
        before = self.seen.entries.get(_COMPONENTS)
        is_explained = before is not None and (
            bool(self._incidents or self._unlisted) or before != self._entries[_COMPONENTS]
        )
        has_moved = self._stamp is not None and (
            self.seen.stamp is None or self._stamp > self.seen.stamp
        )
        return bool(self.seen.entries.get(_OWED)) or (has_moved and not is_explained)

    def _kinds(self, id: str) -> Sequence[IncidentKind]:
        """What a known incident is, or both kinds if that is not known any more."""
        held = [kind for kind in IncidentKind if _key(kind, id) in self.seen.entries]
        return held or list(IncidentKind)


def _key(kind: IncidentKind, id: str) -> str:
    return f"{'m' if kind is IncidentKind.MAINTENANCE else 'i'}:{id}"


def _hash(entry: Raw | bytes) -> str:
    # Most of the time of reading a history in which nothing changed was that of its hashes:
    # SHA-1 took ten times longer, with the processor's own instructions for it. A vendor who
    # made two entries collide on purpose would only hide one of its own.
    return xxh3_128_hexdigest(entry)


def _is_newer(incident: Incident, held: Incident) -> bool:
    times = (incident.updated_at, held.updated_at)
    return times[0] is not None and times[1] is not None and times[0] > times[1]
