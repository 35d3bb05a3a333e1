"""Instants, counts and matchers as a person reads them on a terminal."""

from datetime import datetime

from bellbuoy.model.delivery import Matcher
from bellbuoy.model.facts import Impact
from bellbuoy.text import clean_line


def local(at: datetime, timezone: str) -> str:
    """An instant in the zone of this IANA name, with the zone's short name."""
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S %Z}"


def counted(count: int, what: str, several: str = "") -> str:
    """A number of things: `1 event`, `2 events`, `2 deliveries`."""
    return f"{count} {what if count == 1 else several or f'{what}s'}"


def plain_matcher(matcher: Matcher) -> dict[str, list[str]]:
    """A matcher as plain values, each in one order; what asks for nothing is an empty list."""
    return {name: _words(getattr(matcher, name)) for name in matcher.__struct_fields__}


def spoken_matcher(matcher: Matcher) -> str:
    """What a matcher asks for, in the words of the config; `everything` if for nothing."""
    said = [
        f"{name}: {', '.join(words)}" for name, words in plain_matcher(matcher).items() if words
    ]
    return clean_line("; ".join(said) or "everything", 500)


def _words(value: tuple[str, ...] | frozenset[Impact]) -> list[str]:
    if isinstance(value, frozenset):
        return [impact.value for impact in Impact if impact in value]
    return list(value)
