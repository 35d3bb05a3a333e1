"""Instants, spans and counts as a page says them; pure."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def ago(at: datetime, now: datetime) -> str:
    """How long something is ago, in its two largest units: `37 min`, `2 h 5 min`, `19 d`."""
    return span(now - at)


def span(length: timedelta) -> str:
    """A length of time in at most two units; below a minute in seconds, and never negative."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    for size, unit in _UNITS:
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            smaller = next(((s, u) for s, u in _UNITS if s < size), None)
            if smaller is None or whole >= 10 or rest < smaller[0]:
                return f"{whole} {unit}"
            return f"{whole} {unit} {rest // smaller[0]} {smaller[1]}"
    raise AssertionError(seconds)


def lag(length: timedelta) -> str:
    """How far one clock is behind another: `+41 s`; `−3 s` where it is ahead."""
    return f"−{span(-length)}" if length < timedelta() else f"+{span(length)}"


def clock(at: datetime) -> str:
    """The time of day in UTC, for those who read without JavaScript: `16:02`."""
    return f"{at.astimezone(UTC):%H:%M}"


@lru_cache(maxsize=1 << 14)
def stamp(at: datetime) -> str:
    """An instant in full, in UTC: `2026-11-20 16:02:11 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@lru_cache(maxsize=1 << 14)
def machine(at: datetime) -> str:
    """An instant as `<time datetime>` wants it: RFC 3339 with a Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def counted(count: int, what: str, several: str = "") -> str:
    """A number of things: `1 incident`, `2 incidents`, `2 deliveries`."""
    return f"{count} {what if count == 1 else several or f'{what}s'}"


_SHAPES = {
    "degraded": "minor",
    "partial_outage": "major",
    "major_outage": "critical",
}


def shape(state: str) -> str:
    """The icon of an impact or of a component's status, which says it without its colour."""
    return _SHAPES.get(state, state)


def safe_link(url: str) -> str:
    """A vendor's address where it may be followed, http or https; empty if it may not."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""
