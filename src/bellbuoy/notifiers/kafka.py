"""Events into a topic of Kafka, in the order of each incident.

Binary mode of the CloudEvents binding: attributes as `ce_` headers, the data as value, and the
attribute `partitionkey` as key
(https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md,
read on 2026-11-29). So all events of an incident are in one partition.

The producer is idempotent and waits for all replicas in sync
(https://github.com/confluentinc/librdkafka/blob/master/INTRODUCTION.md#idempotent-producer): what
the library sends again by itself is there once, and in its order. It reconnects by itself, too;
only if nothing is acknowledged for 25 s, it is given up and a new one is made.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message, _brokers, _cloudevents
from bellbuoy.notifiers._brokers import Name
from bellbuoy.notifiers._link import AT_ONCE, Link, forget

if TYPE_CHECKING:
    from faststream.confluent import KafkaBroker

api_version = 1
KIND = "kafka"
at_once = AT_ONCE

Server = Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$")]


class Settings(BaseModel):
    """Events go into `topic`; `servers` (HOST:PORT) lead to the cluster.

    Who says `user` and `password` logs in by `mechanism`. With `tls` the way is encrypted;
    `ca_file` holds authorities (PEM) in place of the system's.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    servers: Annotated[tuple[Server, ...], Field(min_length=1, max_length=100)]
    topic: Name = "bellbuoy"
    user: str = ""
    password: SecretStr | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    tls: bool = False
    ca_file: Path | None = None

    @field_validator("servers", mode="before")
    @classmethod
    def _one_is_a_list(cls, servers: object) -> object:
        _brokers.must_be_installed(KIND, "confluent_kafka")
        return [servers] if isinstance(servers, str) else servers

    @model_validator(mode="after")
    def _login_is_whole(self) -> "Settings":
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together: say both or none")
        if self.ca_file is not None and not self.tls:
            raise ValueError("ca_file is for an encrypted way: say `tls: true`, too")
        return self


class _Topic:
    def __init__(self, settings: Settings, link: "Link[KafkaBroker]") -> None:
        self._topic = settings.topic
        self._link = link

    async def notify(self, message: Message) -> Receipt:
        return await self._link.send(lambda broker: self._produce(broker, message))

    async def _produce(self, broker: "KafkaBroker", message: Message) -> str:
        attributes, content_type, data = _cloudevents.binary(message)
        headers = {f"ce_{name}": text for name, text in attributes.items()}
        producing = asyncio.ensure_future(
            broker.publish(
                data,
                self._topic,
                key=attributes["partitionkey"].encode(),
                headers={**headers, "content-type": content_type},
                correlation_id=message.delivery.key,
            )
        )
        producing.add_done_callback(forget)
        # FastStream's future takes no answer once it is cancelled, and one comes in any case.
        stored = await asyncio.shield(producing)
        return f"partition {stored.partition()}, offset {stored.offset()}" if stored else "stored"


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Topic]:
    """A way to the topic; who goes it first connects."""
    clients = await _brokers.loaded(KIND)
    link = Link(
        ", ".join(settings.servers),
        lambda lose: clients.client(settings, lose),
        lambda error: clients.meaning(error, settings),
        [settings.password.get_secret_value()] if settings.password else (),
    )
    try:
        yield _Topic(settings, link)
    finally:
        await link.close()
