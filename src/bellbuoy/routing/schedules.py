"""Quiet hours and the hours of digests, in people's own time zones. Pure.

Hours are wall time in an IANA zone. Where a clock change skips the hour that was written, the
instant is that much later; where the hour comes twice, the first one counts.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_MIDNIGHT = time()


class Window(Struct, frozen=True, kw_only=True):
    """A time of day on some days of the week, numbered from Monday (0).

    It begins on these days; if `end` is not after `begin` it ends on the next day.
    """

    days: frozenset[int] = frozenset(range(7))
    begin: time = _MIDNIGHT
    end: time = _MIDNIGHT


class Quiet(Struct, frozen=True, kw_only=True):
    """When a route is quiet: inside its windows, or with `outside` in all the time around them."""

    windows: tuple[Window, ...]
    timezone: str
    outside: bool = False


class Rhythm(Struct, frozen=True, kw_only=True):
    """When a route's digest goes out: at a time of day, on some days."""

    at: time
    timezone: str
    days: frozenset[int] = frozenset(range(7))


def parse_window(text: str) -> Window:
    """Read `22:00-07:00`, `mon-fri 22:00-07:00`, `sat,sun` or `sat-sun`.

    Raises ValueError that says what is expected.
    """
    words = text.lower().split()
    hours = words.pop() if words and words[-1][:1].isdigit() else "00:00-24:00"
    begin, dash, end = hours.partition("-")
    if not text.strip() or not dash or len(words) > 1:
        raise ValueError("must be like '22:00-07:00', 'mon-fri 22:00-07:00' or 'sat,sun'")
    days = parse_days(words[0]) if words else frozenset(range(7))
    return Window(days=days, begin=parse_time(begin), end=parse_time(end))


def parse_rhythm(text: str, timezone: str) -> Rhythm:
    """Read `daily 09:00`, `mon-fri 09:00` or `mon 09:00`. Raises ValueError."""
    days, _, at = text.lower().strip().rpartition(" ")
    if not days or not at:
        raise ValueError("must be like 'daily 09:00' or 'mon-fri 09:00'")
    every_day = days == "daily"
    return Rhythm(
        at=parse_time(at),
        timezone=timezone,
        days=frozenset(range(7)) if every_day else parse_days(days),
    )


def parse_days(text: str) -> frozenset[int]:
    """Read `mon-fri` or `sat,sun`. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"{text!r} is not days of the week; write them like 'mon-fri'")
        begin = DAYS.index(first)
        end = DAYS.index(last) if dash else begin
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found)


def parse_time(text: str) -> time:
    """Read `22:00`; `24:00` is the midnight at the end. Raises ValueError."""
    hour, colon, minute = text.partition(":")
    is_written = colon and hour.isdecimal() and minute.isdecimal() and len(minute) == 2
    if not is_written or int(hour) > 24 or int(minute) > 59 or (int(hour) == 24 and int(minute)):
        raise ValueError(f"{text!r} is not a time of day; write it like '22:00'")
    return time(int(hour) % 24, int(minute))


def quiet_until(quiet: Quiet, now: datetime) -> datetime | None:
    """When the quiet that holds now ends, in UTC; None if it is not quiet now.

    Quiet that never ends within two weeks ends then, so that nothing is held for ever.
    """
    spans = _joined(_spans(quiet, now))
    if quiet.outside:
        return _end_of_the_gap(spans, now)
    return next((end for begin, end in spans if begin <= now < end), None)


def next_digest(rhythm: Rhythm, now: datetime) -> datetime:
    """The first instant after now at which the digest goes out, in UTC."""
    zone = ZoneInfo(rhythm.timezone)
    today = now.astimezone(zone).date()
    return next(
        at
        for step in range(-1, 9)
        if (day := today + timedelta(days=step)).weekday() in rhythm.days
        and (at := _instant(day, rhythm.at, zone)) > now
    )


def _spans(quiet: Quiet, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every window that begins from two days before now to two weeks after, in UTC."""
    zone = ZoneInfo(quiet.timezone)
    today = now.astimezone(zone).date()
    for step in range(-2, 15):
        day = today + timedelta(days=step)
        for window in quiet.windows:
            if day.weekday() in window.days:
                last = day if window.end > window.begin else day + timedelta(days=1)
                yield _instant(day, window.begin, zone), _instant(last, window.end, zone)


def _joined(spans: Iterator[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same times, with what touches or overlaps made one."""
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _end_of_the_gap(spans: list[tuple[datetime, datetime]], now: datetime) -> datetime | None:
    if any(begin <= now < end for begin, end in spans):
        return None
    far = now + timedelta(days=14)
    return min((begin for begin, _ in spans if begin > now), default=far)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
