"""Apple's services and events as they come, and what they say in our words. Not documented."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw, Struct

from bellbuoy.formats._json import decode_entry
from bellbuoy.model.facts import (
    AffectedComponent,
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

_MOST_NAMED = 3
"""How many services a title names."""

_S = IncidentStatus
_STATUS = {"ongoing": _S.INVESTIGATING, "resolved": _S.RESOLVED, "completed": _S.COMPLETED}
_STATUS_OF_WORK = {**_STATUS, "ongoing": _S.IN_PROGRESS, "resolved": _S.COMPLETED}
_WORK = "Maintenance"
_IMPACTS = {"Outage": Impact.MAJOR, "Issue": Impact.MINOR, _WORK: Impact.NONE}
_COMPONENTS = {
    "Outage": ComponentStatus.MAJOR_OUTAGE,
    "Issue": ComponentStatus.DEGRADED,
    _WORK: ComponentStatus.MAINTENANCE,
}
_FIRST_YEAR, _LAST_YEAR = 1970, 3000
_FINE = ComponentStatus.OPERATIONAL
_LAST_MILLISECOND = 32_503_680_000_000  # the year 3000
_WIDEST_ZONE = timedelta(hours=15)

Text = str | None


class ServiceRow(Struct, rename="camel", gc=False):
    """One of `services`."""

    service_name: Text = None
    redirect_url: Raw | msgspec.UnsetType = msgspec.UNSET
    events: list[Raw] | None = None


class _EventHead(Struct, rename="camel", gc=False):
    """What must be known of an event even if nothing in it changed."""

    message_id: int | str | None = None
    status_type: Text = None
    event_status: Text = None

    @property
    def status(self) -> IncidentStatus:
        words = _STATUS_OF_WORK if self.status_type == _WORK else _STATUS
        return words.get((self.event_status or "").lower(), _S.UNKNOWN)

    @property
    def component_status(self) -> ComponentStatus:
        status = self.status
        if status.is_over:
            return _FINE
        unknown = ComponentStatus.UNKNOWN
        if status is _S.UNKNOWN:
            return unknown
        return _COMPONENTS.get(self.status_type or "", unknown)


class _EventRow(_EventHead, rename="camel", gc=False):
    message: Text = None
    date_posted: Text = None
    start_date: Text = None
    epoch_start_date: int | None = None
    epoch_end_date: int | None = None
    users_affected: Text = None
    affected_services: list[object] | None = None


class Told(Struct, frozen=True, gc=False):
    """An event as it stands below one service."""

    service: str
    raw: Raw


def read_component(name: str, service: ServiceRow, told: dict[str, list[Told]]) -> Component:
    """One service, as its events leave it; `told` takes in those events by their ids."""
    if not service.events:
        bare = _FINE if service.events is not None else ComponentStatus.UNKNOWN
        return Component(id=name, name=name, status=bare)
    status, word = _FINE, ""
    for raw in service.events:
        head = decode_entry(raw, _EventHead) or _EventHead()
        if head.message_id not in (None, ""):
            told.setdefault(str(head.message_id), []).append(Told(name, raw))
        left = head.component_status
        if left.rank > status.rank:
            status, word = left, head.status_type or ""
    return Component(id=name, name=name, status=status, status_raw=word)


def read_incident(id: str, places: Sequence[Told], url: str) -> Incident:
    """One event, as it stands below all of its services."""
    rows = [decode_entry(place.raw, _EventRow) or _EventRow() for place in places]
    row = rows[0]
    status, word, type = row.status, row.event_status or "", row.status_type or ""
    left = row.component_status
    names = _names(places, rows)
    posted = _posted(row)
    update = IncidentUpdate(
        id=f"latest:{row.date_posted or ''}",
        status=status,
        status_raw=word,
        body=_body(rows),
        at=posted,
    )
    return Incident(
        id=id,
        kind=IncidentKind.MAINTENANCE if type == _WORK else IncidentKind.INCIDENT,
        title=_title(names, type),
        status=status,
        status_raw=word,
        impact=_IMPACTS.get(type, Impact.UNKNOWN),
        impact_raw=type,
        url=url,
        started_at=_instant(row.epoch_start_date),
        scheduled_until=_instant(row.epoch_end_date) if type == _WORK else None,
        updated_at=posted,
        resolved_at=_instant(row.epoch_end_date) if status.is_over else None,
        components=tuple(AffectedComponent(id=name, name=name, status=left) for name in names),
        updates=(update,),
    )


def _names(places: Iterable[Told], rows: Iterable[_EventRow]) -> list[str]:
    """The services below which an event stands, and then those that it only names."""
    names = [place.service for place in places]
    for row in rows:
        names += [name for name in row.affected_services or () if isinstance(name, str) and name]
    return list(dict.fromkeys(names))


def _title(names: Sequence[str], word: str) -> str:
    more = len(names) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"{', '.join(names[:_MOST_NAMED])}{rest}: {word}".removesuffix(": ")


def _body(rows: Sequence[_EventRow]) -> str:
    texts = [row.message or "" for row in rows] + [row.users_affected or "" for row in rows]
    return "\n\n".join(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _posted(row: _EventRow) -> datetime | None:
    """When the message was posted, told by its distance to the start, which has an epoch too."""
    start = _instant(row.epoch_start_date)
    began, posted = _local(row.start_date), _local(row.date_posted)
    if start is None or began is None or posted is None or began[1] != posted[1]:
        return None
    is_a_zone = abs(began[0] - start) < _WIDEST_ZONE
    return start + (posted[0] - began[0]) if is_a_zone else None


def _local(text: Text) -> tuple[datetime, str] | None:
    """`07/29/2026 20:20 PDT` as a time that is only good for distances, and its zone's name."""
    date, _, rest = (text or "").partition(" ")
    time, _, zone = rest.partition(" ")
    try:
        month, day, year = map(int, date.split("/"))
        hour, minute = map(int, time.split(":"))
        at = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (at, zone) if zone and _FIRST_YEAR <= year < _LAST_YEAR else None


def _instant(milliseconds: int | None) -> datetime | None:
    if milliseconds is None or not 0 < milliseconds < _LAST_MILLISECOND:
        return None
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)
