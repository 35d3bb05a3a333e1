"""AWS: the events that its public health dashboard shows now, and the `data.json` before it.

    public/currentevents ──> every event that is open, and for a while those that ended
    data.json            ──> what was open, and an archive of some years (until April 2023)

https://health.aws.amazon.com/public/currentevents is what the dashboard
(https://health.aws.amazon.com/health/status) itself reads; neither document is documented. It is
UTF-16 with a byte order mark, and it needs no key. `data.json` is asked only of a page whose
address ends with it. The RSS feeds belong to `formats.feed`.

Recognised by the ARN of AWS Health in an event, or by `archive` and `current` lists of services;
an empty list is AWS's only where it comes from AWS's host or in that encoding.

Identity: an event's `arn`; an update is its place in time, the `timestamp` of its message. In
`data.json`, the service and the minute of `date` (AWS moved dates afterwards, five times in
these recordings and never out of their minute), and for an update the time of day that it shows.

Words: an event is over if it has an `end_time`, or "[RESOLVED]" before its summary, or stands
in the archive; what is not over is `investigating`, since nothing tells more. The worst status
of its messages and services is its impact: 1 and 2 minor, 3 major (AWS's own feed calls 1
"Service impact" and 3 "Service disruption"). 0 is no impact now, not that there was none.

Components: each service that an event names, with its own status; `group` of an affected
component is the region (`me-central-1`), none for a global service.

Window: `currentevents` has no history. `data.json` has its archive, of which servers gave 102
or 483 entries in turn: what is older than the first look is silent, so that does not matter.
What began more than a week before the newest entry and is over comes without its messages.
No part is complete: an event that left may have ended or not, and no address proves either.

What it cannot say: which services there are, planned work, and (`data.json`) when a message
after the first was written, since only the time of day stands there.

No recording verified: a quiet dashboard (`[]`, told by tools that read it), how an event
changes from look to look and what its last messages are (the one recorded ended event was cut to
its first), AWS's word for status 2, the dashboard's web page, and the address of an event (taken
from pages that link there).
"""

from datetime import datetime, timedelta
from hashlib import sha1
from urllib.parse import urlsplit

from msgspec import Raw, Struct
from msgspec.structs import replace

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim, _aws_archive, _aws_events
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._json import decode
from bellbuoy.model.facts import Incident, Page, Snapshot, Window
from bellbuoy.model.known import Seen

api_version = 1
NAME = "aws"
PLATFORM: str | None = None
PROBES = ("public/currentevents", "data.json")
HOSTS = ("health.aws.amazon.com", "status.aws.amazon.com")

_EVENTS, _ARCHIVE = PROBES
_HOME = "https://health.aws.amazon.com"
_HOSTS = frozenset({"health.aws.amazon.com", "status.aws.amazon.com"})
_BELOW = frozenset({"public", "health"})
_MOST_ENTRIES = 2_000

_RECENT = timedelta(days=7)
"""How long before the newest entry an archived one is still read with its messages."""


class _Archive(Struct):
    """`data.json`: both lists must be there."""

    archive: list[Raw]
    current: list[Raw]


class _Entry(Struct, frozen=True):
    """One entry as it came. `is_archived` tells in which list of `data.json` it stood."""

    raw: Raw
    hash: str
    is_archived: bool = False


class _Document(Struct, frozen=True, kw_only=True):
    """Either document. `since` is where `data.json` stops being history."""

    entries: list[_Entry]
    is_archive: bool
    since: datetime | None = None

    def read(self, entry: _Entry, root: str) -> Incident | None:
        """The incident of an entry, or None if it is not one of AWS's."""
        if self.is_archive:
            is_archived = entry.is_archived
            return _aws_archive.read_entry(entry.raw, is_archived=is_archived, since=self.since)
        return _aws_events.read_event(entry.raw, root)


def claims(response: Response) -> Claim | None:
    """AWS's events, the document before them, or the web page of its dashboard."""
    address, root = canonical(response.url), page_root(response.url, _BELOW)
    if address is None or root is None:
        return None
    is_home = host(address) in _HOSTS
    name = "AWS" if is_home else host(address)
    if response.body[:1].isspace() or response.body[:1] == b"<":
        is_dashboard = is_home and is_web_page(text_of(response))
        return Claim(format=NAME, url=_HOME, name=name) if is_dashboard else None
    try:
        document = _document(response)
    except ReadError:
        return None
    if document.entries and document.read(document.entries[0], root) is None:
        return None
    return Claim(format=NAME, url=address if document.is_archive else root, name=name)


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page, whose address may be that of `data.json`.

    Raises ReadError if the answer is neither of the two documents.
    """
    is_archive = urlsplit(page.url).path.endswith(f"/{_ARCHIVE}")
    url = page.url if is_archive else page.at(_EVENTS)
    response = yield Request.get(url, accept="application/json")
    document = _document(response)
    incidents, entries = _told(document, page, seen)
    if document.entries and not entries:
        raise ReadError(response.url, NAME, "$", "none of the entries is an event of AWS's")
    return Snapshot(
        incidents=tuple(incidents.values()),
        unchanged=frozenset(entries.keys() - incidents.keys()),
        entries=entries,
        window=_window(document, entries) if document.is_archive else None,
    )


def _told(
    document: _Document, page: Page, seen: Seen
) -> tuple[dict[str, Incident], dict[str, str]]:
    """The incidents that changed, and the hash of every entry by its incident."""
    id_of = {hash: id for id, hash in seen.entries.items()}
    incidents: dict[str, Incident] = {}
    entries: dict[str, str] = {}
    for entry in document.entries:
        id = id_of.get(entry.hash)
        if id is None:
            incident = document.read(entry, page.url.rstrip("/"))
            if incident is None:
                continue
            id = incident.id
            if id not in entries:
                incidents[id] = incident
        entries.setdefault(id, entry.hash)
    return incidents, entries


def _window(document: _Document, entries: dict[str, str]) -> Window:
    oldest = next((e for e in document.entries if e.is_archived), None)
    floor: datetime | None = _aws_archive.began(oldest.raw) if oldest else None
    return Window(ids=frozenset(entries), floor=floor, is_full=True)


def _document(response: Response) -> _Document:
    """Either document. Raises ReadError for anything else, an empty list of somebody's included."""
    plain = _in_utf8(response)
    if plain.body.lstrip()[:1] == b"{":
        found = decode(plain, _Archive, format=NAME)
        rows = [_entry(raw, b"archive") for raw in found.archive]
        rows += [_entry(raw) for raw in found.current]
        if not rows:
            raise ReadError(response.url, NAME, "$", "it lists nothing, not even in its archive")
        newest = _aws_archive.began(rows[-1].raw)
        since = newest - _RECENT if newest else None
        return _Document(entries=rows[-_MOST_ENTRIES:], is_archive=True, since=since)
    events = decode(plain, list[Raw], format=NAME)
    is_aws = plain is not response or host(response.url) in _HOSTS
    if not events and not is_aws:
        raise ReadError(response.url, NAME, "$", "an empty list may be anybody's")
    return _Document(entries=[_entry(raw) for raw in events[:_MOST_ENTRIES]], is_archive=False)


def _entry(raw: Raw, place: bytes = b"") -> _Entry:
    """An entry means something else in the archive, so its place goes into its hash."""
    digest = sha1(place, usedforsecurity=False)
    digest.update(raw)
    return _Entry(raw, digest.hexdigest()[:20], is_archived=bool(place))


def _in_utf8(response: Response) -> Response:
    """The answer in UTF-8. Of one that is in UTF-16, half a character at the end is left out."""
    body = response.body
    if b"\0" not in body[:4]:
        return response
    text = text_of(replace(response, body=body[: len(body) & ~1]))
    return replace(response, body=text.encode("utf-8", "replace"))
