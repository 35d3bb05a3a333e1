"""Instants as a person reads them on a terminal."""

from datetime import datetime


def local(at: datetime, timezone: str) -> str:
    """An instant in the zone of this IANA name, with the zone's short name."""
    from zoneinfo import ZoneInfo

    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S %Z}"
