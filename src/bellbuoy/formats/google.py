"""Google Cloud and Google Workspace: one `incidents.json`, a year of incidents in one list.

    incidents.json ──> every incident that began within about one year, newest first

Both dashboards are one engine: https://status.cloud.google.com/incidents.json (its schema stands
beside it, https://status.cloud.google.com/incidents.schema.json) and
https://www.google.com/appsstatus/dashboard/incidents.json. It needs no key.

Recognised by the fields of an incident, and by the two hosts. Their Atom feeds belong to
`formats.feed`.

Identity: an incident's `id`; before April 2021 there was none, and it is the service and the
`number`, which counts for each service apart. An update has no id: it is its `created`, which
no two updates of an incident shared and no edit changed (`modified` tells of edits).

Words: an incident is open while `end` is absent or null; there is no other word for its life,
so what is open is `investigating`. An update says how the products fare: AVAILABLE ends an
incident if it has an `end` too, and says nothing without one. It stands on the newest update
only: when a report follows, the impact is written over it, which is no new trouble.
SERVICE_INFORMATION is impact none, SERVICE_DISRUPTION minor, SERVICE_OUTAGE major; before 2021
only the severity told it (low, medium and high went with these in every incident recorded since).

Components: the products that an incident names, in each location it names: the page does not
say which product is hit where. `group` of an affected component is the location
(`europe-west4`, `global`). Where that makes more than `MOST_PAIRS`, each product and each
location is named at least once.

Window: what began more than a year ago leaves the list. That is neither an end nor a
deletion, so no part is complete. A page without any incident in a year is refused, since
nothing in it tells what it is.

What it cannot say: which components there are, planned work (neither is in the list), whether
an incident was withdrawn. Texts are Markdown and stay as they came.

No recording verified: Workspace's bodies (its fields, and `end: null` there, are told
by tools that read it), an open incident whose newest update says AVAILABLE, the web pages of
both hosts, and what an incident's own address answers once it was taken back.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha1
from urllib.parse import urlsplit

from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim, _google_wire
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.model.facts import Incident, Page, Snapshot, Window
from bellbuoy.model.known import Seen

api_version = 1
NAME = "google"
PLATFORM: str | None = None
PROBES = ("incidents.json",)
HOSTS = ("status.cloud.google.com", "www.google.com")

_HOMES = {
    "status.cloud.google.com": ("", "Google Cloud"),
    "www.google.com": ("/appsstatus/dashboard", "Google Workspace"),
}
_BELOW = frozenset(
    {"incidents.json", "products.json", "incidents.schema.json", "incidents", "incident", "en"}
    | {"summary", "products"}
)
_MOST_ENTRIES = 2_000
_HEAD = 1_024


def claims(response: Response) -> Claim | None:
    """A list of incidents with Google's fields, or a web page of one of the two dashboards."""
    root = page_root(response.url, _BELOW)
    if root is None:
        return None
    home, name = _HOMES.get(host(root), ("-", host(root)))
    is_home = urlsplit(root).path == home
    if response.body[:_HEAD].lstrip()[:1] == b"[":
        is_mine = _is_list_of_mine(response)
    else:
        is_mine = is_home and is_web_page(text_of(response))
    return Claim(format=NAME, url=root, name=name if is_home else host(root)) if is_mine else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the answer lists no incident of this shape."""
    response = yield Request.get(page.at("incidents.json"), accept="application/json")
    rows = decode(response, list[Raw], format=NAME)[:_MOST_ENTRIES]
    look = _Look(page.url.rstrip("/"), {hash: id for id, hash in seen.entries.items()})
    for raw in rows:
        look.take(raw)
    if not look.entries:
        problem = "no incident of Google's in a list of a whole year"
        raise ReadError(response.url, NAME, "$", problem)
    return Snapshot(
        incidents=tuple(look.incidents.values()),
        unchanged=frozenset(look.entries.keys() - look.incidents.keys()),
        entries=look.entries,
        window=Window(ids=frozenset(look.entries), floor=_floor(rows), is_full=True),
    )


class _Look:
    """What one visit has found so far. `id_of` are the ids of known entries by their hashes."""

    def __init__(self, root: str, id_of: dict[str, str]) -> None:
        self.incidents: dict[str, Incident] = {}
        self.entries: dict[str, str] = {}
        self._root = root
        self._id_of = id_of

    def take(self, raw: Raw) -> None:
        """Take in one entry; one that is not an incident costs only itself."""
        hash = sha1(raw, usedforsecurity=False).hexdigest()[:20]
        id = self._id_of.get(hash)
        if id is None:
            row = decode_entry(raw, _google_wire.IncidentRow)
            if row is None or not _google_wire.is_mine(row):
                return
            incident = _google_wire.read_incident(row, self._root)
            id = incident.id
            if id not in self.entries:
                self.incidents[id] = incident
        self.entries.setdefault(id, hash)


class _Start(Struct):
    begin: str | None = None


def _floor(rows: Sequence[Raw]) -> datetime | None:
    """The beginning of the oldest incident; they come newest first."""
    for raw in reversed(rows):
        row = decode_entry(raw, _Start)
        at = parse_iso(row.begin or "") if row else None
        if at is not None:
            return at
    return None


def _is_list_of_mine(response: Response) -> bool:
    try:
        rows = decode(response, list[Raw], format=NAME)
    except ReadError:
        return False
    row = decode_entry(rows[0], _google_wire.IncidentRow) if rows else None
    return row is not None and _google_wire.is_mine(row)
