"""What settings of every kind of broker say: an address with its password, and what it needs."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import Field

from bellbuoy.notifiers._link import unreachable

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=100)]
"""The name of a stream, an exchange, a queue or a topic: words with dots between them."""


def must_be_installed(kind: str, *libraries: str) -> None:
    """Raise ValueError with the cure if what a kind of receiver needs is not there."""
    if any(find_spec(name) is None for name in ("faststream", *libraries)):
        raise ValueError(f"needs FastStream: pip install 'bellbuoy[{kind}]'")


async def loaded(kind: str) -> Any:
    """The module with the client of this kind.

    To load its libraries takes up to a second, for which the loop must not stand still.
    """
    return await asyncio.to_thread(import_module, f"bellbuoy.notifiers._{kind}_client")


def check_address(address: str, schemes: Sequence[str]) -> None:
    """Raise ValueError unless it is `scheme://host`, with whatever else."""
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not address.isprintable() or " " in address:
        begins = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(
            f"must be {begins} and a host; signs of a password that mean something in an "
            "address are written as %XX"
        )


def place(address: str) -> str:
    """Where an address leads, without what lets one in."""
    return address.rpartition("@")[2].partition("://")[2] or address.rpartition("@")[2]


def secrets(address: str) -> Iterable[str]:
    """What lets one in, as it is written and as it is meant."""
    login = urlsplit(address).netloc.rpartition("@")[0]
    password = login.rpartition(":")[2]
    return filter(None, (address, password, unquote(password)))


def authorities(ca_file: Path | None) -> ssl.SSLContext:
    """Who vouches for a broker: those of the file, or the system's.

    Raises DelayedError if the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise unreachable(f"ca_file {ca_file} cannot be used: {problem}") from error
