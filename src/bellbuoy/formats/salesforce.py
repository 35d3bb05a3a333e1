"""Salesforce Trust: instances and what befalls them, by the API of status.salesforce.com.

    instances/status/preview, or products/<key> ──> every instance with its open incidents
         └─ an open incident is not listed any more?
              └─> incidents/<id> ──> whether all its impacts have ended

The API is described at https://api.status.salesforce.com/v1/docs, its status words at
https://github.com/salesforce/refocus-sgt-trust1; the rest was taken from recordings. A page is
the whole API or one product (`https://api.status.salesforce.com/v1/products/Tableau`). It is
recognised by the fields of its instances or of its texts (`localizations`), or as a web page by
Salesforce's own host.

Components are the active instances: the location is the region, the product is the group where
an instance has just one. An incident hangs under each instance that it hits, and is known by
its `id`. It has neither a title nor a status: the title is made of its services and the types
of its impacts (the texts for them are a document of 545 KB, too much to ask for), and it is
over when every impact has an end. Its impact is the worst severity. There is no window.

It cannot say: what was written of an incident, planned work, history, how the page stands.
No recording verified: a message (`IncidentEvents`, `message` and `additionalInformation` were
empty) and planned work (`Maintenances` were empty), so neither is read; an impact with an
`endTime`; a severity but `minor`; a status but `OK` and `MINOR_INCIDENT_CORE`; one incident
under two instances or within a product; the address of a single incident, which is read as the
same object, or not at all; how long an incident that is over stays in its instance.
"""

from collections.abc import Generator, Sequence
from hashlib import sha1
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from msgspec import Raw

from bellbuoy.errors import FetchError, ReadError, VisitError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._salesforce_wire import (
    IncidentRow,
    InstanceRow,
    Instances,
    ProductRow,
    is_instance,
    is_label,
    read_component,
    read_incident,
    spoken,
)
from bellbuoy.model.facts import Incident, Page, Part, Snapshot
from bellbuoy.model.known import Seen

api_version = 1
NAME = "salesforce"
PLATFORM: str | None = None
PROBES = ("v1/instances/status/preview?childProducts=false",)
HOSTS = ("api.status.salesforce.com", "status.salesforce.com")

_PRODUCTS = "/v1/products/"
_HOST = "status.salesforce.com"
_API = "https://api.status.salesforce.com"

_MOST_INSTANCES = 10_000
_MOST_ASKED = 5
"""How many incidents are asked for at their own addresses in one visit."""


def claims(response: Response) -> Claim | None:
    """Its instances, a product, its texts, or a web page on Salesforce's own host."""
    text = text_of(response).lstrip()
    if is_web_page(text):
        return _claim_of_host(response.url)
    try:
        if not text.startswith("{"):
            rows = msgspec.json.decode(text, type=Instances)
            root = page_root(response.url, {"v1"})
            is_own = bool(rows) and (is_instance(rows[0]) or is_label(rows[0]))
            return Claim(format=NAME, url=root, name="Salesforce") if is_own and root else None
        product = msgspec.json.decode(text, type=ProductRow)
    except (msgspec.DecodeError, RecursionError):
        return None
    url = canonical(response.url.partition("?")[0])
    is_own = bool(product.key and product.instances) and is_instance((product.instances or [])[0])
    return Claim(format=NAME, url=url, name=product.name or host(url)) if is_own and url else None


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read all instances, or those of a product. Raises ReadError if there is none."""
    is_product = _PRODUCTS in page.url
    response = yield _get(page.url if is_product else page.at(PROBES[0]))
    name, rows = "Salesforce", []
    if is_product:
        product = decode(response, ProductRow, format=NAME)
        name, rows = product.name or product.key, product.instances or []
    else:
        rows = decode(response, Instances, format=NAME)
    if not any(is_instance(raw) for raw in rows[:1]):
        place = "$.Instances" if is_product else "$"
        raise ReadError(response.url, NAME, place, "it does not begin with an instance")
    look = _Look(page, seen, rows)
    yield from _ask_missing(look)
    return look.snapshot(name)


def _get(url: str) -> Request:
    return Request.get(url, accept="application/json")


def _ask_missing(look: "_Look") -> Generator[Request, Response]:
    """Ask how the incidents ended that are not listed any more."""
    for id in look.unlisted()[:_MOST_ASKED]:
        try:
            response = yield _get(f"{look.root}/v1/incidents/{quote(id, safe='')}")
            look.take_end(id, decode(response, Raw, format=NAME))
        except FetchError as error:
            if error.status in {404, 410} and id in look.seen.missing:
                look.gone.add(id)
        except VisitError:
            continue


class _Look:
    """What one visit has found. Entries hold the hash of each incident's object by its id."""

    def __init__(self, page: Page, seen: Seen, rows: Sequence[Raw]) -> None:
        self.seen = seen
        self.root = page_root(page.url, {"v1"}) or page.url
        self.gone: set[str] = set()
        self._incidents: dict[str, Incident] = {}
        self._unchanged: set[str] = set()
        self._entries: dict[str, str] = {}
        self._id_of = {hash: id for id, hash in seen.entries.items()}
        read = [decode_entry(raw, InstanceRow) for raw in rows[:_MOST_INSTANCES]]
        instances = [row for row in read if row and row.key]
        self._components = {row.key: read_component(row) for row in instances if row.key}
        self._is_whole = len(instances) == len(rows)
        self._active = {row.key for row in instances if row.key and row.is_active is not False}
        # One object hangs under up to a thousand instances.
        told = dict.fromkeys(bytes(raw) for row in instances for raw in row.incidents or ())
        for raw in told:
            self._is_whole &= self._take(raw)

    def unlisted(self) -> Sequence[str]:
        """Known open incidents that no instance holds, those that are long missing first."""
        away = self.seen.open_ids - self._incidents.keys() - self._unchanged
        return sorted(away, key=lambda one: (one not in self.seen.missing, one))

    def take_end(self, id: str, raw: Raw) -> None:
        """Take in an incident's own object, if it says that it is over."""
        row = decode_entry(raw, IncidentRow)
        if row is not None and str(row.id) == id:
            incident = self._read(row)
            if not incident.is_open:
                self._incidents[id] = incident

    def snapshot(self, name: str | None) -> Snapshot:
        """All that was found."""
        parts = {Part.COMPONENTS, Part.OPEN_INCIDENTS} if self._is_whole else frozenset[Part]()
        return Snapshot(
            incidents=tuple(self._incidents.values()),
            components=tuple(
                self._components[key] for key in self._components if key in self._active
            ),
            complete=frozenset(parts),
            unchanged=frozenset(self._unchanged),
            entries=self._entries,
            gone=frozenset(self.gone),
            name=name,
            owes=bool(set(self.unlisted()) - self.gone),
        )

    def _take(self, raw: bytes) -> bool:
        """Take in an incident; returns whether it can be told from others."""
        hash = sha1(raw, usedforsecurity=False).hexdigest()[:20]
        known = self._id_of.get(hash)
        if known is not None:
            if known not in self._incidents:
                self._unchanged.add(known)
                self._entries[known] = hash
            return True
        row = decode_entry(raw, IncidentRow)
        if row is None or row.id in (None, ""):
            return False
        incident = self._read(row)
        held = self._incidents.get(incident.id)
        if held is None or _is_newer(incident, held):
            self._unchanged.discard(incident.id)
            self._incidents[incident.id] = incident
            self._entries[incident.id] = hash
        return True

    def _read(self, row: IncidentRow) -> Incident:
        people = self.root.replace("//api.", "//", 1)
        return read_incident(
            row, f"{people}/incidents/{quote(str(row.id), safe='')}", self._components
        )


def _claim_of_host(url: str) -> Claim | None:
    """The page behind a web page for people, which has no data of its own."""
    if host(url) != _HOST:
        return None
    path = urlsplit(url).path
    key = path.removeprefix("/products/").partition("/")[0] if path != "/products/" else ""
    is_product = path.startswith("/products/") and bool(key)
    address = urljoin(_API, f"{_PRODUCTS}{key}") if is_product else _API
    return Claim(format=NAME, url=address, name=spoken(key) if is_product else "Salesforce")


def _is_newer(incident: Incident, held: Incident) -> bool:
    times = (incident.updated_at, held.updated_at)
    return times[0] is not None and times[1] is not None and times[0] > times[1]
