"""Heroku's own status page, by the current status of its API.

    api/v4/current-status ──> systems, what is open, and what is planned
         └─ something vanished?
              └─> api/v3/issues/<id> ──> how it ended

The source is https://devcenter.heroku.com/articles/heroku-status and two recordings of 2019 and
2020. It is recognised by its systems with colours beside both lists, or as a web page by
Heroku's own host.

Incidents and their updates are known by the vendor's ids; updates come newest first. Whether an
incident is over is told by `state` alone, since `resolved` was seen to contradict it; planned
work has no `state`, or one that stays `upcoming` for months, so it is as far as its newest
update says. Systems are components: green, yellow (degraded), red (outage), blue (maintenance).
The impact of an incident is the worst colour among its updates; that of planned work is none.
Both lists are complete lists of what is not over. There is no window and no stamp.

It cannot say: what an incident hits, when planned work begins (that stands in prose only), what
came and went between two looks.
No recording verified: a red system; the state `resolved` and the state `upcoming`; an incident's
own document, whose address the recorded `href` gives, and which is read as the same object or
not at all; the systems of an incident and the regions in its tags, which the page has had
since; version 3 of the current status.
"""

from collections.abc import Generator, Sequence
from hashlib import sha1
from urllib.parse import quote, urljoin

from msgspec import Raw

from bellbuoy.errors import FetchError, ReadError, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._heroku_wire import (
    Document,
    IncidentRow,
    SystemRow,
    is_own,
    is_own_text,
    kind_of,
    read_component,
    read_incident,
)
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import Incident, IncidentKind, Page, Part, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "heroku"
PLATFORM: str | None = None
PROBES = ("api/v4/current-status",)
HOSTS = ("status.heroku.com",)

_HOST = "status.heroku.com"
_MOST_ENTRIES = 2_000
_MOST_ASKED = 5
"""How many incidents are asked for at their own addresses in one visit."""


def claims(response: Response) -> Claim | None:
    """The current status, or a web page on Heroku's own host."""
    text = text_of(response).lstrip()
    if is_web_page(text):
        url = canonical(urljoin(response.url, "/")) if host(response.url) == _HOST else None
    else:
        url = page_root(response.url, {"api"}) if is_own_text(text) else None
    return None if url is None else Claim(format=NAME, url=url, name="Heroku")


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the answer has no systems or lacks a list."""
    response = yield _get(page.at(PROBES[0]))
    document = decode(response, Document, format=NAME)
    if not is_own(document):
        raise ReadError(response.url, NAME, "$.status", "there are no systems with their lists")
    look = _Look(page, seen, document)
    for id in look.unlisted()[:_MOST_ASKED]:
        yield from _ask_end(look, id)
    return look.snapshot()


def _get(url: str) -> Request:
    return Request.get(url, accept="application/json")


def _ask_end(look: "_Look", id: str) -> Generator[Request, Response]:
    """Ask how something ended that is not listed any more."""
    try:
        response = yield _get(look.page.at(f"api/v3/issues/{quote(id, safe='')}"))
        look.take_end(id, decode(response, Raw, format=NAME))
    except FetchError as error:
        if error.status in {404, 410} and id in look.seen.missing:
            look.gone.add(id)
    except VisitError:
        return


class _Look:
    """What one visit has found. Entries: the hash of `i:<id>`, or of planned work `m:<id>`."""

    def __init__(self, page: Page, seen: Seen, document: Document) -> None:
        self.page = page
        self.seen = seen
        self.gone: set[str] = set()
        self._id_of = {hash: key[2:] for key, hash in seen.entries.items()}
        self._incidents: dict[str, Incident] = {}
        self._unchanged: set[str] = set()
        self._entries: dict[str, str] = {}
        self._complete: set[Part] = set()
        systems = [decode_entry(raw, SystemRow) for raw in document.status or ()]
        self._components = {
            row.system: read_component(row) for row in systems if row and row.system
        }
        if len(self._components) == len(systems):
            self._complete.add(Part.COMPONENTS)
        for rows, kind, part in (
            (document.incidents, IncidentKind.INCIDENT, Part.OPEN_INCIDENTS),
            (document.scheduled, IncidentKind.MAINTENANCE, Part.OPEN_MAINTENANCES),
        ):
            taken = [self._take(raw, kind) for raw in (rows or ())[:_MOST_ENTRIES]]
            if all(taken) and len(taken) == len(rows or ()):
                self._complete.add(part)

    def unlisted(self) -> Sequence[str]:
        """What was open and is in no list, that which is long missing first."""
        if not self.seen.open_ids:
            return ()
        away = self.seen.open_ids - self._incidents.keys() - self._unchanged
        return sorted(away, key=lambda one: (one not in self.seen.missing, one))

    def take_end(self, id: str, raw: Raw) -> None:
        """Take in something's own object, if it says that it is over."""
        row = decode_entry(raw, IncidentRow)
        if row is not None and str(row.id) == id:
            incident = read_incident(row, kind_of(row), self.page)
            if not incident.is_open:
                self._incidents[id] = incident

    def snapshot(self) -> Snapshot:
        """All that was found."""
        return Snapshot(
            incidents=tuple(self._incidents.values()),
            components=tuple(self._components.values()),
            complete=frozenset(self._complete),
            unchanged=frozenset(self._unchanged),
            entries=self._entries,
            gone=frozenset(self.gone),
            name="Heroku",
            owes=bool(set(self.unlisted()) - self.gone),
        )

    def _take(self, raw: Raw, kind: IncidentKind) -> bool:
        """Take in an entry; returns whether it can be told from others."""
        hash = sha1(raw, usedforsecurity=False).hexdigest()[:20]
        id = self._id_of.get(hash)
        if id is None:
            row = decode_entry(raw, IncidentRow)
            if row is None or row.id in (None, ""):
                return False
            id = str(row.id)
            self._incidents[id] = read_incident(row, kind, self.page)
            self._unchanged.discard(id)
        elif id not in self._incidents:
            self._unchanged.add(id)
        self._entries[f"{'m' if kind is IncidentKind.MAINTENANCE else 'i'}:{id}"] = hash
        return True
