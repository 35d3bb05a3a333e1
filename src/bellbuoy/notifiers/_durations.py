"""Lengths of time in the settings of receivers, written as everywhere in the config."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|)")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: Any) -> float:
    if isinstance(value, str) and (found := _WRITTEN.fullmatch(value.strip().lower())):
        return float(found[1]) * _UNITS[found[2]]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("is not a duration; write 500ms, 30s or 5m")  # noqa: TRY004 - pydantic takes this one
    return value


Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|)\s*$"},
            ],
            "description": "500ms, 30s, 5m, or a number of seconds",
        }
    ),
]
"""Seconds, from a number of them or from `500ms`, `30s`, `5m`, `2h`, `90d`."""
