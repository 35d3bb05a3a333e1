"""What settings of several kinds of receivers are: addresses, and a time zone."""

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

from pydantic import AfterValidator, SecretStr

from bellbuoy.notifiers import _wording as wording


def _http(address: str) -> str:
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not address.isprintable() or " " in address:
        raise ValueError("must be an http or https address")
    return address


def _base(address: str) -> str:
    if "?" in _http(address) or "#" in address:
        raise ValueError("must end with its path: no `?`, no `#`")
    return address.rstrip("/")


def _secret(address: SecretStr) -> SecretStr:
    _http(address.get_secret_value())
    return address


def _zone(name: str) -> str:
    try:
        wording.zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone, like Europe/Berlin") from None
    return name


BaseAddress = Annotated[str, AfterValidator(_base)]
"""Where an interface of a service begins; no slash at its end."""

SecretAddress = Annotated[SecretStr, AfterValidator(_secret)]
"""An http or https address that whoever knows it may post to."""

Zone = Annotated[str, AfterValidator(_zone)]
"""The IANA name of a time zone."""
