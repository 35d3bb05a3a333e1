"""Events to an address of the operator's, signed as Standard Webhooks say.

The body is the CloudEvent of the event (`mode: structured`), or its data alone, with the rest
of it in `ce-` headers (`mode: binary`). `webhook-id` is the same at every attempt: the
receiver's key for idempotency. While a secret is being changed, `webhook-signature` holds a
signature with each. The signature covers id, time and body, not the other headers:

- `bellbuoy-occasion`: why the event is sent now, unless it is because it happened:
  `already open`, `reminder` or `ahead`;
- `bellbuoy-services`: which of the operator's own services need it; percent-encoded names
  with commas between them;
- `bellbuoy-after-gap: true`: an earlier event of the same incident could not be delivered;
- `bellbuoy-repeat: true`: this one may have arrived before.

Read on 2026-11-28, both in version 1.0:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator
from standardwebhooks.webhooks import Webhook

from bellbuoy.errors import DelayedError, FetchError
from bellbuoy.events import Event, to_builtins, to_json
from bellbuoy.exchange import Exchange, Request
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message, _statuses
from bellbuoy.notifiers._cloudevents import circumstances, in_a_header
from bellbuoy.notifiers._values import SecretAddress

api_version = 1
KIND = "webhook"


class Settings(BaseModel):
    """`url` is where events are sent, `secret` signs them (`whsec_` and 24 to 64 bytes, base64).

    `previous_secret` signs them as well, until every receiver knows the new one. `mode` is the
    CloudEvents content mode.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretAddress
    secret: SecretStr
    previous_secret: SecretStr | None = None
    mode: Literal["structured", "binary"] = "structured"

    @field_validator("secret", "previous_secret")
    @classmethod
    def _can_sign(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None:
            return None
        prefix, _, key = secret.get_secret_value().partition("_")
        try:
            key = key.rstrip("=")
            size = len(base64.b64decode(key + "=" * (-len(key) % 4), validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if prefix != "whsec" or not 24 <= size <= 64:
            raise ValueError(
                "must be `whsec_` and 24 to 64 bytes in base64: "
                "`echo whsec_$(openssl rand -base64 32)` makes one"
            )
        return secret


def notify(message: Message, settings: Settings) -> Exchange[Receipt]:
    """Post one event."""
    headers, body = _content(message.event, settings.mode)
    said = {f"bellbuoy-{name}": value for name, value in circumstances(message).items()}
    request = Request(
        method="POST",
        url=settings.url.get_secret_value(),
        headers={**headers, **_signed(message, settings, body), **said},
        body=body,
    )
    try:
        response = yield request
    except FetchError as error:
        raise DelayedError(error.detail, uncertain=error.uncertain) from error
    _statuses.settle(response, sent_at=message.sent_at)
    return Receipt(detail=f"HTTP {response.status}")


def _content(event: Event, mode: str) -> tuple[dict[str, str], bytes]:
    """The CloudEvent as headers and body, in one of the content modes of its HTTP binding."""
    if mode == "structured":
        return {"Content-Type": "application/cloudevents+json"}, to_json(event)
    attributes = to_builtins(event)
    body = msgspec.json.encode(attributes.pop("data"))
    headers = {"Content-Type": attributes.pop("datacontenttype")}
    headers |= {f"ce-{name}": in_a_header(value) for name, value in attributes.items()}
    return headers, body


def _signed(message: Message, settings: Settings, body: bytes) -> dict[str, str]:
    key, at = message.delivery.key, datetime.fromtimestamp(message.sent_at, UTC)
    secrets = filter(None, (settings.secret, settings.previous_secret))
    return {
        "webhook-id": key,
        "webhook-timestamp": str(message.sent_at),
        "webhook-signature": " ".join(
            Webhook(secret.get_secret_value()).sign(key, at, body.decode()) for secret in secrets
        ),
    }
