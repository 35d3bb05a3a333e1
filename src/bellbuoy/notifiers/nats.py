"""Events into a stream of NATS JetStream, in the order of each incident.

Binary mode of the CloudEvents binding: attributes as `ce-` headers, the data as payload. A subject
has the words of `_cloudevents.words`. `Nats-Msg-Id` is the key for idempotency: JetStream keeps a
repeat out that comes within the stream's window for duplicates. An event counts as delivered once
the stream has acknowledged it. Read on 2026-11-29:

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md
https://docs.nats.io/using-nats/developer/develop_jetstream/model_deep_dive#message-deduplication
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message, _brokers, _cloudevents
from bellbuoy.notifiers._brokers import Name
from bellbuoy.notifiers._link import ANSWER_WITHIN, AT_ONCE, Link

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

api_version = 1
KIND = "nats"
at_once = AT_ONCE


class Settings(BaseModel):
    """`url` names one server or several, with commas between them (nats or tls).

    Events go to subjects below `subject` and into `stream`, which is made if it is not there.
    `credentials` is a file with a user's JWT and key. `ca_file` holds authorities (PEM) in place
    of the system's.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    stream: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100)] = "bellbuoy"
    subject: Name = "bellbuoy"
    credentials: Path | None = None
    ca_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _leads_to_nats(cls, url: SecretStr) -> SecretStr:
        _brokers.must_be_installed(KIND, "nats")
        for each in url.get_secret_value().split(","):
            _brokers.check_address(each, ("nats", "tls"))
        return url


class _Stream:
    def __init__(self, settings: Settings, link: "Link[NatsBroker]") -> None:
        self._settings = settings
        self._link = link

    async def notify(self, message: Message) -> Receipt:
        return await self._link.send(lambda broker: self._publish(broker, message))

    async def _publish(self, broker: "NatsBroker", message: Message) -> str:
        attributes, content_type, data = _cloudevents.binary(message)
        headers = {
            f"ce-{name}": _cloudevents.in_a_header(text) for name, text in attributes.items()
        }
        key = message.delivery.key
        acknowledged = await broker.publish(
            data,
            ".".join((self._settings.subject, *_cloudevents.words(message.event))),
            headers={**headers, "content-type": content_type, "Nats-Msg-Id": key},
            correlation_id=key,
            stream=self._settings.stream,
            timeout=ANSWER_WITHIN,
        )
        said = f"{acknowledged.stream} {acknowledged.seq}"
        return f"{said}, had it already" if acknowledged.duplicate else said


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Stream]:
    """A way to the stream; who goes it first connects."""
    clients = await _brokers.loaded(KIND)
    addresses = settings.url.get_secret_value().split(",")
    link = Link(
        ", ".join(map(_brokers.place, addresses)),
        lambda lose: clients.client(settings, lose),
        lambda error: clients.meaning(error, settings),
        [secret for each in addresses for secret in _brokers.secrets(each)],
    )
    try:
        yield _Stream(settings, link)
    finally:
        await link.close()
