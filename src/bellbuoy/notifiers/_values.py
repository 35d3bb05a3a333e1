"""What settings of several kinds of receivers are: addresses, what stands in a header, a zone."""

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
    parts = urlsplit(_http(address))
    if "@" in parts.netloc:
        raise ValueError("must not hold a password; there are other settings for that")
    if "?" in address or "#" in address:
        raise ValueError("must end with the path, without '?' and '#'")
    return address.rstrip("/")


def _secret(address: SecretStr) -> SecretStr:
    _http(address.get_secret_value())
    return address


def _in_a_header(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("must be printable ASCII on one line, and not empty")
    return secret


def _zone(name: str) -> str:
    try:
        wording.zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone, like Europe/Berlin") from None
    return name


BaseAddress = Annotated[str, AfterValidator(_base)]
"""Where an interface of a service begins; no slash at its end, no password in it."""

SecretAddress = Annotated[SecretStr, AfterValidator(_secret)]
"""An http or https address that whoever knows it may post to."""

HeaderSecret = Annotated[SecretStr, AfterValidator(_in_a_header)]
"""A secret that can stand in a header."""

Zone = Annotated[str, AfterValidator(_zone)]
"""The IANA name of a time zone."""
