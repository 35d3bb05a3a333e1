"""Instants as vendors write them. A zone is read or the instant is not known: never assumed.

The syntaxes are RFC 3339 (https://www.rfc-editor.org/rfc/rfc3339) and RFC 5322, 3.3
(https://www.rfc-editor.org/rfc/rfc5322#section-3.3), which RSS uses.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from msgspec import to_builtins

_LONGEST = 64
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_UTC_NAMES = frozenset({"z", "ut", "utc", "gmt"})
_RFC822 = re.compile(
    r"(?:[a-z]{3,9}, *)?(\d{1,2}) +([a-z]{3})[a-z]* +(\d{4}) +(\d{1,2}):(\d{2})(?::(\d{2}))?"
    r" +([a-z]{1,5}|[+-]\d{2}:?\d{2})",
    re.ASCII | re.IGNORECASE,
)


def parse_iso(text: str) -> datetime | None:
    """The instant in UTC; None if it is malformed, names no zone, or is the year 1 ("never")."""
    return None if len(text) > _LONGEST else _iso(text)


def parse_rfc822(text: str) -> datetime | None:
    """The instant in UTC; None if it is malformed or its zone is not an offset or a name of UTC.

    PST and PDT are not read: RFC 5322 fixes their offsets, but vendors write either all year.
    """
    return None if len(text) > _LONGEST else _rfc822(text)


def in_utc(at: datetime | None) -> datetime | None:
    """An instant in UTC; None if it names no zone, or is the year 1 ("never")."""
    return None if at is None else _utc(at)


def written(at: datetime) -> str:
    """An instant in UTC as `datetime.isoformat` writes it, in a fifth of its time."""
    return f"{str(to_builtins(at))[:-1]}+00:00"


@lru_cache(1024)
def _rfc822(text: str) -> datetime | None:
    found = _RFC822.fullmatch(text.strip())
    if found is None or found[2].lower() not in _MONTHS:
        return None
    zone = _zone(found[7])
    if zone is None:
        return None
    numbers = (int(found[3]), _MONTHS.index(found[2].lower()) + 1, int(found[1]))
    try:
        at = datetime(*numbers, int(found[4]), int(found[5]), int(found[6] or 0), tzinfo=zone)
    except ValueError:
        return None
    return _utc(at)


@lru_cache(1024)  # One instant often stands in several fields, and in many entries.
def _iso(text: str) -> datetime | None:
    text = text.strip()
    if not text.isascii():
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _utc(at)


def _zone(text: str) -> timezone | None:
    if text.lower() in _UTC_NAMES:
        return UTC
    if text[0] not in "+-":
        return None
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    try:
        return timezone(-offset if text[0] == "-" else offset)
    except ValueError:
        return None


def _utc(at: datetime) -> datetime | None:
    if at.tzinfo is None or at.year <= 1:
        return None
    if at.tzinfo is UTC:
        return at
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return None
