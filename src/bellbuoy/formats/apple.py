"""Apple: the one document behind its System Status page.

    data/system_status_en_US.js ──> every service, with its events of the last days

The page is https://www.apple.com/support/systemstatus, its document lies at
https://www.apple.com/support/systemstatus/data/system_status_en_US.js and is not documented. It is
plain JSON today and was JSONP before (`jsonCallback({...});`, as
https://github.com/70-10/apple-system-status reads it); both are read.

Recognised by a list of services with `serviceName`, `redirectUrl` and `events`, or as a web page
by Apple's own address. Another document of this shape (another language, the developers' list)
is watched at its own address.

Identity: an event's `messageId`. It is repeated below every service that it hits, in other words
below some: those are one incident, whose text is all of its texts. An event shows its latest
message only, so an update is the `datePosted` of that.

Words: `ongoing` is investigating (of maintenance: in progress), `resolved` and `completed` are the
end. An Outage is a major, an Issue a minor impact, Maintenance none. There is no title: it is
made of the names of the services and the type.

Components: every service, and the list is complete. A service states no status: it is the worst
of its events that are not over, and operational if all are, which is what the page shows.

Times: start and end are epochs. `datePosted` is a local time with the name of a zone; it is read
by the distance to `startDate`, the same instant as the epoch, where both name the same zone.

Window: events leave some time after their end, and no address tells of them then, so no list of
incidents is complete.

Cannot say: groups, regions, earlier messages, and how an event ended that left between two looks.
No recording verified: an event that is not over (`ongoing` is told by tools that read it,
`completed` is an English word), the types Issue and Maintenance, the JSONP form, `drMessage` and
`drpost` when they are used, the documents in other places, the web page.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha1

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._json import decode, decode_entry
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
    Part,
    Snapshot,
)
from bellbuoy.model.known import Seen

api_version = 1
NAME = "apple"
PLATFORM: str | None = None
PROBES = ("data/system_status_en_US.js",)
HOSTS = ("www.apple.com",)

_HOME = "https://www.apple.com/support/systemstatus"
_DOCUMENT = PROBES[0]
_BELOW = frozenset({"data"})
_LONGEST_CALLBACK = 64
_MOST_ENTRIES = 2_000
_MOST_NAMED = 3
"""How many services a title names."""

_S = IncidentStatus
_STATUS = {"ongoing": _S.INVESTIGATING, "resolved": _S.RESOLVED, "completed": _S.COMPLETED}
_STATUS_OF_WORK = {**_STATUS, "ongoing": _S.IN_PROGRESS, "resolved": _S.COMPLETED}
_WORK = "Maintenance"
_IMPACTS = {"Outage": Impact.MAJOR, "Issue": Impact.MINOR, _WORK: Impact.NONE}
_COMPONENTS = {
    "Outage": ComponentStatus.MAJOR_OUTAGE,
    "Issue": ComponentStatus.DEGRADED,
    _WORK: ComponentStatus.MAINTENANCE,
}
_FIRST_YEAR, _LAST_YEAR = 1970, 3000
_FINE = ComponentStatus.OPERATIONAL
_LAST_MILLISECOND = 32_503_680_000_000  # the year 3000
_WIDEST_ZONE = timedelta(hours=15)

Text = str | None


class _Document(Struct):
    services: list[Raw]


class _ServiceRow(Struct, rename="camel", gc=False):
    service_name: Text = None
    redirect_url: Raw | msgspec.UnsetType = msgspec.UNSET
    events: list[Raw] | None = None


class _EventHead(Struct, rename="camel", gc=False):
    """What must be known of an event even if nothing in it changed."""

    message_id: int | str | None = None
    status_type: Text = None
    event_status: Text = None

    @property
    def status(self) -> IncidentStatus:
        words = _STATUS_OF_WORK if self.status_type == _WORK else _STATUS
        return words.get((self.event_status or "").lower(), _S.UNKNOWN)

    @property
    def component_status(self) -> ComponentStatus:
        status = self.status
        if status.is_over:
            return _FINE
        unknown = ComponentStatus.UNKNOWN
        if status is _S.UNKNOWN:
            return unknown
        return _COMPONENTS.get(self.status_type or "", unknown)


class _EventRow(_EventHead, rename="camel", gc=False):
    message: Text = None
    date_posted: Text = None
    start_date: Text = None
    epoch_start_date: int | None = None
    epoch_end_date: int | None = None
    users_affected: Text = None
    affected_services: list[object] | None = None


class _WholeDocument(Struct):
    """A document of which every service is as expected: read in one go."""

    services: list[_ServiceRow]


class _Told(Struct, frozen=True, gc=False):
    """An event as it stands below one service."""

    service: str
    raw: Raw


def claims(response: Response) -> Claim | None:
    """A document of Apple's shape, or the web page at Apple's own address."""
    address, root = canonical(response.url), page_root(response.url, _BELOW)
    if address is None or root is None:
        return None
    is_home = address == _HOME or address.startswith((f"{_HOME}/", f"{_HOME}?"))
    name = "Apple" if host(root) in HOSTS else host(root)
    if response.body[:1].isspace() or response.body[:1] == b"<":
        is_own_page = is_home and is_web_page(text_of(response))
        return Claim(format=NAME, url=_HOME, name=name) if is_own_page else None
    try:
        document = _document(response)
    except ReadError:
        return None
    row = decode_entry(document.services[0], _ServiceRow) if document.services else None
    if row is None or not row.service_name or row.events is None:
        return None
    if row.redirect_url is msgspec.UNSET:
        return None
    return Claim(format=NAME, url=root if address == f"{root}/{_DOCUMENT}" else address, name=name)


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page, whose address may be that of a document.

    Raises ReadError if the answer names no service.
    """
    url = page.url if page.url.endswith(".js") else page.at(_DOCUMENT)
    response = yield Request.get(url)
    services, is_whole = _services(response)
    if not services:
        raise ReadError(response.url, NAME, "$.services", "no service has a name")
    told: dict[str, list[_Told]] = {}
    components = tuple(_component(name, row, told) for name, row in services.items())
    entries = {id: _hash(places) for id, places in told.items()}
    changed = [id for id, hash in entries.items() if seen.entries.get(id) != hash]
    return Snapshot(
        incidents=tuple(_incident(id, told[id], page.url) for id in changed),
        components=components,
        complete=frozenset({Part.COMPONENTS} if is_whole else ()),
        unchanged=frozenset(entries.keys() - set(changed)),
        entries=entries,
        name="Apple" if host(page.url) in HOSTS else None,
    )


def _services(response: Response) -> tuple[dict[str, _ServiceRow], bool]:
    """The services by their names, and whether these are all that the document lists."""
    plain = _unwrapped(response)
    try:
        rows = msgspec.json.decode(plain.body, type=_WholeDocument).services
        count = len(rows)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raws = decode(plain, _Document, format=NAME).services
        count = len(raws)
        rows = [row for raw in raws[:_MOST_ENTRIES] if (row := decode_entry(raw, _ServiceRow))]
    services = {row.service_name: row for row in rows[:_MOST_ENTRIES] if row.service_name}
    return services, len(services) == count


def _document(response: Response) -> _Document:
    return decode(_unwrapped(response), _Document, format=NAME)


def _unwrapped(response: Response) -> Response:
    """The answer without the call around its JSON, if there is one.

    Raises ReadError if the call does not end.
    """
    body = response.body.removeprefix(b"\xef\xbb\xbf").strip()
    opening = body.find(b"(", 0, _LONGEST_CALLBACK)
    if opening < 1 or not _is_callback(body[:opening]):
        return response
    body = body.removesuffix(b";").rstrip()
    if not body.endswith(b")"):
        place = f"byte {len(response.body)}"
        problem = "the document ends too early"
        raise ReadError(response.url, NAME, place, problem, reason=Unreadable.CUT)
    return replace(response, body=body[opening + 1 : -1])


def _is_callback(name: bytes) -> bool:
    text = name.strip().decode("latin-1")
    return text.isascii() and text.replace("$", "_").replace(".", "_").isidentifier()


def _hash(places: Iterable[_Told]) -> str:
    digest = sha1(usedforsecurity=False)
    for place in places:
        digest.update(place.service.encode("utf-8", "replace"))
        digest.update(place.raw)
    return digest.hexdigest()[:20]


def _component(name: str, service: _ServiceRow, told: dict[str, list[_Told]]) -> Component:
    """One service, as its events leave it; `told` takes in those events by their ids."""
    if not service.events:
        bare = _FINE if service.events is not None else ComponentStatus.UNKNOWN
        return Component(id=name, name=name, status=bare)
    status, word = _FINE, ""
    for raw in service.events:
        head = decode_entry(raw, _EventHead) or _EventHead()
        if head.message_id not in (None, ""):
            told.setdefault(str(head.message_id), []).append(_Told(name, raw))
        left = head.component_status
        if left.rank > status.rank:
            status, word = left, head.status_type or ""
    return Component(id=name, name=name, status=status, status_raw=word)


def _incident(id: str, places: Sequence[_Told], url: str) -> Incident:
    rows = [decode_entry(place.raw, _EventRow) or _EventRow() for place in places]
    row = rows[0]
    status, word, type = row.status, row.event_status or "", row.status_type or ""
    left = row.component_status
    names = _names(places, rows)
    posted = _posted(row)
    update = IncidentUpdate(
        id=f"latest:{row.date_posted or ''}",
        status=status,
        status_raw=word,
        body=_body(rows),
        at=posted,
    )
    return Incident(
        id=id,
        kind=IncidentKind.MAINTENANCE if type == _WORK else IncidentKind.INCIDENT,
        title=_title(names, type),
        status=status,
        status_raw=word,
        impact=_IMPACTS.get(type, Impact.UNKNOWN),
        impact_raw=type,
        url=url,
        started_at=_instant(row.epoch_start_date),
        updated_at=posted,
        resolved_at=_instant(row.epoch_end_date) if status.is_over else None,
        components=tuple(AffectedComponent(id=name, name=name, status=left) for name in names),
        updates=(update,),
    )


def _names(places: Iterable[_Told], rows: Iterable[_EventRow]) -> list[str]:
    """The services below which an event stands, and then those that it only names."""
    names = [place.service for place in places]
    for row in rows:
        names += [name for name in row.affected_services or () if isinstance(name, str) and name]
    return list(dict.fromkeys(names))


def _title(names: Sequence[str], word: str) -> str:
    more = len(names) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"{', '.join(names[:_MOST_NAMED])}{rest}: {word}".removesuffix(": ")


def _body(rows: Sequence[_EventRow]) -> str:
    texts = [row.message or "" for row in rows] + [row.users_affected or "" for row in rows]
    return "\n\n".join(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _posted(row: _EventRow) -> datetime | None:
    """When the message was posted, told by its distance to the start, which has an epoch too."""
    start = _instant(row.epoch_start_date)
    began, posted = _local(row.start_date), _local(row.date_posted)
    if start is None or began is None or posted is None or began[1] != posted[1]:
        return None
    is_a_zone = abs(began[0] - start) < _WIDEST_ZONE
    return start + (posted[0] - began[0]) if is_a_zone else None


def _local(text: Text) -> tuple[datetime, str] | None:
    """`07/29/2026 20:20 PDT` as a time that is only good for distances, and its zone's name."""
    date, _, rest = (text or "").partition(" ")
    time, _, zone = rest.partition(" ")
    try:
        month, day, year = map(int, date.split("/"))
        hour, minute = map(int, time.split(":"))
        at = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (at, zone) if zone and _FIRST_YEAR <= year < _LAST_YEAR else None


def _instant(milliseconds: int | None) -> datetime | None:
    if milliseconds is None or not 0 < milliseconds < _LAST_MILLISECOND:
        return None
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)
