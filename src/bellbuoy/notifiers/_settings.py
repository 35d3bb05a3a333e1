"""What settings of several kinds of receivers are: addresses, periods, texts of a header."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, WithJsonSchema

_PERIOD = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|)")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def http_address(text: str) -> str:
    """An http or https address without a password, a query or a fragment; no slash at its end.

    Raises ValueError for anything else.
    """
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        parts, is_good = urlsplit(""), False
    if not is_good or not text.isprintable() or " " in text:
        raise ValueError("must be an http or https address")
    if "@" in parts.netloc:
        raise ValueError("must not hold a password; there are other settings for that")
    if parts.query or parts.fragment:
        raise ValueError("must end with the path, without '?' and '#'")
    return text.rstrip("/")


def seconds(value: Any) -> float:
    """Seconds, from a number of them or from `500ms`, `30s`, `5m`, `2h`. Raises ValueError."""
    if isinstance(value, str) and (found := _PERIOD.fullmatch(value.strip().lower())):
        value = float(found[1]) * _UNITS[found[2]]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("is not a duration; write 30s, 5m, 2h or a number of seconds")  # noqa: TRY004 - pydantic collects these
    return float(value)


def in_a_header(secret: SecretStr) -> SecretStr:
    """A secret that can stand in a header. Raises ValueError if it holds what cannot."""
    text = secret.get_secret_value()
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("must be printable ASCII on one line, and not empty")
    return secret


HttpAddress = Annotated[str, AfterValidator(http_address)]

Period = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|)\s*$"},
            ],
            "description": "30s, 5m, 2h, or a number of seconds",
        }
    ),
]

HeaderSecret = Annotated[SecretStr, AfterValidator(in_a_header)]
