"""What the config may say of a Slack receiver."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bellbuoy.notifiers._values import BaseAddress, SecretAddress, Zone


class Settings(BaseModel):
    """Either a bot's `token` and a `channel` (its id, or #name), or a `webhook_url`.

    `base_url` is where the methods of the Web API are, `timezone` the zone of times.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = None
    channel: Annotated[str, Field(max_length=100)] = ""
    webhook_url: SecretAddress | None = None
    base_url: BaseAddress = "https://slack.com/api"
    timezone: Zone = "UTC"

    @field_validator("token")
    @classmethod
    def _fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        text = token.get_secret_value() if token else "-"
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("must be a Slack token on one line, like xoxb-...")
        return token

    @model_validator(mode="after")
    def _is_one_way(self) -> "Settings":
        by_token = bool(self.token and self.channel) and self.webhook_url is None
        by_webhook = self.webhook_url is not None and not self.token and not self.channel
        if not (by_token or by_webhook):
            raise ValueError("needs either `token` and `channel`, or `webhook_url` alone")
        return self
