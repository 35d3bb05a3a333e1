"""Status.io: the public status API of a page, one document at the vendor's own host.

    https://api.status.io/1.0/status/<24 hexadecimal digits>

Documented, with examples, at https://kb.status.io/developers/public-status-api. It needs no
key. A page's address is that of its document: the host of the page itself serves none.

- Recognised by `result.status_overall` with a code, beside the list `result.status`.
- An incident is known by its `_id`. Its messages have no id: each is known by its instant, and
  by its number among equal ones, so other words under it are an edit.
- Words are numbers. The state of a message: 100 investigating, 200 identified, 300 monitoring.
  The status of anything: 100 operational, 200 planned maintenance, 300 degraded, 400 partial and
  500 whole disruption; 600, a security issue, has no like here and is unknown.
- A component exists in places ("containers"): each pair is a component whose region is the
  place. An incident names components and places apart; those pairs that exist are its components
  (their `group` is the place).
- Planned work is scheduled while it stands in `upcoming`, in progress while in `active`.
- A list holds what goes on and nothing else, so there is no window.

Cannot say: how or when anything ended. It leaves its list, and absence is no end: what was
announced stays open until a document says otherwise, and none that was recorded does. The
address of an incident, and the name of the page, are not in the document either.

Does not decide what changed (`detection.merge`).

No recording verified: planned work (read as documented); a message of a state above 100; the
codes 200, 300, 500 and 600; an incident's last message; whether the feed of a page
(`/pages/<id>/rss`) tells the ends, which would settle it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha1

import msgspec
from msgspec import Raw, Struct, field

from bellbuoy.errors import ReadError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.formats import Claim
from bellbuoy.formats._addresses import canonical, host
from bellbuoy.formats._answers import text_of
from bellbuoy.formats._instants import parse_iso
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
NAME = "statusio"
PLATFORM: str | None = "statusio"
PROBES = ("1.0/status",)
HOSTS = ("api.status.io",)

_MOST_ENTRIES = 2_000
_ABSENT = Raw(b"null")

Text = str | None
Number = int | None
Rows = list[Raw] | None

_S = IncidentStatus
_STATES = {100: _S.INVESTIGATING, 200: _S.IDENTIFIED, 300: _S.MONITORING}

_C = ComponentStatus
_COMPONENTS = {
    100: _C.OPERATIONAL,
    200: _C.MAINTENANCE,
    300: _C.DEGRADED,
    400: _C.PARTIAL_OUTAGE,
    500: _C.MAJOR_OUTAGE,
}

_IMPACTS = {
    100: Impact.NONE,
    200: Impact.NONE,
    300: Impact.MINOR,
    400: Impact.MAJOR,
    500: Impact.CRITICAL,
}


class _Overall(Struct):
    status_code: Number = None


class _Maintenance(Struct):
    active: Rows = None
    upcoming: Rows = None


class _Result(Struct):
    status_overall: Raw = _ABSENT
    status: Rows = None
    incidents: Rows = None
    maintenance: Raw = _ABSENT


class _Document(Struct):
    result: Raw = _ABSENT


class _Place(Struct):
    """A component, or one of the places in which it exists."""

    id: Text = None
    name: Text = None
    status: Text = None
    status_code: Number = None
    containers: Rows = None


class _Named(Struct):
    id: Text = field(default=None, name="_id")
    name: Text = None


class _Message(Struct):
    details: Text = None
    state: Number = None
    status: Number = None
    datetime: Text = None


class _Row(Struct):
    """An incident, or planned work."""

    id: Text = field(default=None, name="_id")
    name: Text = None
    datetime_open: Text = None
    datetime_planned_start: Text = None
    datetime_planned_end: Text = None
    messages: Rows = None
    components_affected: Rows = None
    containers_affected: Rows = None


def claims(response: Response) -> Claim | None:
    """Its JSON, by the statuses in it; its address itself is canonical."""
    address = canonical(response.url)
    text = text_of(response).lstrip()
    if address is None or not text.startswith("{"):
        return None
    try:
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, RecursionError):
        return None
    result = decode_entry(document.result, _Result)
    overall = decode_entry(result.status_overall, _Overall) if result else None
    if result is None or result.status is None or overall is None or overall.status_code is None:
        return None
    return Claim(format=NAME, url=address, name=host(address))


def read(page: Page, seen: Seen) -> Exchange[Snapshot]:
    """Read the page. Raises ReadError if the document is not Status.io's."""
    response = yield Request.get(page.url, accept="application/json")
    result = decode_entry(decode(response, _Document, format=NAME).result, _Result)
    if result is None:
        raise ReadError(response.url, NAME, "$.result", "there is no such object")
    if result.status is None or decode_entry(result.status_overall, _Overall) is None:
        raise ReadError(response.url, NAME, "$.result.status", "it lists no statuses")
    components, is_whole = _read_components(result.status)
    incidents: list[Incident] = []
    unchanged: set[str] = set()
    entries: dict[str, str] = {}
    id_of = {hash: id for id, hash in seen.entries.items()}
    for raw, listed in _listed(result):
        # Work that begins moves to another list, and may stay the same in itself.
        hash = sha1(b"%b %b" % (listed.encode(), raw), usedforsecurity=False).hexdigest()[:20]
        id = id_of.get(hash)
        row = None if id is not None else decode_entry(raw, _Row)
        id = id if row is None else row.id
        if not id or id in entries:
            continue
        entries[id] = hash
        if row is None:
            unchanged.add(id)
        else:
            incidents.append(_read_incident(id, row, listed, components))
    return Snapshot(
        incidents=tuple(incidents),
        components=tuple(components.values()),
        complete=frozenset({Part.COMPONENTS}) if is_whole else frozenset(),
        unchanged=frozenset(unchanged),
        entries=entries,
    )


def _listed(result: _Result) -> Iterator[tuple[Raw, str]]:
    """Every entry with the status that its list gives it; none for an incident."""
    work = decode_entry(result.maintenance, _Maintenance) or _Maintenance()
    for rows, listed in (
        (result.incidents, ""),
        (work.active, _S.IN_PROGRESS.value),
        (work.upcoming, _S.SCHEDULED.value),
    ):
        for raw in (rows or ())[:_MOST_ENTRIES]:
            yield raw, listed


def _read_components(rows: list[Raw]) -> tuple[Mapping[str, Component], bool]:
    """The components by their ids, one for each place in which they exist."""
    components: dict[str, Component] = {}
    is_whole = len(rows) <= _MOST_ENTRIES
    for raw in rows[:_MOST_ENTRIES]:
        row = decode_entry(raw, _Place)
        if row is None or not row.id:
            is_whole = False
            continue
        places = [place for one in row.containers or () if (place := decode_entry(one, _Place))]
        for place in places or [row]:
            id = row.id if place is row else f"{row.id}/{place.id or place.name}"
            components[id] = Component(
                id=id,
                name=row.name or row.id,
                status=_COMPONENTS.get(place.status_code or 0, _C.UNKNOWN),
                status_raw=place.status or "",
                region=None if place is row else place.name,
            )
    return components, is_whole


def _read_incident(
    id: str, row: _Row, listed: str, components: Mapping[str, Component]
) -> Incident:
    messages = [one for raw in row.messages or () if (one := decode_entry(raw, _Message))]
    messages.sort(key=lambda one: one.datetime or "")
    kind = IncidentKind.MAINTENANCE if listed else IncidentKind.INCIDENT
    newest = messages[-1] if messages else _Message()
    return Incident(
        id=id,
        kind=kind,
        title=row.name or "",
        status=_S(listed) if listed else _STATES.get(newest.state or 0, _S.UNKNOWN),
        status_raw=_number(newest.state),
        impact=_IMPACTS.get(newest.status or 0, Impact.UNKNOWN),
        impact_raw=_number(newest.status),
        started_at=_instant(row.datetime_planned_start) or _instant(row.datetime_open),
        scheduled_until=_instant(row.datetime_planned_end),
        components=tuple(_affected(row, components)),
        updates=tuple(_read_updates(messages, kind)),
    )


def _read_updates(messages: list[_Message], kind: IncidentKind) -> Iterator[IncidentUpdate]:
    """Oldest first. A message of planned work leaves the status to the list."""
    taken: Counter[str] = Counter()
    is_incident = kind is IncidentKind.INCIDENT
    for one in messages:
        id = one.datetime or "no time"
        taken[id] += 1
        yield IncidentUpdate(
            id=id if taken[id] == 1 else f"{id}#{taken[id]}",
            status=_STATES.get(one.state or 0, _S.UNKNOWN) if is_incident else _S.UNKNOWN,
            status_raw=_number(one.state),
            body=one.details or "",
            at=_instant(one.datetime),
        )


def _affected(row: _Row, components: Mapping[str, Component]) -> Iterator[AffectedComponent]:
    """The pairs of components and places that an incident names and the page has."""
    places = [one for raw in row.containers_affected or () if (one := decode_entry(raw, _Named))]
    for raw in row.components_affected or ():
        one = decode_entry(raw, _Named)
        if one is None or not one.name:
            continue
        ids = [f"{one.id}/{place.id}" for place in places]
        known = [components[id] for id in ids if id in components]
        if not known:
            yield AffectedComponent(id=one.id or "", name=one.name)
        for component in known:
            yield AffectedComponent(
                id=component.id, name=one.name, group=component.region, status=component.status
            )


def _number(number: Number) -> str:
    return "" if number is None else str(number)


def _instant(text: Text) -> datetime | None:
    return parse_iso(text) if text else None
