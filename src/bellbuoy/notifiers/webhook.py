"""Events to an address of the operator's, signed as Standard Webhooks say.

The body is the CloudEvent of the event. `webhook-id` is the event's id, the same at every
attempt: the receiver's key for idempotency. The specification, and libraries that verify:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator
from standardwebhooks.webhooks import Webhook

from bellbuoy.errors import DelayedError, FetchError
from bellbuoy.events import to_json
from bellbuoy.exchange import Exchange, Request
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Message, _statuses

api_version = 1
KIND = "webhook"


class Settings(BaseModel):
    """`url` is where events are sent, `secret` signs them (`whsec_` and 24 to 64 bytes, base64)."""

    model_config = ConfigDict(extra="forbid")

    url: SecretStr
    secret: SecretStr

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().lower().startswith(("https://", "http://")):
            raise ValueError("must be an http or https address")
        return url

    @field_validator("secret")
    @classmethod
    def _can_sign(cls, secret: SecretStr) -> SecretStr:
        try:
            Webhook(secret.get_secret_value()).sign("id", datetime.fromtimestamp(0, UTC), "")
        except Exception:  # noqa: BLE001 - whatever it is, it may quote the secret
            raise ValueError("must be `whsec_` and base64, as a webhook secret is") from None
        return secret


def notify(message: Message, settings: Settings) -> Exchange[Receipt]:
    """Post one event."""
    body = to_json(message.event)
    at = datetime.fromtimestamp(message.sent_at, UTC)
    signature = Webhook(settings.secret.get_secret_value()).sign(
        message.event.id, at, body.decode()
    )
    request = Request.post(
        settings.url.get_secret_value(),
        body,
        content_type="application/cloudevents+json",
        headers={
            "webhook-id": message.event.id,
            "webhook-timestamp": str(message.sent_at),
            "webhook-signature": signature,
        },
    )
    try:
        response = yield request
    except FetchError as error:
        raise DelayedError(error.detail, uncertain=error.uncertain) from error
    _statuses.settle(response, sent_at=message.sent_at)
    return Receipt(detail=f"HTTP {response.status}")
