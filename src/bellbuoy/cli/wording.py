"""Instants, periods and matchers as a person reads them on a terminal."""

from datetime import datetime

from bellbuoy.model.delivery import Matcher
from bellbuoy.model.facts import Impact


def local(at: datetime, timezone: str) -> str:
    """An instant in the zone of this IANA name, with the zone's short name."""
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S %Z}"


def spoken_matcher(matcher: Matcher) -> str:
    """What a matcher asks for, in the words of the config; `everything` if for nothing."""
    said = [
        f"{name}: {', '.join(_words(value))}"
        for name in matcher.__struct_fields__
        if (value := getattr(matcher, name))
    ]
    return "; ".join(said) or "everything"


def _words(value: tuple[str, ...] | frozenset[Impact]) -> list[str]:
    if isinstance(value, frozenset):
        return [impact.value for impact in sorted(value, key=lambda impact: impact.rank)]
    return list(value)
