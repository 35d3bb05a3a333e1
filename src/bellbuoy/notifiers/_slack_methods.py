"""The three things that are asked of Slack: post, edit, and hand over to a webhook.

https://docs.slack.dev/reference/methods/chat.postMessage,
https://docs.slack.dev/reference/methods/chat.update and
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, read on 2026-11-28.
"""

from typing import Any

import msgspec

from bellbuoy.errors import DelayedError, FetchError
from bellbuoy.exchange import Exchange, Request, Response
from bellbuoy.notifiers import _slack_answers
from bellbuoy.notifiers._slack_answers import CLOSED, LOST, Answer
from bellbuoy.notifiers._slack_settings import Settings

Content = dict[str, Any]

# An edit without `parse` is read as a person's typing, in which names become mentions.
_INERT = {"link_names": False, "parse": "none"}
_STILL = {**_INERT, "unfurl_links": False, "unfurl_media": False}


def post(
    settings: Settings, content: Content, sent_at: int, expected: frozenset[str] = frozenset()
) -> Exchange[Answer]:
    """Post into the channel, unless the content names another place; `expected` as in `read`."""
    request = _method(
        settings, "chat.postMessage", {"channel": settings.channel, **_STILL, **content}
    )
    response = yield from _answer(request)
    return _slack_answers.read(response, sent_at=sent_at, expected=expected)


def edit(settings: Settings, content: Content, reference: str, sent_at: int) -> Exchange[Answer]:
    """Put other content into a message; the answer may say that it is LOST or CLOSED."""
    channel, _, ts = reference.partition(":")
    place = {"channel": channel, "ts": ts}
    try:
        request = _method(settings, "chat.update", {**_INERT, **content, **place})
        response = yield from _answer(request)
        return _slack_answers.read(response, sent_at=sent_at, expected=LOST | CLOSED)
    except DelayedError as error:
        # To edit twice is the same as to edit once.
        raise DelayedError(error.detail, retry_after=error.retry_after) from error


def hand_over(address: str, content: Content, sent_at: int) -> Exchange[None]:
    """Give content to an incoming webhook."""
    body = msgspec.json.encode({**_STILL, **content})
    response = yield from _answer(Request.post(address, body, content_type="application/json"))
    _slack_answers.read_webhook(response, sent_at=sent_at)


def _method(settings: Settings, name: str, content: Content) -> Request:
    token = settings.token.get_secret_value() if settings.token else ""
    return Request.post(
        f"{settings.base_url}/{name}",
        msgspec.json.encode(content),
        content_type="application/json; charset=utf-8",
        headers={"Authorization": f"Bearer {token}"},
    )


def _answer(request: Request) -> Exchange[Response]:
    try:
        return (yield request)
    except FetchError as error:
        raise DelayedError(error.detail, uncertain=error.uncertain) from error
