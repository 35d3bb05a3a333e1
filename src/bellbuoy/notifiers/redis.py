"""Events into a stream of Redis or Valkey, in the order of each incident.

CloudEvents has no binding for Redis. An entry has one field, `data`: the whole event as JSON.
That is what Dapr's pub/sub writes and reads
(https://github.com/dapr/components-contrib/blob/main/pubsub/redis/redis.go, read on
2026-11-29), and one field cannot be taken apart. FastStream's own way of publishing has another
field of its own, and cannot ask on the same connection whether the entry is on disk, so only
its client is used.

What is acknowledged is what the server's settings make of it: with `appendfsync always` an entry
is on disk before the answer; with `everysec` a power cut can take the last second. `disk` asks
for the disk in any case (WAITAOF, https://redis.io/docs/latest/commands/waitaof/), `replicas` for
copies (WAIT).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bellbuoy.errors import DelayedError
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message, _brokers, _cloudevents
from bellbuoy.notifiers._brokers import Name
from bellbuoy.notifiers._link import AT_ONCE, Link

if TYPE_CHECKING:
    from redis.asyncio import Redis

api_version = 1
KIND = "redis"
at_once = AT_ONCE

CONNECTIONS = 8
"""How many connections there are to one server; each has one entry on its way."""

COPIES_WITHIN = 10.0
"""How long the disk or the replicas may take, in seconds."""


class Settings(BaseModel):
    """`stream` is written to at the server `url` (redis, or rediss for TLS).

    It keeps about `max_length` entries, all of them if that is None. `disk` waits until an
    entry is on disk, `replicas` until so many have it. `ca_file` holds authorities (PEM) in place
    of the system's.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    stream: Name = "bellbuoy"
    max_length: Annotated[int, Field(ge=1)] | None = 100_000
    disk: bool = False
    replicas: Annotated[int, Field(ge=0, le=100)] = 0
    ca_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _leads_to_redis(cls, url: SecretStr) -> SecretStr:
        _brokers.must_be_installed(KIND, "redis")
        _brokers.check_address(url.get_secret_value(), ("redis", "rediss"))
        return url


class _Stream:
    def __init__(self, settings: Settings, link: "Link[Redis]") -> None:
        self._settings = settings
        self._link = link
        self._connections = asyncio.Semaphore(CONNECTIONS)

    async def notify(self, message: Message) -> Receipt:
        entry: dict[Any, Any] = {"data": _cloudevents.structured(message)}
        async with self._connections:
            return await self._link.send(lambda client: self._add(client, entry))

    async def _add(self, client: "Redis", entry: dict[Any, Any]) -> str:
        settings, milliseconds = self._settings, int(COPIES_WITHIN * 1000)
        # One pipeline is one connection: the server waits for what came over it before.
        pipeline = client.pipeline(transaction=False)
        pipeline.xadd(settings.stream, entry, maxlen=settings.max_length, approximate=True)
        if settings.disk:
            pipeline.execute_command("WAITAOF", 1, settings.replicas, milliseconds)
        elif settings.replicas:
            pipeline.execute_command("WAIT", settings.replicas, milliseconds)
        added, *copies = await pipeline.execute(raise_on_error=False)
        if isinstance(added, Exception):
            raise added
        for each in copies:
            _check_copies(each, settings)
        return f"entry {added.decode()}"


def _check_copies(answer: Any, settings: Settings) -> None:
    """Raise DelayedError unless the entry is where it was to be; it is in the stream anyway."""
    if isinstance(answer, Exception):
        said = f"it cannot say what is on disk ({answer}); it takes Redis 7.2 and `appendonly yes`"
        raise DelayedError(f"{said}, or `disk: false` here", uncertain=True)
    on_disk, replicas = answer if settings.disk else (0, answer)
    if on_disk < settings.disk or replicas < settings.replicas:
        raise DelayedError(
            f"after {COPIES_WITHIN:g} s it is on {on_disk} disks and {replicas} replicas of "
            f"{int(settings.disk)} and {settings.replicas}",
            uncertain=True,
        )


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Stream]:
    """A way to the stream; who goes it first connects."""
    clients = await _brokers.loaded(KIND)
    url = settings.url.get_secret_value()
    link = Link(
        _brokers.place(url),
        lambda _: clients.client(settings),
        clients.meaning,
        _brokers.secrets(url),
    )
    try:
        yield _Stream(settings, link)
    finally:
        await link.close()
