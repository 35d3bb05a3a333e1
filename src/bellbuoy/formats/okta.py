"""Okta's trust page, https://status.okta.com: the incidents that its web page carries as JSON.

    the web page ──> [{"attributes":{"type":"Incident__c", ...}, "Id": ..., ...}, ...]

The page is made by Salesforce, and so are the records (SObjects,
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/); what they mean is
documented nowhere. There is no API without a key, and the Atom feed is years behind.

Recognised by a list of such records with a title and a status of Okta's; wherever it stands in
the page, the first one is read. A page without it is refused: nothing in it says that all is
well.

Identity: `Id`. A record shows its latest words only (`Log__c`), under `Last_Updated__c`: other
words under the same stamp are an edit, the same words under a later one no news.

Words: `Status__c` as in the other formats, of which only Resolved was recorded; what is not
known stays unknown, which is not over. Service Degradation is a minor impact, Service
Disruption a major one.

Components: `Okta_Sub_Service__c`, else `Service_Feature__c`, once for each cell that is named
(`okta.com:7`), which is its `group`. No cell has a status of its own.

Window: the records that were touched last, a dozen of half a year. What left the page may go on,
so no part is complete.

It cannot say: earlier texts; when an incident ended (`End_Date__c` is a day, and `Duration__c`
does not say of what); how a cell is.

No recording verified: an open incident, other words of `Status__c` and `Category__c`,
planned work and the lists of updates (other tools read both from the page, the recording holds
neither), and what stands around the list (the recording was reduced to it).
"""

import json
from datetime import datetime
from hashlib import sha1
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from bellbuoy.errors import ReadError, Unreadable
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host
from bellbuoy.formats._answers import is_web_page, text_of, why_not
from bellbuoy.formats._instants import parse_iso, written
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._words import PLANNED, incident_status, spelling
from bellbuoy.model.facts import (
    AffectedComponent,
    Impact,
    Incident,
    IncidentKind,
    IncidentUpdate,
    Page,
    Snapshot,
    Window,
)
from bellbuoy.model.known import Seen

api_version = 1
NAME = "okta"
PLATFORM: str | None = None
PROBES = ("./",)
HOSTS = ("status.okta.com",)

_MARK = '[{"attributes":{"type":"Incident__c"'
_LATEST = "latest:"
_MOST_ENTRIES = 2_000
_MOST_CELLS = 100
_IMPACTS = {"service_degradation": Impact.MINOR, "service_disruption": Impact.MAJOR}

_ROWS = msgspec.json.Decoder(list[Raw])
_DECODER = json.JSONDecoder(strict=False)

Text = str | None


class _Record(Struct, gc=False, rename={"id": "Id", "name": "Name"}):
    """An `Incident__c`. Times are in UTC, written with `+0000`."""

    id: str = ""
    name: Text = None
    Log__c: Text = None
    Status__c: Text = None
    Last_Updated__c: Text = None
    Category__c: Text = None
    Incident_Title__c: Text = None
    Impacted_Cells__c: Text = None
    Service_Feature__c: Text = None
    Okta_Sub_Service__c: Text = None
    Start_Time__c: Text = None

    @property
    def is_mine(self) -> bool:
        """Whether it is Okta's: any Salesforce may have records of this type."""
        return bool(self.id and self.Status__c and self.Incident_Title__c)


class _Start(Struct, gc=False):
    """What is read of a record that is as before."""

    Start_Time__c: Text = None


class _Look:
    """What one visit has found so far. `id_of` are the ids of known entries by their hashes."""

    def __init__(self, root: str, seen: Seen) -> None:
        self.incidents: dict[str, Incident] = {}
        self.entries: dict[str, str] = {}
        self.floor: datetime | None = None
        self._root = root
        self._id_of = {hash: id for id, hash in seen.entries.items()}

    def take(self, raw: Raw) -> None:
        """Take in one record; one that is not an incident costs only itself."""
        hash = sha1(raw, usedforsecurity=False).hexdigest()[:20]
        id = self._id_of.get(hash)
        row = decode_entry(raw, _Record if id is None else _Start)
        if row is None:
            return
        at = parse_iso(row.Start_Time__c or "")
        if isinstance(row, _Record):
            if not row.is_mine:
                return
            id = row.id
            if id not in self.entries:
                self.incidents[id] = _incident(row, self._root, at)
        if at is not None:
            self.floor = at if self.floor is None or at < self.floor else self.floor
        self.entries.setdefault(id or "", hash)


def claims(response: Response) -> Claim | None:
    """A web page that carries Okta's records."""
    address = canonical(response.url)
    text = text_of(response)
    if address is None or not is_web_page(text) or _MARK not in text:
        return None
    try:
        rows = _records(text, response)
    except ReadError:
        return None
    row = decode_entry(rows[0], _Record)
    is_mine = row is not None and row.is_mine
    name = "Okta" if host(address) in HOSTS else host(address)
    return Claim(format=NAME, url=address, name=name) if is_mine else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the web page carries no list of incidents."""
    url = page.url if urlsplit(page.url).path else page.at("")
    response = yield Request.get(url, accept="text/html")
    rows = _records(text_of(response), response)
    look = _Look(page.url.rstrip("/"), seen)
    for raw in rows[:_MOST_ENTRIES]:
        look.take(raw)
    if not look.entries:
        raise ReadError(response.url, NAME, "the list", "none of its records is Okta's")
    return Snapshot(
        incidents=tuple(look.incidents.values()),
        unchanged=frozenset(look.entries.keys() - look.incidents.keys()),
        entries=look.entries,
        window=Window(ids=frozenset(look.entries), floor=look.floor, is_full=True),
    )


def _records(text: str, response: Response) -> list[Raw]:
    """The first list of records in the page. Raises ReadError if there is none that is whole."""
    begin = text.find(_MARK)
    if begin < 0:
        reason, problem = why_not(response, text)
        problem = f"it carries no list of incidents: {problem}"
        raise ReadError(response.url, NAME, "the web page", problem, reason=reason)
    if not text.rstrip()[-16:].lower().endswith("</html>"):
        problem = "the web page ends too early"
        place = f"byte {len(response.body)}"
        raise ReadError(response.url, NAME, place, problem, reason=Unreadable.CUT)
    try:
        # Nearly always the first of these is the end, and the list is decoded only once.
        return _ROWS.decode(text[begin : _end(text, begin)])
    except (ValueError, RecursionError):
        pass
    try:
        _, end = _DECODER.raw_decode(text, begin)
        return _ROWS.decode(text[begin:end])
    except (ValueError, RecursionError) as error:
        raise ReadError(response.url, NAME, "the list", str(error)) from error


def _end(text: str, begin: int) -> int:
    """The place after the first `}]`. One sign is found far quicker than two."""
    place = text.find("]", begin)
    while place > 0 and text[place - 1] != "}":
        place = text.find("]", place + 1)
    return place + 1


def _incident(row: _Record, root: str, started_at: datetime | None) -> Incident:
    word = row.Status__c or ""
    status = incident_status(word)
    kind = IncidentKind.MAINTENANCE if status in PLANNED else IncidentKind.INCIDENT
    at = parse_iso(row.Last_Updated__c or "")
    stamp = written(at) if at else row.Last_Updated__c or ""
    category = row.Category__c or ""
    update = IncidentUpdate(
        id=_LATEST + stamp,
        status=status,
        status_raw=word,
        body=(row.Log__c or "").strip(),
        at=at,
    )
    return Incident(
        id=row.id,
        kind=kind,
        title=row.Incident_Title__c or row.name or "",
        status=status,
        status_raw=word,
        impact=_IMPACTS.get(spelling(category), Impact.UNKNOWN),
        impact_raw=category,
        url=f"{root}/#incident/{row.id}",
        started_at=started_at,
        updated_at=at,
        components=_components(row),
        updates=(update,),
    )


def _components(row: _Record) -> tuple[AffectedComponent, ...]:
    name = row.Okta_Sub_Service__c or row.Service_Feature__c or ""
    if not name:
        return ()
    cells = dict.fromkeys((row.Impacted_Cells__c or "").split(";", _MOST_CELLS)[:_MOST_CELLS])
    return tuple([AffectedComponent(name=name, group=cell.strip() or None) for cell in cells])
