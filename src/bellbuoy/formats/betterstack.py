"""Better Stack (once Better Uptime): `index.json`, one document that holds the whole page.

    data                       the page
    included
      status_page_section      groups
      status_page_resource     components, with 90 days of their past, which is not read
      status_report            incidents and planned work ──> status_update, in no order

Documented at
https://betterstack.com/docs/uptime/status-pages/subscribing-to-status-updates/subscribing-to-api.
It needs no key.

- Recognised by `data.type` with the page's own attributes, or by a web page whose icon is one
  of the vendor's for status pages.
- A report and an update are known by their ids, so an edit is told from a new message.
- Words: a report is over when `aggregate_state` is "resolved" (`ends_at` stays null); what is
  not over says how bad it is ("degraded", "downtime"), never how far it is: that is
  `investigating`. An update ends a report when it says "resolved" of every component. The impact
  is the worst word of any update: degraded minor, downtime major. "not_monitored" is unknown.
- Planned work has one word from its announcement to its end. It has begun when the server's
  clock (`Date`) or the time of a message is not before `starts_at`; a message counts by its own
  time alone.
- Window: the reports that the page shows, as many as it likes: no overflow can be told. Absence
  is no fact, for reports have no address by which a withdrawn one could be told.
- A report is known by the hash of its bytes and of its updates.

Cannot say: regions; the address of a report; components that a report names but the page no
longer has. `announcement`, a line of text without an id or a time, is not read.

The feed of a page (`/feed`) says less: `formats.feed` reads it. Does not decide what changed
(`detection.merge`).

No recording verified: a report that is not over, and so the words "degraded", "downtime" and
"maintenance" of one (each was recorded of an update or a component, or is documented); planned
work before its end; reports of the type "automatic"; a component in trouble.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha1

import msgspec
from msgspec import Raw

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import host, page_root
from bellbuoy.formats._answers import is_web_page, text_of
from bellbuoy.formats._betterstack_wire import (
    Document,
    Object,
    linked,
    name_of,
    read_components,
    read_report,
)
from bellbuoy.formats._betterstack_wire import Page as PageRow
from bellbuoy.formats._instants import parse_iso, parse_rfc822
from bellbuoy.formats._json import decode, decode_entry
from bellbuoy.formats._markup import Tag, tokens
from bellbuoy.model.facts import Incident, IncidentStatus, Page, Part, Snapshot, Window
from bellbuoy.model.known import Seen

api_version = 1
NAME = "betterstack"
PLATFORM: str | None = "betterstack"
PROBES = ("index.json",)

_PAGE, _SECTION, _RESOURCE = "status_page", "status_page_section", "status_page_resource"
_REPORT, _UPDATE = "status_report", "status_update"

_BELOW = frozenset(
    {"index.json", "feed", "incidents", "incident", "maintenance", "updates", "overview"}
    | {"scheduled-maintenances", "sections"}
)
_ICON = "https://uptime.betterstack.com/assets/status_pages"
"""How the address of the icon of every status page begins."""

_HEAD = 65_536
_MOST_OBJECTS = 5_000


def claims(response: Response) -> Claim | None:
    """Its JSON, by the type of its object, or its web page, by the vendor's icon."""
    root = page_root(response.url, _BELOW)
    text = text_of(response)[:_HEAD].lstrip()
    if root is None:
        return None
    if text.startswith("{"):
        name = _name_in_json(response)
    else:
        name = _title(text) if is_web_page(text) and f'href="{_ICON}' in text else None
    return None if name is None else Claim(format=NAME, url=root, name=name or host(root))


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if `index.json` is not Better Stack's."""
    response = yield Request.get(page.at("index.json"), accept="application/json")
    document = decode(response, Document, format=NAME)
    data = decode_entry(document.data, Object)
    if data is None or data.type != _PAGE:
        raise ReadError(response.url, NAME, "$.data", f"it is not an object of type {_PAGE}")
    if document.included is None:
        raise ReadError(response.url, NAME, "$.included", "there is no such list")
    objects = _by_type(document.included)
    components = read_components(objects[_RESOURCE], objects[_SECTION])
    now = parse_rfc822(response.headers.get("date", ""))
    incidents: list[Incident] = []
    unchanged: set[str] = set()
    entries: dict[str, str] = {}
    for id, report in objects[_REPORT].items():
        updates = _updates(report, objects[_UPDATE])
        hash = _hash(report, updates)
        if _is_same(seen.entries.get(id, ""), hash, now):
            unchanged.add(id)
            entries[id] = seen.entries[id]
            continue
        incident = read_report(id, report.attributes, updates, components, now)
        if incident is not None:
            incidents.append(incident)
            entries[id] = hash + _due(incident)
    head = decode_entry(data.attributes, PageRow)
    is_whole = components.keys() == set(linked(data.relationships, "resources"))
    return Snapshot(
        incidents=tuple(incidents),
        components=tuple(components.values()),
        complete=frozenset({Part.COMPONENTS}) if is_whole else frozenset(),
        unchanged=frozenset(unchanged),
        entries=entries,
        window=Window(
            ids=frozenset(entries),
            floor=min((one.started_at for one in incidents if one.started_at), default=None),
            is_full=False,
        ),
        name=head.company_name if head else None,
    )


def _by_type(included: Sequence[Raw]) -> Mapping[str, Mapping[str, Object]]:
    """The objects that have an id, by their types, in the document's order."""
    objects: dict[str, dict[str, Object]] = {
        type: {} for type in (_SECTION, _RESOURCE, _REPORT, _UPDATE)
    }
    for raw in included[:_MOST_OBJECTS]:
        one = decode_entry(raw, Object)
        if one is not None and one.type in objects and (id := name_of(one.id)):
            objects[one.type][id] = one
    return objects


def _updates(report: Object, updates: Mapping[str, Object]) -> list[tuple[str, Raw]]:
    """The updates to which a report is related, each with its attributes."""
    ids = dict.fromkeys(linked(report.relationships, "status_updates"))
    return [(id, updates[id].attributes) for id in ids if id in updates]


def _hash(report: Object, updates: Sequence[tuple[str, Raw]]) -> str:
    """A hash of all that a report says; its updates come in no order."""
    digest = sha1(report.attributes, usedforsecurity=False)
    for id, attributes in sorted(updates, key=lambda update: update[0]):
        digest.update(f"\x1f{id}\x1f".encode())
        digest.update(attributes)
    return digest.hexdigest()[:20]


def _due(incident: Incident) -> str:
    """When planned work that has not begun would begin, as it follows the hash."""
    is_waiting = incident.status is IncidentStatus.SCHEDULED and incident.started_at
    return f" {incident.started_at.isoformat()}" if is_waiting and incident.started_at else ""


def _is_same(held: str, hash: str, now: datetime | None) -> bool:
    """Whether a report says what it said, and no clock has begun its work since."""
    known, _, due = held.partition(" ")
    begins_at = parse_iso(due)
    return known == hash and not (begins_at and now and now >= begins_at)


def _name_in_json(response: Response) -> str | None:
    try:
        document = msgspec.json.decode(response.body, type=Document)
    except (msgspec.DecodeError, RecursionError):
        return None
    data = decode_entry(document.data, Object)
    head = decode_entry(data.attributes, PageRow) if data and data.type == _PAGE else None
    if head is None or head.aggregate_state is None or not (head.subdomain or head.custom_domain):
        return None
    return head.company_name or ""


def _title(text: str) -> str:
    """What "BuildJet status" is about."""
    stream = tokens(text)
    for token in stream:
        if isinstance(token, Tag) and token.name == "title" and token.begins:
            title = next(stream, "")
            words = " ".join(title.split()) if isinstance(title, str) else ""
            return words.removesuffix(" status").removesuffix(" Status")
    return ""
