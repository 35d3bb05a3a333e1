"""Messages in a Slack channel.

With a bot's token there is one living message per incident. It is posted once and edited to
the state of every event; each event is a reply in its thread as well, and the reply is shown in
the channel, too, when the impact rises, when it begins again or ends, and as a reminder. With
an incoming webhook's address each event is a message: such a webhook can neither edit nor reply.

Slack knows no key for idempotency, so what may have arrived before says so. The interface is
cited where it is spoken: `_slack_methods.py`, `_slack_answers.py`, `_slack_blocks.py`; its
limits are https://docs.slack.dev/apis/web-api/rate-limits, read on 2026-11-28.
"""

from contextlib import suppress
from hashlib import blake2b

from msgspec.structs import replace

from bellbuoy.errors import DelayedError, DeliveryError
from bellbuoy.exchange import Exchange
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Digest, Message, Pace, _slack_blocks
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._slack_answers import LOST, Answer
from bellbuoy.notifiers._slack_methods import Content, edit, hand_over, post
from bellbuoy.notifiers._slack_settings import Settings
from bellbuoy.notifiers._steps import Step, standing, step

api_version = 1
KIND = "slack"

MOST_EDITS = 20
"""Messages that are brought up to date after a digest; Slack takes about 50 edits a minute."""


def pace(settings: Settings) -> Pace:
    """One message a second in each channel."""
    where = settings.webhook_url.get_secret_value() if settings.webhook_url else settings.channel
    # The address of a webhook is its secret.
    place = blake2b(f"{settings.base_url} {where}".encode(), digest_size=8).hexdigest()
    return Pace(key=f"slack {place}", every=1.0)


def notify(message: Message, settings: Settings) -> Exchange[Receipt]:
    """Tell of one event: a message, or an edit of the incident's and a reply below it."""
    words = wording.words(message, settings.timezone)
    whole = _slack_blocks.whole(words, repeat=message.repeat)
    if settings.webhook_url is not None:
        yield from hand_over(settings.webhook_url.get_secret_value(), whole, message.sent_at)
        return Receipt(detail="posted")
    message = _known(message)
    found = step(message)
    if found in {Step.FIRST, Step.APART}:
        posted = yield from post(settings, whole, message.sent_at)
        return Receipt(reference="" if found is Step.APART else _name(posted), detail="posted")
    is_there = True
    if found is not Step.AGAIN:
        now = _slack_blocks.whole(words)
        edited = yield from edit(settings, now, message.reference, message.sent_at)
        is_there = edited.error not in LOST
    if is_there:
        is_loud = found is not Step.QUIET
        reply = whole if is_loud else _slack_blocks.reply(words, repeat=message.repeat)
        channel, _, ts = message.reference.partition(":")
        reply = {**reply, "channel": channel, "thread_ts": ts, "reply_broadcast": is_loud}
        replied = yield from post(settings, reply, message.sent_at, expected=LOST)
        if replied.ok:
            detail = "replied to all" if is_loud else "replied"
            return Receipt(reference=message.reference, detail=detail)
    posted = yield from post(settings, whole, message.sent_at)
    return Receipt(reference=_name(posted), detail="posted anew")


def digest(digest: Digest, settings: Settings) -> Exchange[Receipt]:
    """Tell of many events in one message; what does not fit goes into its thread."""
    words = wording.digest_words(digest, settings.timezone)
    first, *rest = _slack_blocks.digest(words, repeat=digest.repeat)
    answer = yield from _tell(settings, first, digest.sent_at)
    below = {"thread_ts": answer.ts} if answer.ts else {}
    for part in rest:
        try:
            yield from _tell(settings, {**part, **below}, digest.sent_at)
        except DelayedError as error:
            # It comes again from its beginning, which is there already.
            wait = error.retry_after
            raise DelayedError(error.detail, retry_after=wait, uncertain=True) from error
    # All is told: what cannot be edited now is brought up to date with its next event.
    with suppress(DeliveryError):
        told = replace(digest, messages=tuple(map(_known, digest.messages)))
        for message in standing(told)[:MOST_EDITS] if settings.token else ():
            now = _slack_blocks.whole(wording.words(message, settings.timezone))
            yield from edit(settings, now, message.reference, digest.sent_at)
    return Receipt(detail="posted")


def _tell(settings: Settings, content: Content, sent_at: int) -> Exchange[Answer]:
    if settings.webhook_url is None:
        return (yield from post(settings, content, sent_at))
    yield from hand_over(settings.webhook_url.get_secret_value(), content, sent_at)
    return Answer(ok=True)


def _known(message: Message) -> Message:
    """The message without a reference that no message of Slack's can have."""
    channel, _, ts = message.reference.partition(":")
    return message if channel and ts else replace(message, reference="")


def _name(answer: Answer) -> str:
    return f"{answer.channel}:{answer.ts}" if answer.channel and answer.ts else ""
