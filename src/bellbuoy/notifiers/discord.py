"""Messages in a Discord channel, by the address of a webhook of it.

One message per incident is edited to the state of every event. Discord notifies nobody of an
edit, and a webhook can reply to nothing: so a message of its own follows when the impact rises,
when it begins again or ends, and as a reminder.

Discord's webhooks know no key for idempotency, so what may have arrived before says so.

Read on 2026-11-28: https://docs.discord.com/developers/resources/webhook,
https://docs.discord.com/developers/topics/rate-limits and
https://docs.discord.com/developers/topics/opcodes-and-status-codes
"""

from contextlib import suppress
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from bellbuoy.errors import DelayedError, DeliveryError, FetchError
from bellbuoy.exchange import Exchange, Request
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Digest, Message, Pace, _discord_embeds
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._discord_answers import Answer, is_id, read
from bellbuoy.notifiers._steps import Step, standing, step
from bellbuoy.notifiers._values import SecretAddress, Zone

api_version = 1
KIND = "discord"

MOST_EDITS = 5
"""Messages that are brought up to date after a digest: as many as Discord takes at once."""


class Settings(BaseModel):
    """`webhook_url` is a webhook's address; with `?thread_id=` it posts into that thread.

    `timezone` is the zone of times.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    webhook_url: SecretAddress
    timezone: Zone = "UTC"


def pace(settings: Settings) -> Pace:
    """Five messages in two seconds for each webhook; whatever else Discord asks for is heeded."""
    # The address of a webhook is its secret.
    place = blake2b(settings.webhook_url.get_secret_value().encode(), digest_size=8).hexdigest()
    return Pace(key=f"discord {place}", every=0.4, burst=5)


def notify(message: Message, settings: Settings) -> Exchange[Receipt]:
    """Tell of one event: a message, or an edit of the incident's, with a message if it matters."""
    words = wording.words(message, settings.timezone)
    whole = _discord_embeds.whole(words, repeat=message.repeat)
    message = _known(message)
    found, reference = step(message), message.reference
    if found not in {Step.QUIET, Step.LOUD}:
        posted = yield from _send(settings, whole, message.sent_at)
        return Receipt(reference=posted.id if found is Step.FIRST else "", detail="posted")
    now = _discord_embeds.whole(words)
    edited = yield from _send(settings, now, message.sent_at, edits=reference)
    if edited.is_lost:
        posted = yield from _send(settings, whole, message.sent_at)
        return Receipt(reference=posted.id, detail="posted anew")
    if found is Step.LOUD or edited.is_closed:
        yield from _send(settings, whole, message.sent_at)
        return Receipt(reference=reference, detail="edited and posted")
    return Receipt(reference=reference, detail="edited")


def digest(digest: Digest, settings: Settings) -> Exchange[Receipt]:
    """Tell of many events in as few messages as they fit into."""
    words = wording.digest_words(digest, settings.timezone)
    first, *rest = _discord_embeds.digest(words, repeat=digest.repeat)
    yield from _send(settings, first, digest.sent_at)
    for part in rest:
        try:
            yield from _send(settings, part, digest.sent_at)
        except DelayedError as error:
            # It comes again from its beginning, which is there already.
            wait = error.retry_after
            raise DelayedError(error.detail, retry_after=wait, uncertain=True) from error
    # All is told: what cannot be edited now is brought up to date with its next event.
    with suppress(DeliveryError):
        told = replace(digest, messages=tuple(map(_known, digest.messages)))
        for message in standing(told)[:MOST_EDITS]:
            now = _discord_embeds.whole(wording.words(message, settings.timezone))
            yield from _send(settings, now, digest.sent_at, edits=message.reference)
    return Receipt(detail="posted")


def _known(message: Message) -> Message:
    """The message without a reference that no message of Discord's can have."""
    return message if is_id(message.reference) else replace(message, reference="")


def _send(
    settings: Settings, content: dict[str, Any], sent_at: int, *, edits: str = ""
) -> Exchange[Answer]:
    """Post a message, or edit the one with this id."""
    request = Request(
        method="PATCH" if edits else "POST",
        url=_address(settings.webhook_url.get_secret_value(), edits),
        headers={"Content-Type": "application/json"},
        body=msgspec.json.encode(content),
    )
    try:
        response = yield request
        return read(response, sent_at=sent_at, is_edit=bool(edits))
    except FetchError as error:
        # To edit twice is the same as to edit once.
        uncertain = error.uncertain and not edits
        raise DelayedError(error.detail, uncertain=uncertain) from error


def _address(webhook: str, edits: str) -> str:
    """Where to post, or where the message to edit is: in the same thread."""
    parts = urlsplit(webhook)
    said = [(name, value) for name, value in parse_qsl(parts.query) if name != "wait"]
    path = parts.path.rstrip("/")
    if edits:
        path = f"{path}/messages/{edits}"
    else:
        # Without it Discord answers before it knows whether it can keep the message.
        said.append(("wait", "true"))
    return parts._replace(path=path, query=urlencode(said), fragment="").geturl()
