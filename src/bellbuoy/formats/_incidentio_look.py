"""What one visit to an incident.io page finds, document by document.

Does not decide in which order documents are asked (`formats.incidentio`), but whether one is
worth a question.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from bellbuoy.errors import ReadError, Unreadable, VisitError
from bellbuoy.formats import _incidentio_feed as feeds
from bellbuoy.formats._incidentio_marks import why_foreign
from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._statuspage_wire import (
    Head,
    IncidentRow,
    Rows,
    read_components,
    read_incident,
)
from bellbuoy.formats._syndication import Feed
from bellbuoy.formats._words import incident_status
from bellbuoy.model.facts import Incident, IncidentKind, Page, Part, Snapshot, Window
from bellbuoy.model.known import Seen

_FORMAT = "incidentio"

_MOST_ENTRIES = 2_000

_SAME_START = timedelta(seconds=60)
"""An incident's id in the JSON may differ from that in its address; both tell when it began."""

_SAME_TITLE_WITHIN = timedelta(hours=24)


class Document(Struct):
    """`summary.json` and `incidents.json`. Absent, null and empty lists mean the same."""

    page: Raw = Raw(b"null")
    components: Rows = None
    incidents: Rows = None
    scheduled_maintenances: Rows = None


class _Start(Struct):
    id: str | None = None
    status: str | None = None
    created_at: str | None = None


class _Listed(Struct):
    """An incident as the JSON lists it, not decoded yet."""

    kind: IncidentKind
    raw: Raw
    hash: str


class Look:
    """What one visit has found so far, document by document."""

    def __init__(self, page: Page, seen: Seen, summary: Document, url: str) -> None:
        head = _identified(summary, url)
        self.page = page
        self.seen = seen
        self.gone: set[str] = set()
        self._name = head.name
        self._stamp = parse_iso(head.updated_at or "")
        self._listed: dict[str, _Listed] = {}
        self._told: dict[str, Incident] = {}
        self._same: set[str] = set()
        self._entries: dict[str, str] = {}
        self._window: Window | None = None
        self._has_history = False
        self._is_unread = False
        self._components, _ = read_components((summary.components or ())[:_MOST_ENTRIES])
        self._complete = self._complete_parts(summary)
        self._list(summary.incidents, IncidentKind.INCIDENT)
        self._list(summary.scheduled_maintenances, IncidentKind.MAINTENANCE)
        self._is_news = any(self._is_new(id) for id in self._listed)
        moved = self._stamp != seen.stamp
        self._is_owed = seen.first_look or seen.after_gap or (seen.history_due and moved)

    @property
    def wants_history(self) -> bool:
        """Whether something must have ended, or may have come and gone."""
        return self._is_owed or bool(self._vanished())

    @property
    def wants_feed(self) -> bool:
        """Whether components or endings are still to be learnt."""
        is_unread = self._is_owed and not self._has_history
        return self.seen.first_look or self._is_news or is_unread or bool(self._vanished())

    def lists(self, id: str) -> bool:
        """Whether any document of this visit holds an incident."""
        return id in self._listed or id in self._told or id in self._same

    def note_unread(self, error: VisitError) -> None:
        """Note that a question was not answered; that there is no such document is an answer."""
        if error.reason is not Unreadable.GONE:
            self._is_unread = True

    def take_history(self, document: Document) -> None:
        """Take in the latest incidents: those that are over, and those of the summary again.

        One that is open here only is over by now, or opened since: this copy is another age.
        """
        rows = [
            (raw, start)
            for raw in (document.incidents or [])[:_MOST_ENTRIES]
            if (start := decode_entry(raw, _Start)) and start.id
        ]
        ended = [raw for raw, start in rows if incident_status(start.status or "").is_over]
        self._list(ended, IncidentKind.INCIDENT)
        self._has_history = True
        self._window = Window(
            ids=frozenset(start.id for _, start in rows if start.id),
            floor=_oldest(parse_iso(start.created_at or "") for _, start in rows),
            is_full=len(rows) >= feeds.FULL,
        )

    def take_feed(self, feed: Feed, url: str) -> None:
        """Take in the feed: components for what the JSON lists, endings for what it does not.

        Raises ReadError if it is another's.
        """
        if not feeds.is_mine(feed) and feed.entries:
            raise ReadError(url, _FORMAT, "the feed", "it is not incident.io's")
        told = [feeds.decode(feeds.identify(entry), [entry]) for entry in feed.entries]
        ids: set[str] = set()
        for incident, known in self._joined(told):
            ids.add(known)
            self._tell(known, incident)
        if self._window is None:
            self._window = Window(
                ids=frozenset(ids),
                floor=_oldest(incident.updated_at for incident in told),
                is_full=len(told) >= feeds.FULL,
            )

    def snapshot(self) -> Snapshot:
        """All that was found."""
        incidents: list[Incident] = []
        unchanged = set(self._same)
        for id, listed in self._listed.items():
            self._entries[id] = listed.hash
            told = self._told.get(id)
            if told is None and not self._is_new(id):
                unchanged.add(id)
            else:
                incidents.append(self._decoded(id, listed, told))
        ended = (told for id, told in self._told.items() if id not in self._listed)
        return Snapshot(
            incidents=(*incidents, *ended),
            components=self._components,
            complete=self._complete,
            unchanged=frozenset(unchanged),
            entries=self._entries,
            stamp=self._stamp,
            window=self._window,
            gone=frozenset(self.gone),
            name=self._name or None,
            owes=self._is_unread or bool(self._vanished()),
        )

    def _complete_parts(self, summary: Document) -> frozenset[Part]:
        """Absent lists are empty ones. But a page without any component has lost everything."""
        if self._components:
            return frozenset({Part.OPEN_INCIDENTS, Part.OPEN_MAINTENANCES})
        return frozenset() if summary.components is None else frozenset({Part.COMPONENTS})

    def _list(self, rows: Rows, kind: IncidentKind) -> None:
        """Note rows by their ids and hashes; the first document that lists one prevails."""
        for raw in (rows or ())[:_MOST_ENTRIES]:
            start = decode_entry(raw, _Start)
            if start and start.id and start.id not in self._listed:
                self._listed[start.id] = _Listed(kind, raw, _hash(raw))

    def _is_new(self, id: str) -> bool:
        return self.seen.entries.get(id) != self._listed[id].hash

    def _vanished(self) -> set[str]:
        return {id for id in self.seen.open_ids if not self.lists(id)}

    def _joined(self, told: Sequence[Incident]) -> Iterable[tuple[Incident, str]]:
        """Each incident of the feed with the id by which the JSON knows it, else its own."""
        left = {incident.id: incident for incident in told}
        names = {id: id for id in left}
        for id in [*self._listed, *self._vanished()]:
            if id in left:
                del left[id]
            elif (other := self._counterpart(id, left.values())) is not None:
                names[other.id] = id
                del left[other.id]
        return [(incident, names[incident.id]) for incident in told]

    def _counterpart(self, id: str, told: Iterable[Incident]) -> Incident | None:
        """The incident of the feed that the JSON lists, or listed, under another id."""
        listed = self._listed.get(id)
        row = decode_entry(listed.raw, IncidentRow) if listed else None
        start = parse_iso(row.created_at or "") if row else feeds.ulid_at(id)
        if start is None:
            return None
        title = (row.name or "").strip() if row else None
        within = _SAME_START if title is None else _SAME_TITLE_WITHIN
        near = [
            (abs(began - start), one.id, one)
            for one in told
            if (began := feeds.ulid_at(one.id)) is not None
            and abs(began - start) <= within
            and title in (None, one.title.strip())
        ]
        if not near or (title is None and len(near) > 1):
            return None
        return min(near, key=lambda row: row[:2])[2]

    def _tell(self, id: str, incident: Incident) -> None:
        """Take in what the feed says of an incident.

        Of one that the JSON lists it says which components are hit, and no more: the two are
        written at different moments, and only the JSON has the ids of the updates.
        """
        value = _hash(msgspec.json.encode(incident))
        if id in self._listed:
            key = f"feed:{id}"
            self._entries[key] = value
            if self.seen.entries.get(key) != value or self._is_new(id):
                self._told[id] = incident
        elif incident.status.is_over:
            self._tell_end(id, replace(incident, id=id), value)

    def _tell_end(self, id: str, incident: Incident, value: str) -> None:
        """Take in the end of an incident that only the feed tells, or that it told before."""
        key = f"end:{id}"
        before = self.seen.entries.get(key)
        if before == value:
            self._same.add(id)
        elif before is None and id not in self.seen.open_ids and self._may_be_known(id):
            return
        else:
            self._told[id] = incident
        self._entries[key] = value

    def _may_be_known(self, id: str) -> bool:
        """Whether an ended incident may have been read from the JSON, whose words are fuller."""
        if self._has_history or id in self.seen.entries:
            return True
        return not self.seen.entries and not self.seen.first_look

    def _decoded(self, id: str, listed: _Listed, told: Incident | None) -> Incident:
        row = decode_entry(listed.raw, IncidentRow) or IncidentRow()
        incident = read_incident(replace(row, id=id), listed.kind, self.page, {})
        if told is None:
            return incident
        components = incident.components or told.components
        return replace(incident, components=components, url=told.url or incident.url)


def _hash(raw: Raw | bytes) -> str:
    return blake2b(bytes(raw), digest_size=16).hexdigest()


def _oldest(times: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in times if at), default=None)


def _identified(summary: Document, url: str) -> Head:
    """The document's `page`, if it is incident.io's."""
    head = decode_entry(summary.page, Head)
    problem = why_foreign(head)
    if head is None or problem:
        raise ReadError(url, _FORMAT, "$.page", problem)
    return head
