"""Lengths of time as people write them in a config, for the rooms that read settings."""

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|)")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(value: Any) -> float:
    """Seconds, from a number of them or from `500ms`, `30s`, `5m`, `2h`, `90d`.

    Raises ValueError with "what is wrong; the cure".
    """
    cure = "write 500ms, 30s, 5m, 2h, 90d or a number of seconds"
    number = value
    if isinstance(value, str) and (found := _WRITTEN.fullmatch(value.strip().lower())):
        number = float(found[1]) * _UNITS[found[2]]
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise ValueError(f"{_shown(value)} is not a duration; {cure}")  # noqa: TRY004 - pydantic collects these
    try:
        seconds = float(number)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"{_shown(value)} is not a length of time above zero; {cure}")
    return seconds


def spoken(seconds: float) -> str:
    """A duration as a person would write it."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


Duration = Annotated[
    float,
    BeforeValidator(duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|)\s*$"},
            ],
            "description": "500ms, 30s, 5m, 2h, 90d, or a number of seconds",
        }
    ),
]
"""Seconds in a pydantic model."""
