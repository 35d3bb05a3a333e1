"""Status pages that PagerDuty hosts: the data that their web page carries as JSON.

    the web page ──> <script id="data" type="application/json">{"summary": ..., "layout": ...}

The API behind it needs a key (https://developer.pagerduty.com/api-reference/, "status pages");
this data needs none, and is documented nowhere. Recognised by that script, if its data has the
lists of incidents and services of such a page; a page without it is refused.

Identity: the vendor's ids of incidents, updates and postmortems, so an edit is told from a new
message; `reported_at` is the time that it shows, by which the updates are in order.

Words: investigating and detected both mean that the work goes on (either comes first: 17 of 81
recorded incidents begin with detected and go on with investigating), resolved ends it. A severity
of all_good is impact none, minor and major are those, outage is critical; an incident has the
worst of its updates. A postmortem is an update of its own.

Components: the services in the page's layout, `group` is the heading above them. The page has
no status for them but what open incidents say of those that they hit, so the others are fine.

Window: open incidents and services are complete lists; of those that are over, the recordings
hold 80, which were 18 months. One that ended more than `RECENT` before the newest comes without its
messages: a postmortem later than that is not told (the recorded ones came within 27 days).

It cannot say: when an incident began before its first update, or its address.

No recording verified: a page later than December 2023, planned work (`posts` was empty in
both recordings), a page of another customer than PagerDuty itself, and what `Head_ID` is where it
is neither -1 nor a heading.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha1
from urllib.parse import urlsplit

from msgspec import Raw, Struct
from msgspec.structs import replace

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host
from bellbuoy.formats._answers import is_web_page, text_of, why_not
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._pagerduty_wire import (
    COMPONENT_STATUSES,
    MOST,
    IncidentRow,
    Service,
    Text,
    UpdateRow,
    hits,
    read_incident,
)
from bellbuoy.formats._words import spelling
from bellbuoy.model.facts import Component, ComponentStatus, Incident, Page, Part, Snapshot, Window
from bellbuoy.model.known import Seen

api_version = 1
NAME = "pagerduty"
PLATFORM: str | None = "pagerduty"
PROBES = ("./",)
HOSTS = ("status.pagerduty.com",)

_SCRIPT = '<script id="data" type="application/json">'
_NAME_TAIL = " Status Page"
RECENT = timedelta(days=45)
"""How long before the newest one an incident that is over is still read with its messages."""


class _Summary(Struct):
    open_incidents: list[Raw]
    resolved_incidents: list[Raw]
    post_status_page_services: list[Raw]


class _Settings(Struct):
    business_services: list[Raw]
    name: Text = None


class _Layout(Struct):
    layout_settings: _Settings


class _Document(Struct):
    summary: _Summary
    layout: _Layout


class _Look:
    """What one visit has found so far. `id_of` are the ids of known entries by their hashes."""

    def __init__(self, document: _Document, seen: Seen) -> None:
        settings = document.layout.layout_settings
        self.incidents: dict[str, Incident] = {}
        self.entries: dict[str, str] = {}
        self.is_whole = True
        self._id_of = {hash: id for id, hash in seen.entries.items()}
        self._services = [
            row for raw in settings.business_services[:MOST] if (row := decode_entry(raw, Service))
        ]
        headings = {row.id: row.name for row in self._services if row.grouping_element}
        self._group_of = {
            row.id: headings.get(str(row.Head_ID)) for row in self._services if row.id
        }
        self._since = _since(document.summary.resolved_incidents)
        self._worst: dict[str, tuple[ComponentStatus, str]] = {}

    def take(self, raw: Raw, *, is_open: bool) -> None:
        """Take in one entry; one that is not an incident costs only itself."""
        digest = sha1(b"o" if is_open else b"r", usedforsecurity=False)
        digest.update(raw)
        hash = digest.hexdigest()[:20]
        id = self._id_of.get(hash)
        if id is None or is_open:
            row = decode_entry(raw, IncidentRow)
            if row is None or not row.id or row.updates is None:
                self.is_whole = self.is_whole and not is_open
                return
            if is_open:
                self._note_hits(row.newest)
            if id is None and row.id not in self.entries:
                self.incidents[row.id] = self._read(row, is_open=is_open)
            id = row.id
        self.entries.setdefault(id, hash)

    def _read(self, row: IncidentRow, *, is_open: bool) -> Incident:
        ended = row.newest.at if row.newest else None
        is_recent = is_open or ended is None or self._since is None or ended >= self._since
        return read_incident(row, self._group_of, is_open=is_open, has_messages=is_recent)

    def components(self) -> Iterator[Component]:
        """The services, each once, with what open incidents say of them."""
        ids: set[str] = set()
        for row in self._services:
            if row.id and row.name and not row.grouping_element and row.id not in ids:
                ids.add(row.id)
                status, word = self._worst.get(row.id, (ComponentStatus.OPERATIONAL, ""))
                yield Component(
                    id=row.id,
                    name=row.name,
                    status=status,
                    status_raw=word,
                    group=self._group_of.get(row.id),
                )

    def _note_hits(self, newest: UpdateRow | None) -> None:
        if newest is None or newest.impacted_business_services is None:
            self.is_whole = False  # it hits something, but nobody knows what
        for hit in hits(newest):
            status = COMPONENT_STATUSES.get(spelling(hit.severity or ""), ComponentStatus.UNKNOWN)
            id = hit.business_service_id or ""
            if id not in self._worst or self._worst[id][0].rank < status.rank:
                self._worst[id] = (status, hit.severity or "")


def claims(response: Response) -> Claim | None:
    """A web page that carries such data."""
    address = canonical(response.url)
    text = text_of(response)
    if address is None or not is_web_page(text) or _SCRIPT not in text:
        return None
    try:
        document = _document(text, response)
    except ReadError:
        return None
    name = document.layout.layout_settings.name or host(address)
    return Claim(format=NAME, url=address, name=name.removesuffix(_NAME_TAIL))


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the web page carries no such data."""
    url = page.url if urlsplit(page.url).path else page.at("")
    response = yield Request.get(url, accept="text/html")
    document = _document(text_of(response), response)
    look = _Look(document, seen)
    for raw in document.summary.open_incidents[:MOST]:
        look.take(raw, is_open=True)
    past = document.summary.resolved_incidents[:MOST]
    for raw in past:
        look.take(raw, is_open=False)
    parts = frozenset({Part.OPEN_INCIDENTS, Part.COMPONENTS})
    return Snapshot(
        incidents=tuple(look.incidents.values()),
        components=tuple(look.components()) if look.is_whole else (),
        complete=parts if look.is_whole else frozenset(),
        unchanged=frozenset(look.entries.keys() - look.incidents.keys()),
        entries=look.entries,
        window=Window(ids=frozenset(look.entries), floor=_floor(past), is_full=True),
        name=(document.layout.layout_settings.name or "").removesuffix(_NAME_TAIL) or None,
    )


def _document(text: str, response: Response) -> _Document:
    """The data of the page. Raises ReadError if there is none, or not all of it."""
    begin = text.find(_SCRIPT)
    if begin < 0:
        reason, problem = why_not(response, text)
        problem = f"it carries no data on incidents: {problem}"
        raise ReadError(response.url, NAME, "the web page", problem, reason=reason)
    begin += len(_SCRIPT)
    end = text.find("</script>", begin)
    if end < 0 or not text.rstrip().endswith("</html>"):
        problem = "the web page ends too early"
        place = f"byte {len(response.body)}"
        raise ReadError(response.url, NAME, place, problem, reason=Unreadable.CUT)
    data = text[begin:end].encode("utf-8", "replace")
    return decode(replace(response, body=data), _Document, format=NAME)


def _floor(past: Sequence[Raw]) -> datetime | None:
    """The first message of the oldest incident; they come newest first."""
    for raw in reversed(past):
        row = decode_entry(raw, IncidentRow)
        first = decode_entry(row.updates[-1], UpdateRow) if row and row.updates else None
        if first is not None and first.at is not None:
            return first.at
    return None


def _since(past: Sequence[Raw]) -> datetime | None:
    """Where history begins of which only the incidents are read."""
    row = decode_entry(past[0], IncidentRow) if past else None
    at = row.newest.at if row and row.newest else None
    return at - RECENT if at else None
