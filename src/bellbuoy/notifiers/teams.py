"""Cards in a channel or a chat of Microsoft Teams, through a workflow's webhook.

The trigger "When a Teams webhook request is received", its schema and the limit of 28 KB:
https://learn.microsoft.com/en-us/connectors/teams/ ; four requests a second, and failures
inside a 200 ("Webhook message delivery failed with error: Microsoft Teams endpoint returned
HTTP error 429 ..."), as the webhooks before the workflows answer:
https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
(both read 2026-11-28). A workflow answers 202 when it has the card, before it has posted it.
It can neither edit what it posted nor know a repeat, so each step is a card of its own and a
repeat says so.
"""

import re
from hashlib import blake2b

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from bellbuoy.errors import DelayedError, FetchError, RefusedError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Digest, Message, Pace, _statuses, _teams_card
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._values import SecretAddress, Zone

api_version = 1
KIND = "teams"

PER_SECOND = 4

_FAILED_INSIDE = re.compile(rb"returned HTTP error ([1-5][0-9]{2})\b")
_CODE = re.compile(rb'"code"\s*:\s*"([A-Za-z]{1,60})"')
_LOOKED_AT = 4_096
"""How much of an answer is looked at, in bytes."""

_SWITCHED_OFF = "WorkflowTriggerIsNotEnabled"


class Settings(BaseModel):
    """`url` is the workflow's address, which whoever knows it may post to. Times in `timezone`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretAddress
    timezone: Zone = "UTC"


def notify(message: Message, settings: Settings) -> Exchange[Receipt]:
    """Post one event as a card."""
    words = wording.words(message, settings.timezone)
    notes = (*words.notes, *_repeat(message))
    card = _teams_card.of_words(words, notes, message.event.id)
    return (yield from _post(card, settings, message.sent_at))


def digest(digest: Digest, settings: Settings) -> Exchange[Receipt]:
    """Post many events as one card."""
    words = wording.digest_words(digest, settings.timezone)
    gaps = [wording.AFTER_GAP] if any(one.delivery.after_gap for one in digest.messages) else []
    card = _teams_card.of_digest(words, (*gaps, *_repeat(digest)))
    return (yield from _post(card, settings, digest.sent_at))


def pace(settings: Settings) -> Pace:
    """As often as one address may be asked."""
    address = settings.url.get_secret_value().encode()
    key = blake2b(address, digest_size=8).hexdigest()
    return Pace(key=key, every=1 / PER_SECOND)


def _repeat(sent: Message | Digest) -> tuple[str, ...]:
    return (wording.REPEAT,) if sent.repeat else ()


def _post(card: bytes, settings: Settings, sent_at: int) -> Exchange[Receipt]:
    request = Request.post(settings.url.get_secret_value(), card, content_type="application/json")
    try:
        response = yield request
    except FetchError as error:
        raise DelayedError(error.detail, uncertain=error.uncertain) from error
    _settle(response, sent_at)
    return Receipt(detail=f"HTTP {response.status}")


def _settle(response: Response, sent_at: int) -> None:
    said = response.body[:_LOOKED_AT]
    if 200 <= response.status < 300 and (failed := _FAILED_INSIDE.search(said)):
        response = replace(response, status=int(failed[1]))
    try:
        _statuses.settle(response, sent_at=sent_at)
    except RefusedError as error:
        code = found[1].decode() if (found := _CODE.search(said)) else ""
        if code == _SWITCHED_OFF:
            raise DelayedError("the workflow is switched off") from error
        raise type(error)(f"{error.detail} {code}".rstrip()) from error
