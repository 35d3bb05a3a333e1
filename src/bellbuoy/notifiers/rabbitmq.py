"""Events to an exchange of RabbitMQ, in the order of each incident.

Binary mode of the CloudEvents binding for AMQP: attributes as properties that begin with
`cloudEvents_`, the data as body. RabbitMQ calls these properties headers, and hands them to
AMQP 1.0 as what the binding means. The routing key has the words of `_cloudevents.words`.

Messages are persistent and mandatory. An event counts as delivered once the server confirmed it,
which it does for a quorum queue when most of its members have it on disk. One that reaches no
queue is given back, and tried again. Read on 2026-11-29:

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/amqp-protocol-binding.md
https://www.rabbitmq.com/docs/confirms
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from bellbuoy.errors import RefusedError
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message, _brokers, _cloudevents
from bellbuoy.notifiers._brokers import Name
from bellbuoy.notifiers._link import AT_ONCE, Link

if TYPE_CHECKING:
    from faststream.rabbit import RabbitBroker, RabbitExchange

api_version = 1
KIND = "rabbitmq"
at_once = AT_ONCE


class Settings(BaseModel):
    """Events are published to `exchange` at the server `url` (amqp, or amqps for TLS).

    The exchange is a durable one of type topic, and is made if it is not there. So is `queue`,
    if there is to be one: a quorum queue that gets all events, for one consumer at a time.
    `ca_file` holds authorities (PEM) in place of the system's.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    exchange: Name = "bellbuoy"
    queue: Name | None = None
    ca_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _leads_to_rabbitmq(cls, url: SecretStr) -> SecretStr:
        _brokers.must_be_installed(KIND, "aio_pika")
        _brokers.check_address(url.get_secret_value(), ("amqp", "amqps"))
        return url


class _Exchange:
    def __init__(
        self,
        exchange: "RabbitExchange",
        link: "Link[RabbitBroker]",
        too_large: Callable[[Exception, int], RefusedError | None],
    ) -> None:
        self._exchange = exchange
        self._link = link
        self._too_large = too_large

    async def notify(self, message: Message) -> Receipt:
        return await self._link.send(lambda broker: self._publish(broker, message))

    async def _publish(self, broker: "RabbitBroker", message: Message) -> str:
        attributes, content_type, data = _cloudevents.binary(message)
        key = ".".join(_cloudevents.words(message.event))
        try:
            await broker.publish(
                data,
                exchange=self._exchange,
                routing_key=key,
                headers={f"cloudEvents_{name}": text for name, text in attributes.items()},
                content_type=content_type,
                message_id=message.delivery.key,
                correlation_id=message.delivery.key,
                timestamp=message.event.observed_at,
                persist=True,
                mandatory=True,
            )
        except Exception as error:
            if refused := self._too_large(error, len(data)):
                raise refused from error
            raise
        return f"confirmed {key}"


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Exchange]:
    """A way to the exchange; who goes it first connects."""
    clients = await _brokers.loaded(KIND)
    url = settings.url.get_secret_value()
    link = Link(
        _brokers.place(url),
        lambda lose: clients.client(settings, lose),
        lambda error: clients.meaning(error, settings),
        _brokers.secrets(url),
    )
    try:
        yield _Exchange(clients.exchange(settings), link, clients.too_large)
    finally:
        await link.close()
