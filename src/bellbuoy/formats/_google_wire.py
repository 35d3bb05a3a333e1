"""The wire shapes of Google's dashboards through the years, and what they say in our words.

Documented at https://status.cloud.google.com/incidents.schema.json. Since 2020 fields were
added and one was renamed, so every field may be missing, null or new.
"""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from msgspec import Raw, Struct, field

from bellbuoy.formats._instants import parse_iso, written
from bellbuoy.formats._json import decode_entry
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

MOST_PAIRS = 200
"""Most affected components of an incident. One of 2025 names 55 products and 61 locations."""

Text = str | None
Rows = list[Raw] | None
_ABSENT = Raw(b"null")

_IMPACTS = {
    "SERVICE_INFORMATION": Impact.NONE,
    "SERVICE_DISRUPTION": Impact.MINOR,
    "SERVICE_OUTAGE": Impact.MAJOR,
    "low": Impact.NONE,
    "medium": Impact.MINOR,
    "high": Impact.MAJOR,
}
_COMPONENTS = {
    # An information says that something is to be known of a product, not how it fares.
    Impact.MINOR: ComponentStatus.PARTIAL_OUTAGE,
    Impact.MAJOR: ComponentStatus.MAJOR_OUTAGE,
}
_AVAILABLE = "AVAILABLE"


class Named(Struct):
    """A product or a location."""

    id: Text = None
    title: Text = None


class UpdateRow(Struct):
    """One of `updates`."""

    created: Text = None
    modified: Text = None
    when: Text = None
    text: Text = None
    status: Text = None


class IncidentRow(Struct):
    """One incident. `number` is a number until 2021 and a text since."""

    id: Text = None
    number: int | str | None = None
    begin: Text = None
    created: Text = None
    end: Text = None
    modified: Text = None
    external_desc: Text = None
    updates: Rows = None
    most_recent_update: Raw = _ABSENT
    first_most_recent_update: Raw = field(default=_ABSENT, name="most-recent-update")
    severity: Text = None
    status_impact: Text = None
    service_key: Text = None
    service_name: Text = None
    affected_products: Rows = None
    currently_affected_locations: Rows = None
    previously_affected_locations: Rows = None


def is_mine(row: IncidentRow) -> bool:
    """Whether an entry has an identity and what no other engine's entries have together."""
    is_known = bool(row.id or (row.service_key and row.number is not None))
    newest = (row.most_recent_update, row.first_most_recent_update)
    has_newest = any(bytes(raw).startswith(b"{") for raw in newest)
    return is_known and row.external_desc is not None and bool(row.begin) and has_newest


def read_incident(row: IncidentRow, root: str) -> Incident:
    """One incident with its updates oldest first; `root` is the address of the dashboard."""
    resolved_at = _instant(row.end)
    is_over = resolved_at is not None
    word = row.status_impact or row.severity or ""
    impact = _IMPACTS.get(word, Impact.UNKNOWN)
    updates = _updates(row.updates or (), resolved_at)
    return Incident(
        id=row.id or f"{row.service_key}/{row.number}",
        kind=IncidentKind.INCIDENT,
        title=row.external_desc or "",
        status=IncidentStatus.RESOLVED if is_over else IncidentStatus.INVESTIGATING,
        status_raw=updates[-1].status_raw if updates else "",
        impact=impact,
        impact_raw=word,
        url=root + _path(row),
        started_at=_instant(row.begin) or _instant(row.created),
        updated_at=_instant(row.modified),
        resolved_at=resolved_at,
        components=_components(row, impact, is_over=is_over),
        updates=updates,
    )


def _path(row: IncidentRow) -> str:
    """Where the incident stands below the dashboard; `uri` says the same, but could say more."""
    if row.id:
        return f"/incidents/{quote(row.id, safe='')}"
    return f"/incident/{quote(row.service_key or '', safe='')}/{row.number}"


def _updates(rows: Sequence[Raw], end: datetime | None) -> tuple[IncidentUpdate, ...]:
    """Oldest first; the vendor lists them newest first, without an exception in recordings."""
    updates: list[IncidentUpdate] = []
    taken: dict[str, int] = {}
    for raw in reversed(rows):
        row = decode_entry(raw, UpdateRow)
        if row is None:
            continue
        created = _instant(row.created)
        id = written(created) if created else row.created or row.when or ""
        count = taken[id] = taken.get(id, 0) + 1
        updates.append(
            IncidentUpdate(
                id=id if count == 1 else f"{id}#{count}",
                status=_status(row.status or "", created, end),
                status_raw=row.status or "",
                body=row.text or "",
                at=created if row.when == row.created else _instant(row.when) or created,
                updated_at=created if row.modified == row.created else _instant(row.modified),
            )
        )
    return tuple(updates)


def _status(word: str, created: datetime | None, end: datetime | None) -> IncidentStatus:
    """What an update says of the incident's life; before 2021 it said nothing.

    When one more message follows the end, the vendor takes AVAILABLE off the one that told it
    and writes the incident's impact there: after the end, such a word says nothing of its life.
    """
    if word == _AVAILABLE:
        return IncidentStatus.UNKNOWN if end is None else IncidentStatus.RESOLVED
    is_after = end is not None and created is not None and created >= end
    is_trouble = word in _IMPACTS and not is_after
    return IncidentStatus.INVESTIGATING if is_trouble else IncidentStatus.UNKNOWN


def _components(
    row: IncidentRow, impact: Impact, *, is_over: bool
) -> tuple[AffectedComponent, ...]:
    products = _named(row.affected_products) or {row.service_key or "": row.service_name or ""}
    now = _named(row.currently_affected_locations)
    before = _named(row.previously_affected_locations)
    trouble = _COMPONENTS.get(impact, ComponentStatus.UNKNOWN)
    hit = ComponentStatus.OPERATIONAL if is_over else trouble
    locations = dict.fromkeys(before, ComponentStatus.OPERATIONAL) | dict.fromkeys(now, hit)
    places = sorted(locations.items()) or [(None, hit)]
    parts = sorted(products.items(), key=lambda part: (part[1], part[0]))
    if len(parts) * len(places) <= MOST_PAIRS:
        pairs = [(part, place) for part in parts for place in places]
    else:
        many = max(len(parts), len(places))
        pairs = [(parts[n % len(parts)], places[n % len(places)]) for n in range(many)]
    return tuple(
        AffectedComponent(
            id=id if location is None else f"{id}/{location}",
            name=name,
            group=location,
            status=status,
        )
        for (id, name), (location, status) in pairs[:MOST_PAIRS]
        if name
    )


def _named(rows: Rows) -> dict[str, str]:
    """Titles by ids; what has no id is known by its title."""
    if not rows:
        return {}
    read = (decode_entry(raw, Named) for raw in rows)
    return {row.id or row.title or "": row.title or row.id or "" for row in read if row}


def _instant(text: Text) -> datetime | None:
    return parse_iso(text) if text else None
