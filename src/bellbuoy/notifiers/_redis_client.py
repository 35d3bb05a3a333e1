"""A client of Redis, and what its answers mean."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from faststream.redis import RedisBroker
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from bellbuoy.errors import DeliveryError
from bellbuoy.notifiers import _brokers
from bellbuoy.notifiers._link import unreachable

if TYPE_CHECKING:
    from bellbuoy.notifiers.redis import Settings

_WANTED = {
    "AUTH": "user and password are refused; say them in `url`: redis://USER:PASSWORD@HOST",
    "NOAUTH": "it wants a password; say it in `url`: redis://USER:PASSWORD@HOST",
    "WRONGPASS": "user and password are refused; say them in `url`: redis://USER:PASSWORD@HOST",
    "NOPERM": "this user may not XADD to the stream; let it (ACL SETUSER)",
    "WRONGTYPE": "there is something else under the name of the stream; choose another `stream`",
    "OOM": "its memory is full; raise its `maxmemory`, or lower `max_length`",
    "READONLY": "it is a replica; `url` must lead to the primary",
    "MISCONF": "it cannot write to its disk, so it takes nothing",
}
"""What a person can mend, by the first word of the server's answer."""


@asynccontextmanager
async def client(settings: "Settings") -> AsyncGenerator[Redis]:
    """A client that has been let in. It tries nothing again by itself: that is the store's task."""
    url = settings.url.get_secret_value()
    options: dict[str, Any] = {"logger": None, "retry": Retry(NoBackoff(), 0)}
    if urlsplit(url).scheme == "rediss" and settings.ca_file:
        _brokers.authorities(settings.ca_file)
        options["ssl_ca_certs"] = str(settings.ca_file)
    broker = RedisBroker(url, **options)
    try:
        made = await broker.connect()
        await made.ping()
        yield made
    finally:
        await broker.stop()


def meaning(error: Exception) -> DeliveryError | None:
    """What it says of the message or the settings; None if it is the connection that fails."""
    if isinstance(error, DeliveryError):
        return error
    word = "AUTH" if isinstance(error, AuthenticationError) else str(error).split(" ", 1)[0]
    cure = _WANTED.get(word.rstrip(":"))
    return unreachable(cure) if cure else None
