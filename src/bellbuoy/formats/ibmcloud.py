"""IBM Cloud: the one document behind its status page.

    getEnhancedStatus ──> a year of incidents, among fifty times as many release notes and the like

The page is https://cloud.ibm.com/status, which loads https://cloud.ibm.com/status/getEnhancedStatus;
that is not documented, has some 2.4 MB and takes no parameters that make it less.

Recognised by its rows, which have a `recordID` and `crnMasks`, or as a web page by its own address.

Rows of the types `release_note` and `announcement` are no incidents and are left out. Those of
the type `maintenance` exist, but no recording holds one, so they are left out as well.

Identity: an incident's `id` (`INC9487644`). One outage may be many of them, one for each service,
which name the same `parentIncident`. There are no updates, only a description, which was empty in
every recorded incident; where there is one, it is an update under the row's `updateTime`.

Words: `resolved` is over. No other state was recorded; only words that are used everywhere are
read, all others are unknown. Severity 1 is critical, 2 major, 3 and 4 are minor. There is no title
other than the service's name where the short description is empty.

Components: each incident names its service in each of its regions (`us-south`; none if it is
`global`). The page's own list of services gives an empty status in every region, so it tells
nothing and is not read.

Window: incidents of about a year. What leaves it is not over for that; no list is complete.

Cannot say: how a service is, planned work, earlier messages.
No recording verified: an incident that is not over, severities other than 2, a description of an
incident, an incident of several services, rows whose `children` are not empty, the web page.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha1

from msgspec import Raw, Struct

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._markup import to_text
from bellbuoy.formats._words import incident_status
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
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
NAME = "ibmcloud"
PLATFORM: str | None = None
PROBES = ("getEnhancedStatus", "status/getEnhancedStatus")
HOSTS = ("cloud.ibm.com",)

_HOME = "https://cloud.ibm.com/status"
_DOCUMENT = PROBES[0]
_BELOW = frozenset({_DOCUMENT})
_INCIDENT = "incident"
_GLOBAL = "global"
_HEAD = 1_024
_MOST_ENTRIES = 2_000
_MOST_PAIRS = 200
"""Most affected components of an incident: services x regions."""

_IMPACTS = {1: Impact.CRITICAL, 2: Impact.MAJOR, 3: Impact.MINOR, 4: Impact.MINOR}
_LAST_MILLISECOND = 32_503_680_000_000  # the year 3000

Text = str | None
Number = int | str | None
"""The same field is a number in one row and an empty text in another."""


class _Document(Struct, rename={"status_items": "statusItems"}):
    status_items: list[Raw]
    resources: list[Raw]


class _Mark(Struct, rename={"record_id": "recordID", "crn_masks": "crnMasks"}):
    """What no other page's rows have."""

    type: Text = None
    record_id: Text = None
    crn_masks: list[Raw] | None = None


class _Head(Struct, gc=False):
    type: Text = None


class _Row(Struct, rename="camel"):
    id: Text = None
    name: Text = None
    state: Text = None
    sev: Number = None
    short_description: Text = None
    long_description: Text = None
    creation_time: Text = None
    outage_start: Number = None
    outage_end: Number = None
    update_time: Number = None
    regions: list[object] | None = None


class _Services(Struct, rename={"ids": "resourceIDs"}):
    ids: list[object] | None = None


def claims(response: Response) -> Claim | None:
    """Its document, or the web page at its own address."""
    address, root = canonical(response.url), page_root(response.url, _BELOW)
    if address is None or root is None:
        return None
    name = "IBM Cloud" if host(root) in HOSTS else host(root)
    if response.body[:_HEAD].lstrip()[:1] == b"<":
        is_home = address == _HOME or address.startswith((f"{_HOME}/", f"{_HOME}?"))
        is_own_page = is_home and is_web_page(text_of(response))
        return Claim(format=NAME, url=_HOME, name=name) if is_own_page else None
    try:
        rows = decode(response, _Document, format=NAME).status_items
    except ReadError:
        return None
    mark = decode_entry(rows[0], _Mark) if rows else None
    if mark is None or not (mark.type and mark.record_id) or mark.crn_masks is None:
        return None
    return Claim(format=NAME, url=root, name=name)


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the answer is not its document."""
    response = yield Request.get(page.at(_DOCUMENT), accept="application/json")
    document = decode(response, _Document, format=NAME)
    id_of = {hash: id for id, hash in seen.entries.items()}
    incidents: dict[str, Incident] = {}
    entries: dict[str, str] = {}
    for raw in _incidents(document):
        hash = sha1(raw, usedforsecurity=False).hexdigest()[:20]
        id = id_of.get(hash)
        if id is None:
            incident = _incident(raw, page.url)
            if incident is None:
                continue
            id = incident.id
            if id not in entries:
                incidents[id] = incident
        entries.setdefault(id, hash)
    starts = [one.started_at for one in incidents.values() if one.started_at]
    return Snapshot(
        incidents=tuple(incidents.values()),
        unchanged=frozenset(entries.keys() - incidents.keys()),
        entries=entries,
        window=Window(ids=frozenset(entries), floor=min(starts, default=None), is_full=False),
        name="IBM Cloud" if host(page.url) in HOSTS else None,
    )


def _incidents(document: _Document) -> Iterator[Raw]:
    """The few rows that are incidents."""
    count = 0
    for raw in document.status_items:
        head = decode_entry(raw, _Head)
        if head is not None and head.type == _INCIDENT and count < _MOST_ENTRIES:
            count += 1
            yield raw


def _incident(raw: Raw, url: str) -> Incident | None:
    row, services = decode_entry(raw, _Row), decode_entry(raw, _Services)
    if row is None or not row.id:
        return None
    status = incident_status(row.state or "")
    updated = _instant(row.update_time)
    body = to_text(row.long_description or "")
    update = IncidentUpdate(
        id=f"latest:{_spelt(row.update_time)}",
        status=status,
        status_raw=row.state or "",
        body=body,
        at=updated,
    )
    return Incident(
        id=row.id,
        kind=IncidentKind.INCIDENT,
        title=row.short_description or row.name or "",
        status=status,
        status_raw=row.state or "",
        impact=_impact(row.sev),
        impact_raw=_spelt(row.sev),
        url=url,
        started_at=_instant(row.outage_start) or parse_iso(row.creation_time or ""),
        updated_at=updated,
        resolved_at=_instant(row.outage_end) if status.is_over else None,
        components=_components(row, _texts(services.ids if services else None)),
        updates=(update,) if body else (),
    )


def _components(row: _Row, services: list[str]) -> tuple[AffectedComponent, ...]:
    """The services in each region; the name that the row gives is that of a single one."""
    is_single = len(services) == 1 and bool(row.name)
    regions = _texts(row.regions) or [_GLOBAL]
    status = incident_status(row.state or "")
    pairs = [(service, region) for service in services for region in regions]
    return tuple(
        AffectedComponent(
            id=f"{service}:{region}",
            name=(row.name if is_single else None) or service,
            group=None if region == _GLOBAL else region,
            status=ComponentStatus.OPERATIONAL if status.is_over else ComponentStatus.UNKNOWN,
        )
        for service, region in pairs[:_MOST_PAIRS]
    )


def _texts(values: list[object] | None) -> list[str]:
    return list(dict.fromkeys(one for one in values or () if isinstance(one, str) and one))


def _impact(severity: Number) -> Impact:
    return _IMPACTS.get(severity, Impact.UNKNOWN) if isinstance(severity, int) else Impact.UNKNOWN


def _spelt(value: Number) -> str:
    return "" if value is None else str(value)


def _instant(milliseconds: Number) -> datetime | None:
    """An epoch in milliseconds; 0 and an empty text mean that there is none."""
    if not isinstance(milliseconds, int) or not 0 < milliseconds < _LAST_MILLISECOND:
        return None
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)
