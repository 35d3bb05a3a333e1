"""A receiver's kind that only these tests know, and the two registries cut to what they need."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from bellbuoy import formats, notifiers
from bellbuoy.exchange import Exchange, Request
from bellbuoy.model.delivery import Receipt

TOKEN = "canary-5e2f77"


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    token: SecretStr | None = None
    channel: str = "#ops"
    timezone: str = "UTC"
    log: Path | None = None

    @field_validator("url")
    @classmethod
    def _web(cls, value: str) -> str:
        if not value.startswith("https://"):
            raise ValueError(f"{value!r} is not an https address; write one")
        return value


class Chat:
    api_version = 1
    KIND = "chat"
    Settings = Settings

    def notify(self, message, settings) -> Exchange[Receipt]:
        """Post nothing."""
        yield Request.post(settings.url, b"", content_type="text/plain")
        return Receipt()


@pytest.fixture
def env() -> dict[str, str]:
    """The environment of the person who wrote the config."""
    return {"TOKEN": TOKEN}


@pytest.fixture
def kinds(monkeypatch) -> dict[str, Chat]:
    """Exactly one kind of receiver, and four formats by name."""
    monkeypatch.setattr(notifiers, "builtin_kinds", frozenset[str])
    names = frozenset({"feed", "incidentio", "probe", "statuspage"})
    monkeypatch.setattr(formats, "builtin_names", lambda: names)
    return {"chat": Chat()}
