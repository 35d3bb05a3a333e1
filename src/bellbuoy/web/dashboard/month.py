"""Planned work on the days of a month. Pure."""

from calendar import Calendar
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from bellbuoy.model.facts import IncidentStatus, Provider
from bellbuoy.model.known import KnownIncident
from bellbuoy.stores.retention import began_at, ended_at
from bellbuoy.web.addresses import incident_path, provider_path

MOST_IN_A_SQUARE = 3
"""How many entries a day shows; the others are counted."""

_GOES_ON = frozenset({IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING})
_FIRST, _LAST = date(1971, 1, 1), date(9000, 1, 1)


class Entry(Struct, frozen=True, kw_only=True):
    """Planned work. `ended_at` is None while it is not over; `parts` are what it names.

    `until` is the planned end, None where it is not known, and once it is over.
    """

    path: str
    provider: str
    provider_path: str
    title: str
    words: str
    began_at: datetime
    ended_at: datetime | None
    until: datetime | None
    is_on: bool
    is_over: bool
    parts: tuple[str, ...]


class Square(Struct, frozen=True, kw_only=True):
    """One day of the calendar; `is_outside` where it belongs to another month."""

    day: date
    is_today: bool
    is_outside: bool
    entries: tuple[Entry, ...]
    more: int


class DayOf(Struct, frozen=True, kw_only=True):
    """The planned work that begins on one day."""

    day: date
    entries: tuple[Entry, ...]


def entry(page_key: str, provider: Provider, work: KnownIncident) -> Entry:
    """Planned work as it is shown."""
    return Entry(
        path=incident_path(page_key, work.key),
        provider=provider.name,
        provider_path=provider_path(provider.slug),
        title=work.title,
        words=work.status.value.replace("_", " "),
        began_at=began_at(work),
        ended_at=ended_at(work),
        until=work.scheduled_until if work.is_open else None,
        is_on=work.is_open and work.status in _GOES_ON,
        is_over=not work.is_open,
        parts=tuple(part.name for part in work.components),
    )


def parse_month(text: str, today: date) -> date:
    """The first day of a month that is written `2026-11`; this month if nothing is.

    Raises ValueError that says what is expected.
    """
    if not text:
        return today.replace(day=1)
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        found = None
    if found is None or not _FIRST <= found <= _LAST:
        raise ValueError("is not a month; write it as 2026-11")
    return found


def bounds(first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of the calendar's sheet of a month, and the first after it."""
    sheet = days_of(first)
    last = sheet[-1] + timedelta(days=1)
    return _midnight(sheet[0], zone), _midnight(last, zone)


def days_of(first: date) -> list[date]:
    """The days on a month's sheet: whole weeks, from Monday."""
    return list(Calendar().itermonthdates(first.year, first.month))


def weeks(
    first: date, entries: Iterable[Entry], now: datetime, zone: ZoneInfo
) -> tuple[tuple[Square, ...], ...]:
    """A month's sheet. Work that goes on stands on every day until today, or its planned end."""
    today = now.astimezone(zone).date()
    sheet = days_of(first)
    on_day: Mapping[date, list[Entry]] = {day: [] for day in sheet}
    for one in sorted(entries, key=lambda one: (one.began_at, one.provider, one.path)):
        for day in touched(one, now, zone):
            if day in on_day:
                on_day[day].append(one)
    squares = [
        Square(
            day=day,
            is_today=day == today,
            is_outside=day.month != first.month,
            entries=tuple(on_day[day][:MOST_IN_A_SQUARE]),
            more=max(len(on_day[day]) - MOST_IN_A_SQUARE, 0),
        )
        for day in sheet
    ]
    return tuple(tuple(squares[at : at + 7]) for at in range(0, len(squares), 7))


def touched(one: Entry, now: datetime, zone: ZoneInfo) -> Sequence[date]:
    """The days on which planned work is shown; of what never seems to end, at most a year."""
    ended = one.ended_at or max(now if one.is_on else one.began_at, one.until or one.began_at)
    begins = one.began_at.astimezone(zone).date()
    length = (max(ended, one.began_at).astimezone(zone).date() - begins).days
    return [begins + timedelta(days=step) for step in range(min(length, 366) + 1)]


def by_day(entries: Iterable[Entry], zone: ZoneInfo) -> tuple[DayOf, ...]:
    """What begins on which day, in order."""
    found: dict[date, list[Entry]] = {}
    for one in sorted(entries, key=lambda one: (one.began_at, one.provider, one.path)):
        found.setdefault(one.began_at.astimezone(zone).date(), []).append(one)
    return tuple(DayOf(day=day, entries=tuple(some)) for day, some in found.items())


def neighbour(first: date, step: int) -> str:
    """The month before (-1) or after (1), as it is written in an address."""
    near = first - timedelta(days=1) if step < 0 else first + timedelta(days=31)
    return f"{near:%Y-%m}"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
