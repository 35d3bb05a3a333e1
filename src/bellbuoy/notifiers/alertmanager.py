"""Alerts at a Prometheus Alertmanager, over its API v2.

An Alertmanager is told what is so, not what happened: an alert is its labels, it fires until
its `endsAt`, and whoever does not tell it again until then has told it the end. So an alert of
what is open ends a few renewals ahead, and `renew_every` asks for reminders; to be told the
same again makes no notification. Labels are ids of ours, of the config and of the page, never
texts. The severity is one of them, because routes need it: where it changes, the alert with
the old one ends as that with the new one begins; the receipt's reference keeps the old one.

200 means taken, 400 that labels or times are bad, and 5xx is for later. Read on 2026-11-28:
https://prometheus.io/docs/alerting/latest/alerts_api/
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bellbuoy.durations import Duration
from bellbuoy.errors import DelayedError, FetchError
from bellbuoy.exchange import Exchange, Request
from bellbuoy.model.delivery import Receipt
from bellbuoy.model.facts import Impact
from bellbuoy.notifiers import Digest, Message, _statuses
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._alertmanager_alerts import Alerts, Ground, Label, alerts
from bellbuoy.notifiers._values import BaseAddress, HeaderSecret

api_version = 1
KIND = "alertmanager"

NOTHING = "nothing to send: nothing fires because of it"

_SEVERITIES: Mapping[Impact, str] = {
    Impact.CRITICAL: "critical",
    Impact.MAJOR: "critical",
    Impact.MINOR: "warning",
    Impact.NONE: "info",
    Impact.UNKNOWN: "warning",
}


class Settings(BaseModel):
    """`url` is the Alertmanager's; `labels` are added to all alerts; `severities` maps impacts.

    What is open is told again every `renew_every` seconds, and ends by itself `ends_after`
    seconds after the last time (3 renewals, if not said). `token`, or `username` and
    `password`, are sent with each request.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: BaseAddress
    labels: dict[Label, Annotated[str, Field(min_length=1)]] = {}
    severities: dict[Impact, Annotated[str, Field(min_length=1)]] = dict(_SEVERITIES)
    renew_every: Annotated[Duration, Field(ge=10, le=86_400)] = 240.0
    ends_after: Annotated[Duration, Field(ge=20, le=604_800)] | None = None
    token: HeaderSecret | None = None
    username: str = ""
    password: SecretStr | None = None

    @field_validator("severities")
    @classmethod
    def _complete(cls, severities: dict[Impact, str]) -> dict[Impact, str]:
        return {**_SEVERITIES, **severities}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.token and (self.username or self.password):
            raise ValueError("has a token and a username; leave one of them out")
        if bool(self.username) != (self.password is not None):
            raise ValueError("needs both a username and a password, or neither")
        if ":" in self.username:
            raise ValueError("has a username with a colon, which basic authentication cannot say")
        if self.lasting < 2 * self.renew_every:
            raise ValueError("ends_after must be at least twice renew_every, or alerts flap")
        return self

    @property
    def lasting(self) -> float:
        """How long an alert fires after it was last told, in seconds."""
        return self.ends_after or 3 * self.renew_every


def renew_every(settings: Settings) -> float:
    """What is open must be told again this often, in seconds."""
    return settings.renew_every


def notify(message: Message, settings: Settings) -> Exchange[Receipt]:
    """Post the alerts that one event begins, renews or ends."""
    found = _alerts((message,), settings, message.sent_at)
    receipt = yield from _post((found,), settings, message.sent_at)
    return replace(receipt, reference=found.firing)


def digest(digest: Digest, settings: Settings) -> Exchange[Receipt]:
    """Post at once how everything stands at the end of it."""
    found = [_alerts(one, settings, digest.sent_at) for one in wording.lives(digest)]
    return (yield from _post(found, settings, digest.sent_at))


def _alerts(messages: Sequence[Message], settings: Settings, sent_at: int) -> Alerts:
    ground = Ground(
        labels=settings.labels,
        severities=settings.severities,
        lasting=timedelta(seconds=settings.lasting),
    )
    return alerts(messages, ground, datetime.fromtimestamp(sent_at, UTC))


def _post(found: Iterable[Alerts], settings: Settings, sent_at: int) -> Exchange[Receipt]:
    posted = [alert for one in found for alert in one.posted]
    if not posted:
        return Receipt(detail=NOTHING)
    request = Request.post(
        f"{settings.url}/api/v2/alerts",
        msgspec.json.encode(posted),
        content_type="application/json",
        headers=_credentials(settings),
    )
    try:
        response = yield request
    except FetchError as error:
        raise DelayedError(error.detail, uncertain=error.uncertain) from error
    words = _statuses.said(response, settings.token, settings.password)
    _statuses.settle(response, sent_at=sent_at, words=words)
    if response.content_type == "text/html":
        raise DelayedError(f"HTTP {response.status}, but the answer is a page for people")
    return Receipt(detail=f"{len(posted)} alerts")


def _credentials(settings: Settings) -> dict[str, str]:
    if settings.token is not None:
        return {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    if settings.password is not None:
        pair = f"{settings.username}:{settings.password.get_secret_value()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}
