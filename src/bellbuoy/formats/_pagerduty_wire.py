"""PagerDuty's wire shapes, and what an incident in them says.

The words and identities are told in `formats.pagerduty`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Raw, Struct

from bellbuoy.formats._instants import parse_iso
from bellbuoy.formats._json import decode_entry
from bellbuoy.formats._markup import to_text
from bellbuoy.formats._words import spelling
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)

MOST = 2_000
"""Entries of any list that are read."""

_STATUS = {
    "investigating": IncidentStatus.INVESTIGATING,
    "detected": IncidentStatus.INVESTIGATING,
    "resolved": IncidentStatus.RESOLVED,
}
_IMPACTS = {
    "all_good": Impact.NONE,
    "minor": Impact.MINOR,
    "major": Impact.MAJOR,
    "outage": Impact.CRITICAL,
}
COMPONENT_STATUSES = {
    "all_good": ComponentStatus.OPERATIONAL,
    "minor": ComponentStatus.DEGRADED,
    "major": ComponentStatus.PARTIAL_OUTAGE,
    "outage": ComponentStatus.MAJOR_OUTAGE,
}

Text = str | None
Rows = list[Raw] | None
Groups = Mapping[str, Text]
"""The heading above each service, by the service's id."""


class Service(Struct):
    """A service, or a heading over some; `Head_ID` is that of the heading, or -1."""

    id: Text = None
    name: Text = None
    Head_ID: str | int | float | None = None
    grouping_element: bool | None = None


class Hit(Struct):
    """A service as an update names it."""

    business_service_id: Text = None
    name: Text = None
    severity: Text = None


class UpdateRow(Struct):
    """A message; a postmortem has no status of its own."""

    id: Text = None
    status: Text = None
    severity: Text = None
    message: Text = None
    created_at: Text = None
    reported_at: Text = None
    updated_at: Text = None
    impacted_business_services: list[Hit] | None = None

    @property
    def at(self) -> datetime | None:
        """The time that it shows."""
        return parse_iso(self.reported_at or self.created_at or "")


class IncidentRow(Struct):
    """An incident, its updates newest first."""

    id: Text = None
    title: Text = None
    updates: Rows = None
    postmortem: UpdateRow | None = None

    @property
    def newest(self) -> UpdateRow | None:
        """Its newest update, the postmortem left out."""
        return decode_entry(self.updates[0], UpdateRow) if self.updates else None


def read_incident(
    row: IncidentRow, group_of: Groups, *, is_open: bool, has_messages: bool = True
) -> Incident:
    """One incident; `is_open` tells in which list it stood."""
    told = [
        update
        for raw in reversed((row.updates or ())[:MOST])
        if (update := decode_entry(raw, UpdateRow)) and update.id
    ]
    updates = [_update(update, update.status or "", has_text=has_messages) for update in told]
    status = updates[-1].status if updates else IncidentStatus.UNKNOWN
    word = updates[-1].status_raw if updates else ""
    if not is_open and not status.is_over:
        status = IncidentStatus.RESOLVED
    ended = next((one.at for one in reversed(updates) if one.status.is_over), None)
    if row.postmortem is not None and row.postmortem.id:
        updates.append(_update(row.postmortem, "postmortem", has_text=has_messages))
        status = IncidentStatus.POSTMORTEM if status.is_over else status
    worst = max((update.severity or "" for update in told), key=_rank, default="")
    return Incident(
        id=row.id or "",
        kind=IncidentKind.INCIDENT,
        title=row.title or "",
        status=status,
        status_raw=word,
        impact=_IMPACTS.get(spelling(worst), Impact.UNKNOWN),
        impact_raw=worst,
        started_at=next((one.at for one in updates if one.at), None),
        updated_at=next((one.at for one in reversed(updates) if one.at), None),
        resolved_at=ended if status.is_over else None,
        components=tuple(_components(told, group_of)),
        updates=tuple(updates) if has_messages else (),
    )


def _update(row: UpdateRow, word: str, *, has_text: bool) -> IncidentUpdate:
    is_postmortem = word == "postmortem"
    status = _STATUS.get(spelling(word), IncidentStatus.UNKNOWN)
    return IncidentUpdate(
        id=row.id or "",
        status=IncidentStatus.POSTMORTEM if is_postmortem else status,
        status_raw=word,
        body=to_text(row.message or "") if has_text else "",
        at=row.at,
        updated_at=parse_iso(row.updated_at or ""),
    )


def _components(told: Sequence[UpdateRow], group_of: Groups) -> Iterable[AffectedComponent]:
    """Every service that was ever hit, as the newest update that names it says."""
    parts: dict[str, AffectedComponent] = {}
    for update in told:
        for hit in hits(update):
            parts[hit.business_service_id or hit.name or ""] = AffectedComponent(
                id=hit.business_service_id or "",
                name=hit.name or "",
                group=group_of.get(hit.business_service_id or ""),
                status=COMPONENT_STATUSES.get(
                    spelling(hit.severity or ""), ComponentStatus.UNKNOWN
                ),
            )
    return parts.values()


def hits(update: UpdateRow | None) -> Iterator[Hit]:
    """The services that an update names."""
    for hit in ((update.impacted_business_services if update else None) or ())[:MOST]:
        if hit.business_service_id or hit.name:
            yield hit


def _rank(word: str) -> int:
    return _IMPACTS.get(spelling(word), Impact.UNKNOWN).rank
