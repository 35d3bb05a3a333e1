"""What Discord's answers mean for a delivery.

Beside the HTTP status, Discord says what is wrong by a number in the JSON body
(https://docs.discord.com/developers/topics/opcodes-and-status-codes#json). Whatever a person can
mend is tried again, so that nothing is lost while they mend it, but rarely: Discord asks not to
go on asking a webhook that is gone (https://docs.discord.com/developers/topics/rate-limits). Both
read on 2026-11-28.
"""

from typing import Any

import msgspec

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.exchange import Response
from bellbuoy.notifiers import _statuses
from bellbuoy.text import clean_line

_NEVER = frozenset({400, 401, 403, 404, 413})

REST = 900.0
"""Seconds for which a webhook that only a person can mend is left alone."""

_UNKNOWN_MESSAGE = 10008
_NOT_OURS = 50005
_TOO_MANY_EDITS = 30046

_NEW = "the webhook is gone: make a new one and put its address into `webhook_url`"
_THREAD = "name an open thread: webhook_url ending with ?thread_id=ID"
_CURES = {
    10003: "the channel is gone: make a webhook in another and put its address into `webhook_url`",
    10015: _NEW,
    50013: "the webhook may not post there: give its channel the permission",
    50027: _NEW,
    50083: _THREAD,
    160005: _THREAD,
    220001: f"the channel is a forum: {_THREAD}",
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What Discord answered: the message that is there now, or why there is none.

    `is_lost` says that there is no message to edit any more, `is_closed` that it was edited
    too often of late.
    """

    id: str = ""
    is_lost: bool = False
    is_closed: bool = False


def read(response: Response, *, sent_at: int, is_edit: bool) -> Answer:
    """The answer to a message, or to an edit of one.

    Raises RefusedError, DisabledError or DelayedError.
    """
    said = _said(response)
    code, found = said.get("code"), said.get("id")
    if 200 <= response.status < 300:
        if response.body.lstrip().startswith(b"<"):
            raise DelayedError(
                "Discord: a web page answered: check `webhook_url`, and what lies between",
                uncertain=not is_edit,
            )
        return Answer(id=found if isinstance(found, str) and is_id(found) else "")
    if is_edit and code in {_UNKNOWN_MESSAGE, _NOT_OURS}:
        return Answer(is_lost=True)
    if is_edit and code == _TOO_MANY_EDITS:
        return Answer(is_closed=True)
    if isinstance(code, int) and code in _CURES:
        raise DelayedError(f"Discord: {code}: {_CURES[code]}", retry_after=REST)
    wait = said.get("retry_after")
    if response.status == 429 and isinstance(wait, int | float):
        scope = "in all" if said.get("global") is True else "in this channel"
        raise DelayedError(f"HTTP 429: too many requests {scope}", retry_after=max(wait, 0.0))
    words = said.get("message")
    if response.status in _NEVER and isinstance(code, int) and isinstance(words, str):
        raise RefusedError(f"Discord: {code}: {clean_line(words, 100)}")
    _statuses.settle(response, sent_at=sent_at)
    return Answer()


def is_id(text: str) -> bool:
    """Whether it can be the id of a message, and nothing else that an address may hold."""
    return text.isascii() and text.isdecimal()


def _said(response: Response) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}
