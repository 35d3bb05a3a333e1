"""Atom, RSS and JSON Feed of any vendor. The page's address is the feed's own.

    bytes ──> entries ──> one of three shapes ──> incidents
                            ├─ Statuspage's history: every update of every incident
                            ├─ incident.io's feed: the latest message of each incident
                            └─ any other: the entry itself

The shape is decided anew for each document, by positive marks. A feed is a window of history,
never a complete list: what left it may go on, so `complete` stays empty. Its own `<updated>`
moves without a change (in 783 of 1,516 captures of one page), so there is no `stamp`.
The dialects are RFC 4287, https://www.rssboard.org/rss-specification,
https://web.resource.org/rss/1.0/spec and https://www.jsonfeed.org/version/1.1/.
Entries are keyed by their incident; one whose texts hash as before is not decoded again.

No recording verified: RSS 1.0, JSON Feed, Atom with `type="xhtml"`; a feed of incident.io of full
length or with planned work; and faults that only recovery or feedparser reads.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

from msgspec import Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim, _incidentio_feed, _other_feed, _statuspage_feed
from bellbuoy.formats._addresses import canonical, host
from bellbuoy.formats._syndication import Entry, Feed, instant, read_feed
from bellbuoy.model.facts import Incident, Page, Snapshot, Window
from bellbuoy.model.known import Seen

api_version = 1
NAME = "feed"
PLATFORM: str | None = None
PROBES = ("history.atom", "feed.atom", "feed.rss", "history.rss", "feed", "rss", "feed.xml")

_ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"


def claims(response: Response) -> Claim | None:
    """A document whose root is that of a feed; its address itself is canonical."""
    address = canonical(response.url)
    try:
        feed = read_feed(response, NAME)
    except ReadError:
        return None
    if address is None:
        return None
    name = " ".join(_shape(feed).name.split())
    return Claim(format=NAME, url=address, name=name or host(response.url))


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the feed. Raises ReadError if the answer is not one."""
    response = yield Request.get(page.url, accept=_ACCEPT)
    feed = read_feed(response, NAME)
    shape = _shape(feed)
    told = _by_incident(feed, shape)
    hashes = {id: _digest(entries) for id, entries in told.items()}
    unchanged = frozenset(id for id, value in hashes.items() if seen.entries.get(id) == value)
    incidents = (shape.decode(id, told[id]) for id in told if id not in unchanged)
    return Snapshot(
        incidents=tuple(incidents),
        unchanged=unchanged,
        entries=hashes,
        window=Window(
            ids=frozenset(told),
            floor=min((at for at in map(shape.at, feed.entries) if at), default=None),
            is_full=len(feed.entries) >= shape.full,
        ),
        name=shape.name or None,
    )


class _Shape(Struct, frozen=True, kw_only=True):
    """How the entries of a document are understood. `full` is how many it holds at most."""

    name: str
    full: int
    identify: Callable[[Entry], str]
    decode: Callable[[str, Sequence[Entry]], Incident]
    at: Callable[[Entry], datetime | None]


def _shape(feed: Feed) -> _Shape:
    for shape in (_statuspage_feed, _incidentio_feed):
        if shape.is_mine(feed):
            return _Shape(
                name=shape.name_of(feed),
                full=shape.FULL,
                identify=shape.identify,
                decode=shape.decode,
                at=_published,
            )
    return _Shape(
        name=feed.title,
        full=_other_feed.full(feed),
        identify=lambda entry: _other_feed.identify(entry, feed),
        decode=_other_feed.decode,
        at=_other_feed.at,
    )


def _published(entry: Entry) -> datetime | None:
    return instant(entry.published) or instant(entry.updated)


def _by_incident(feed: Feed, shape: _Shape) -> Mapping[str, Sequence[Entry]]:
    """The entries of each incident, in the feed's order; one without any identity is left out."""
    told: dict[str, list[Entry]] = {}
    for entry in feed.entries:
        if id := shape.identify(entry):
            told.setdefault(id, []).append(entry)
    return told


def _digest(entries: Sequence[Entry]) -> str:
    """A hash of everything that the entries of an incident say."""
    digest = blake2b(digest_size=16)
    for entry in entries:
        fields = (
            entry.id,
            entry.link,
            entry.title,
            entry.body,
            entry.published,
            entry.updated,
            entry.status,
        )
        digest.update("\x1f".join(fields).encode("utf-8", "replace"))
    return digest.hexdigest()
