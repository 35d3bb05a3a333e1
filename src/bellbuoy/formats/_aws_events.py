"""AWS's `public/currentevents`, and the words that it shares with the older `data.json`.

Not documented; taken from recordings. The ARN of an event is:
https://docs.aws.amazon.com/health/latest/APIReference/API_Event.html
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from msgspec import Raw, Struct

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

RESOLVED = "[RESOLVED]"
"""Stands before the summary of what is over."""

# A few summaries are in several languages: "[解決済み]... | [RESOLVED] ...", some with U+FF5C.
_LANGUAGES = re.compile("[|\uff5c]")
_MARK = re.compile(r"\A\s*\[[^\]]{1,12}\]")

Text = str | None
Number = int | str | None
"""The same field is a number in one place and a text of digits in another."""

_IMPACTS = {1: Impact.MINOR, 2: Impact.MINOR, 3: Impact.MAJOR}
_COMPONENTS = {
    0: ComponentStatus.OPERATIONAL,
    1: ComponentStatus.DEGRADED,
    2: ComponentStatus.DEGRADED,
    3: ComponentStatus.MAJOR_OUTAGE,
}
_REGION = re.compile(r"-([a-z]{2,3}(?:-(?:gov|iso[a-z]?))?-[a-z]{4,9}-\d)\Z", re.ASCII)
_LAST_SECOND = 32_503_680_000  # the year 3000


class MessageRow(Struct):
    """One of `event_log`."""

    summary: Text = None
    message: Text = None
    status: Number = None
    timestamp: Number = None


class ServiceRow(Struct):
    """One of `impacted_services`, by its key."""

    service_name: Text = None
    current: Number = None
    max: Number = None


class ChangeRow(Struct):
    """One of `impacted_service_status_changes`; in milliseconds, unlike all other times."""

    timestamp: Number = None


class EventRow(Struct):
    """One event."""

    arn: Text = None
    date: Number = None
    status: Number = None
    service: Text = None
    service_name: Text = None
    summary: Text = None
    end_time: Number = None
    event_log: list[Raw] | None = None
    impacted_services: dict[str, Raw] | None = None
    impacted_service_status_changes: list[ChangeRow] | None = None


def read_event(raw: Raw, root: str) -> Incident | None:
    """One event with its messages oldest first; None if it has no ARN of AWS Health.

    `root` is the address of the dashboard.
    """
    row = decode_entry(raw, EventRow)
    if row is None or not row.arn or not _is_arn(row.arn) or row.event_log is None:
        return None
    messages = [message for one in row.event_log if (message := decode_entry(one, MessageRow))]
    services = _services(row)
    has_ended = instant(row.end_time) is not None or is_resolved(row.summary)
    told = [row.status, *(message.status for message in messages)]
    worst = worst_of([*told, *(service.max for service in services.values())])
    return Incident(
        id=row.arn,
        kind=IncidentKind.INCIDENT,
        title=title(row.summary),
        status=IncidentStatus.RESOLVED if has_ended else IncidentStatus.INVESTIGATING,
        status_raw=RESOLVED if is_resolved(row.summary) else spelt(row.status),
        impact=impact(worst),
        impact_raw=spelt(row.status if worst is None else worst),
        url=f"{root}/health/status?eventID={quote(row.arn, safe=':/')}",
        started_at=instant(row.date),
        updated_at=_updated(row, messages),
        resolved_at=instant(row.end_time),
        components=tuple(
            affected(key, service.service_name or key, component_status(service.current))
            for key, service in sorted(services.items())
        ),
        updates=_updates(messages, has_ended=has_ended),
    )


def _is_arn(text: str) -> bool:
    parts = text.split(":")
    return len(parts) > 5 and parts[0] == "arn" and parts[1][:3] == "aws" and parts[2] == "health"


def _services(row: EventRow) -> Mapping[str, ServiceRow]:
    """The services by their keys; an event about a single one names it nowhere else."""
    named = row.impacted_services or {}
    services = {key: one for key, raw in named.items() if (one := decode_entry(raw, ServiceRow))}
    if services or not row.service:
        return services
    return {row.service: ServiceRow(service_name=row.service_name, current=row.status)}


def _updates(messages: Iterable[MessageRow], *, has_ended: bool) -> tuple[IncidentUpdate, ...]:
    updates: list[IncidentUpdate] = []
    times_taken: Counter[str] = Counter()
    for row in messages:
        at = instant(row.timestamp)
        id = spelt(row.timestamp)
        times_taken[id] += 1
        is_end = has_ended and (is_resolved(row.summary) or _code(row.status) == 0)
        is_trouble = _code(row.status) in _IMPACTS
        status = IncidentStatus.INVESTIGATING if is_trouble else IncidentStatus.UNKNOWN
        updates.append(
            IncidentUpdate(
                id=id if times_taken[id] == 1 else f"{id}#{times_taken[id]}",
                status=IncidentStatus.RESOLVED if is_end else status,
                status_raw=spelt(row.status),
                body=row.message or "",
                at=at,
            )
        )
    return tuple(updates)


def _updated(row: EventRow, messages: Iterable[MessageRow]) -> datetime | None:
    """The latest of all times that an event holds: each step of its life adds one."""
    changes = row.impacted_service_status_changes or ()
    seconds = [number(row.date), number(row.end_time), *(number(m.timestamp) for m in messages)]
    seconds += [(number(change.timestamp) or 0) // 1_000 for change in changes]
    return instant(max((one for one in seconds if one is not None), default=None))


def affected(key: str, name: str, status: ComponentStatus) -> AffectedComponent:
    """A service in the region at the end of its key (`ec2-us-east-1`), if it has one."""
    region = _REGION.search(key[-32:])
    return AffectedComponent(id=key, name=name, group=region[1] if region else None, status=status)


def title(summary: Text) -> str:
    """A summary without the words that it is over."""
    text = (summary or "").strip()
    if "|" not in text and "\uff5c" not in text:
        return text.removeprefix(RESOLVED).strip()
    parts = _LANGUAGES.split(text)
    if is_resolved(text):
        parts = [_MARK.sub("", part) for part in parts]
    return " | ".join(part.strip() for part in parts)


def is_resolved(summary: Text) -> bool:
    """Whether a summary says that it is over; of several languages, whether English does."""
    if summary is None or RESOLVED not in summary:
        return False
    return summary.startswith(RESOLVED) or any(
        part.lstrip().startswith(RESOLVED) for part in _LANGUAGES.split(summary)
    )


def impact(status: Number) -> Impact:
    """How bad a status is. 0 says that nothing is wrong now, not that nothing was."""
    return _IMPACTS.get(_code(status), Impact.UNKNOWN)


def component_status(status: Number) -> ComponentStatus:
    """What a status says of a service."""
    return _COMPONENTS.get(_code(status), ComponentStatus.UNKNOWN)


def _code(status: Number) -> int:
    known = number(status)
    return -1 if known is None else known


def worst_of(statuses: Iterable[Number]) -> int | None:
    """The worst of the statuses that are known."""
    known = (number(status) for status in statuses)
    return max((status for status in known if status in _COMPONENTS), default=None)


def instant(seconds: Number) -> datetime | None:
    """Seconds since 1970 as an instant."""
    known = number(seconds)
    if known is None or not 0 < known < _LAST_SECOND:
        return None
    return datetime.fromtimestamp(known, UTC)


def number(value: Number) -> int | None:
    """A whole number in either spelling."""
    if isinstance(value, str):
        is_number = value.isascii() and value.isdecimal() and len(value) <= 18
        return int(value) if is_number else None
    return value


def spelt(value: Number) -> str:
    """A field as the vendor wrote it."""
    return "" if value is None else str(value)
