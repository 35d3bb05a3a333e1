"""Events to an address of the operator's, signed as Standard Webhooks say.

The body is the CloudEvent of the event. `webhook-id` is the event's id, the same at every
attempt: the receiver's key for idempotency. `bellbuoy-after-gap: true` says that an earlier
event of the same incident could not be delivered, `bellbuoy-repeat: true` that this one may
have arrived before. The specification, and libraries that verify:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator
from standardwebhooks.webhooks import Webhook

from bellbuoy.errors import DelayedError, FetchError
from bellbuoy.events import to_json
from bellbuoy.exchange import Exchange, Request
from bellbuoy.model.delivery import Occasion, Receipt
from bellbuoy.notifiers import Message, _statuses

api_version = 1
KIND = "webhook"


class Settings(BaseModel):
    """`url` is where events are sent, `secret` signs them (`whsec_` and 24 to 64 bytes, base64)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    secret: SecretStr

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            is_good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            is_good = False
        if not is_good:
            raise ValueError("must be an http or https address")
        return url

    @field_validator("secret")
    @classmethod
    def _can_sign(cls, secret: SecretStr) -> SecretStr:
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
    body = to_json(message.event)
    request = Request.post(
        settings.url.get_secret_value(),
        body,
        content_type="application/cloudevents+json",
        headers=_headers(message, settings.secret.get_secret_value(), body.decode()),
    )
    try:
        response = yield request
    except FetchError as error:
        raise DelayedError(error.detail, uncertain=error.uncertain) from error
    _statuses.settle(response, sent_at=message.sent_at)
    return Receipt(detail=f"HTTP {response.status}")


def _headers(message: Message, secret: str, body: str) -> dict[str, str]:
    key, at = message.delivery.key, datetime.fromtimestamp(message.sent_at, UTC)
    headers = {
        "webhook-id": key,
        "webhook-timestamp": str(message.sent_at),
        "webhook-signature": Webhook(secret).sign(key, at, body),
    }
    if message.delivery.occasion is not Occasion.EVENT:
        headers["bellbuoy-occasion"] = message.delivery.occasion.value
    if message.delivery.after_gap:
        headers["bellbuoy-after-gap"] = "true"
    if message.repeat:
        headers["bellbuoy-repeat"] = "true"
    return headers
