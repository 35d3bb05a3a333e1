"""SAP Concur's status page, https://open.concur.com: one list of all incidents.

    api/open/incidents ──> every incident with every message, in four languages, newest first

The page itself reads it; it is documented nowhere, and needs no key. It cannot be asked for a
part: in 2026 the whole of it had 23 MB by another tool's account, more than is taken of any
answer (8 MiB), while the recording was cut to 25 incidents. Only the newest `MOST_ENTRIES`
are looked at.

Recognised by the fields of an incident, by the page's banner (it is not read, since it holds a
warning while it is not shown, too), or as a web page by its host.

Identity: the `id` of an incident, and of a message, so an edit is told from a new message.

Words: `status` is RESOLVED, or it is not over. A message says by its type how far it is: Issue
Identified is read as investigating (the trouble is known then, not its cause: "we are working to
determine the user impact"), Issue Status Update keeps what was before it, Issue Resolved and
Issue Identified and Resolved end it, Root Cause Analysis is its postmortem. A degradation is a
minor impact, a disruption a major one.

Components: each service that an incident names, in each data center that it names (`group`),
without a status. There is no title; one is made of the services and the severity. Texts are read
in English.

Window: the newest incidents; the list is never complete.

It cannot say: which services there are and how they are; planned work; an address of an
incident.

No recording verified: an incident that is not over (so any other `status`), a priority
other than P1, the banner while it is shown, the page's history of services
(`api/open/status_history`), the web page, and the addresses (taken from tools that read them).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha1

from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._markup import unescape
from bellbuoy.formats._words import spelling
from bellbuoy.model.facts import (
    AffectedComponent,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
    Page,
    Snapshot,
    Window,
)
from bellbuoy.model.known import Seen

api_version = 1
NAME = "concur"
PLATFORM: str | None = None
PROBES = ("api/open/incidents",)
HOSTS = ("open.concur.com",)

MOST_ENTRIES = 200
"""How many incidents are looked at; 25 of them covered two months of 2026."""

_MOST_MESSAGES = 200
_MOST_PAIRS = 100
_TITLE = "SAP Concur"
_BANNER = "/api/v3/banner"

_S = IncidentStatus
_TYPES = {
    "issue_identified": _S.INVESTIGATING,
    "issue_resolved": _S.RESOLVED,
    "issue_identified_and_resolved": _S.RESOLVED,
    "root_cause_analysis": _S.POSTMORTEM,
}
_UPDATE = "issue_status_update"
_IMPACTS = {"degradation": Impact.MINOR, "disruption": Impact.MAJOR}

Text = str | None
Rows = list[Raw] | None


class _Document(Struct):
    incidents: list[Raw]


class _Body(Struct):
    en: Text = None


class _Message(Struct):
    id: int | str | None = None
    message_type: Text = None
    created_date: Text = None
    body: _Body | None = None


class _Row(Struct):
    """An incident. Its times are in UTC, written with `+0000`, and as seconds besides."""

    id: int | str | None = None
    status: Text = None
    severity: Text = None
    start_date: Text = None
    end_date: Text = None
    created_date: Text = None
    affected_services: list[object] | None = None
    data_centers: list[object] | None = None
    messages: Rows = None

    @property
    def is_mine(self) -> bool:
        """Whether it is an incident of Concur's."""
        has_parts = self.affected_services is not None and self.data_centers is not None
        return bool(self.id and self.status) and has_parts and self.messages is not None


class _BannerData(Struct):
    display: bool
    text: dict[str, str]


class _BannerDocument(Struct):
    data: _BannerData
    success: bool


class _Look:
    """What one visit has found so far. `id_of` are the ids of known entries by their hashes."""

    def __init__(self, seen: Seen) -> None:
        self.incidents: dict[str, Incident] = {}
        self.entries: dict[str, str] = {}
        self._id_of = {hash: id for id, hash in seen.entries.items()}

    def take(self, raw: Raw) -> None:
        """Take in one entry; one that is not an incident costs only itself."""
        hash = sha1(raw, usedforsecurity=False).hexdigest()[:20]
        id = self._id_of.get(hash)
        if id is None:
            row = decode_entry(raw, _Row)
            if row is None or not row.is_mine:
                return
            id = str(row.id)
            if id not in self.entries:
                self.incidents[id] = _incident(row)
        self.entries.setdefault(id, hash)


def claims(response: Response) -> Claim | None:
    """The list of incidents, the banner at its own address, or the web page on its host."""
    root = page_root(response.url, {"api"})
    if root is None:
        return None
    text = text_of(response).lstrip()
    if is_web_page(text):
        is_mine = host(root) in HOSTS
        root = f"https://{HOSTS[0]}"
    else:
        is_mine = text.startswith("{") and (_is_banner(response) or _is_list(response))
    return Claim(format=NAME, url=root, name=_TITLE) if is_mine else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the answer lists no incident of Concur's."""
    response = yield Request.get(page.at(PROBES[0]), accept="application/json")
    rows = decode(response, _Document, format=NAME).incidents[:MOST_ENTRIES]
    look = _Look(seen)
    for raw in rows:
        look.take(raw)
    if not look.entries:
        problem = "no incident of Concur's in a list of many years"
        raise ReadError(response.url, NAME, "$.incidents", problem)
    return Snapshot(
        incidents=tuple(look.incidents.values()),
        unchanged=frozenset(look.entries.keys() - look.incidents.keys()),
        entries=look.entries,
        window=Window(ids=frozenset(look.entries), floor=_floor(rows), is_full=True),
    )


def _is_list(response: Response) -> bool:
    try:
        rows = decode(response, _Document, format=NAME).incidents
    except ReadError:
        return False
    row = decode_entry(rows[0], _Row) if rows else None
    return row is not None and row.is_mine


def _is_banner(response: Response) -> bool:
    if not response.url.endswith(_BANNER):
        return False
    try:
        decode(response, _BannerDocument, format=NAME)
    except ReadError:
        return False
    return True


class _Start(Struct):
    start_date: Text = None


def _floor(rows: Sequence[Raw]) -> datetime | None:
    """The beginning of the oldest incident; they come newest first."""
    for raw in reversed(rows):
        row = decode_entry(raw, _Start)
        at = parse_iso(row.start_date or "") if row else None
        if at is not None:
            return at
    return None


def _incident(row: _Row) -> Incident:
    updates = tuple(_updates(row))
    status = _status(row, updates)
    services = tuple(_names(row.affected_services))
    severity = row.severity or ""
    return Incident(
        id=str(row.id),
        kind=IncidentKind.INCIDENT,
        title=": ".join(filter(None, (", ".join(services), severity))) or _TITLE,
        status=status,
        status_raw=row.status or "",
        impact=_IMPACTS.get(spelling(severity), Impact.UNKNOWN),
        impact_raw=severity,
        started_at=parse_iso(row.start_date or ""),
        updated_at=next((one.at for one in reversed(updates) if one.at), None),
        resolved_at=parse_iso(row.end_date or "") if status.is_over else None,
        components=tuple(_components(services, tuple(_names(row.data_centers)))),
        updates=updates,
    )


def _status(row: _Row, updates: Sequence[IncidentUpdate]) -> IncidentStatus:
    """How far an incident is. Its own word ends it; its messages say how far it is before."""
    newest = updates[-1].status if updates else IncidentStatus.UNKNOWN
    if spelling(row.status or "") == "resolved":
        return newest if newest.is_over else IncidentStatus.RESOLVED
    return IncidentStatus.UNKNOWN if newest.is_over else newest


def _updates(row: _Row) -> Iterator[IncidentUpdate]:
    """The messages, oldest first, as they come. What is posted before it is over is open."""
    status = IncidentStatus.INVESTIGATING
    for raw in (row.messages or ())[:_MOST_MESSAGES]:
        message = decode_entry(raw, _Message)
        if message is None or message.id in (None, ""):
            continue
        word = message.message_type or ""
        if spelling(word) != _UPDATE:
            status = _TYPES.get(spelling(word), IncidentStatus.UNKNOWN)
        yield IncidentUpdate(
            id=str(message.id),
            status=status,
            status_raw=word,
            body=unescape(message.body.en or "").strip() if message.body else "",
            at=parse_iso(message.created_date or ""),
        )


def _components(services: Sequence[str], places: Sequence[str]) -> Iterable[AffectedComponent]:
    pairs = [
        AffectedComponent(name=service, group=place)
        for service in services
        for place in (places or (None,))
    ]
    return pairs[:_MOST_PAIRS]


def _names(values: list[object] | None) -> Iterable[str]:
    return dict.fromkeys(name for name in values or () if isinstance(name, str) and name)
