"""Alerts and change events at PagerDuty, over its Events API v2.

| what happened | what is sent |
|---|---|
| something begins, goes on or begins again | `trigger`: opens the alert, or adds to the open one |
| it ends, or is corrected after its end | `resolve`; dropped there if no alert is open |
| planned work, a notice without an end, what was over before it was seen | a change event |

Change events call nobody. All events of a lane have one `dedup_key`. A `trigger` for an alert
that is resolved opens a new one, so what comes after an end never is one. Answers: 202 taken,
400 never, 429 and 5xx later. Keys that begin with R take no change events. Read on 2026-11-28:
https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/01-Overview.md
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from bellbuoy.errors import DelayedError, DisabledError, FetchError, RefusedError
from bellbuoy.events import Phase
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.model.delivery import Receipt
from bellbuoy.model.facts import Impact
from bellbuoy.notifiers import Digest, Message, _statuses
from bellbuoy.notifiers import _pagerduty_events as events
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._pagerduty_events import Severity
from bellbuoy.notifiers._values import BaseAddress
from bellbuoy.text import clean_line

api_version = 1
KIND = "pagerduty"

NO_CHANGE_EVENTS = "nothing to send: a key that begins with R takes no change events"

_SEVERITIES: Mapping[Impact, Severity] = {
    Impact.CRITICAL: "critical",
    Impact.MAJOR: "error",
    Impact.MINOR: "warning",
    Impact.NONE: "info",
    Impact.UNKNOWN: "warning",
}


class Settings(BaseModel):
    """`routing_key` is the integration key; `severities` maps impacts, those left out stay."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    routing_key: SecretStr
    base_url: BaseAddress = "https://events.pagerduty.com"
    severities: dict[Impact, Severity] = dict(_SEVERITIES)

    @field_validator("routing_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        text = key.get_secret_value()
        if len(text) != 32 or not text.isascii() or not text.isalnum():
            raise ValueError("must be the integration key: 32 letters and digits")
        return key

    @field_validator("severities")
    @classmethod
    def _complete(cls, severities: dict[Impact, Severity]) -> dict[Impact, Severity]:
        return {**_SEVERITIES, **severities}


def notify(message: Message, settings: Settings) -> Exchange[Receipt]:
    """Trigger or resolve the alert of one event, or send it as a change event."""
    return (yield from _tell((message,), settings, message))


def digest(digest: Digest, settings: Settings) -> Exchange[Receipt]:
    """Tell how each incident stands at the end of it, in a request of its own.

    Of what came and went inside of it nothing is open there, and nothing is sent. One that is
    refused does not hold up the others; the error comes after them.
    """
    refusal: RefusedError | None = None
    told = 0
    for messages in wording.lives(digest):
        first, last = messages[0].event, messages[-1].event
        if first.phase is Phase.BEGINS and wording.is_over(last):
            continue
        try:
            yield from _tell(messages, settings, digest)
        except DisabledError:
            raise
        except RefusedError as error:
            refusal = error
        told += 1
    if refusal is not None:
        raise refusal
    return Receipt(detail=f"{told} events")


def _tell(
    messages: Sequence[Message], settings: Settings, whole: Message | Digest
) -> Exchange[Receipt]:
    """Tell the last of the messages, all about one thing, and name the events of all."""
    last = replace(messages[-1], sent_at=whole.sent_at, repeat=whole.repeat)
    key = settings.routing_key.get_secret_value()
    event_ids = [one.event.id for one in messages]
    if events.is_alert(last.event):
        path, said = "enqueue", events.alert(last, event_ids, settings.severities)
    elif key.startswith("R"):
        return Receipt(detail=NO_CHANGE_EVENTS)
    else:
        path, said = "change/enqueue", events.change(last, event_ids)
    request = Request.post(
        f"{settings.base_url}/v2/{path}",
        msgspec.json.encode({"routing_key": key, **said}),
        content_type="application/json",
    )
    try:
        response = yield request
    except FetchError as error:
        raise DelayedError(error.detail, uncertain=error.uncertain) from error
    _judge(response, key, last.sent_at)
    return Receipt(detail=str(said.get("event_action", "change event")))


class _Answer(msgspec.Struct):
    """The body of an answer; `errors` come with a 400."""

    status: str = ""
    message: str = ""
    errors: list[str] = []


def _judge(response: Response, key: str, sent_at: int) -> None:
    """Raise what the answer means, unless it is that PagerDuty has the event."""
    try:
        answer = msgspec.json.decode(response.body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = _Answer()
    words = "; ".join(answer.errors) or answer.message or answer.status
    words = words.replace(key, "(secret)")
    if response.status == 400 and "routing" in words.lower():
        # It is not about this event: the key can be mended in the config while we retry.
        raise DelayedError(clean_line(f"HTTP 400: {words}", _statuses.MAX_WORDS))
    _statuses.settle(response, sent_at=sent_at, words=words)
    if answer.status != "success":
        detail = f"HTTP {response.status}, but {words or 'the answer is not that of PagerDuty'}"
        detail = clean_line(detail, _statuses.MAX_WORDS)
        raise RefusedError(detail) if answer.status else DelayedError(detail)
