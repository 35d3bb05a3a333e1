"""What Slack's answers mean for a delivery.

Slack answers 200 and says in the body whether it did what it was asked. Whatever a person can
mend (a token, a channel, a permission) is tried again for as long as any other trouble, so that
nothing is lost while they mend it; whatever is wrong with one message itself is refused.

The words are those of https://docs.slack.dev/reference/methods/chat.postMessage and
https://docs.slack.dev/reference/methods/chat.update, and for incoming webhooks of
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks, read on
2026-11-28.
"""

import re

import msgspec
from msgspec.structs import replace

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.exchange import Response
from bellbuoy.notifiers import _statuses

LOST = frozenset(
    {"message_not_found", "cant_update_message", "channel_not_found", "is_inactive"}
    | {"thread_not_found", "cannot_reply_to_message"}
)
"""The message of the incident is not there any more, or not ours: begin with a new one."""

CLOSED = frozenset({"edit_window_closed"})
"""The message is there, but the workspace lets nobody edit it any more."""

_LOG_IN = "put the Bot User OAuth Token that the app has now into `token`"
_INVITE = "check `channel`, and invite the app there: /invite @its-name"
_SCOPE = "give the app the scope chat:write, and install it again"
_ADMIN = "an administrator of the workspace must let the app post there"
_ARCHIVED = "the channel is archived: name another, or bring it back"
_HOOK = "the webhook is gone: make a new one and put its address into `webhook_url`"

_CURES = {
    **dict.fromkeys(("invalid_auth", "not_authed", "account_inactive", "token_revoked"), _LOG_IN),
    **dict.fromkeys(("token_expired", "not_allowed_token_type"), _LOG_IN),
    **dict.fromkeys(("missing_scope", "no_permission", "team_access_not_granted"), _SCOPE),
    **dict.fromkeys(("channel_not_found", "not_in_channel"), _INVITE),
    **dict.fromkeys(("is_archived", "is_inactive", "channel_is_archived"), _ARCHIVED),
    **dict.fromkeys(("access_denied", "accesslimited", "ekm_access_denied"), _ADMIN),
    **dict.fromkeys(("enterprise_is_restricted", "two_factor_setup_required"), _ADMIN),
    **dict.fromkeys(("action_prohibited", "posting_to_general_channel_denied"), _ADMIN),
    **dict.fromkeys(("no_service", "no_service_id", "no_team", "team_disabled"), _HOOK),
    **dict.fromkeys(("no_active_hooks", "invalid_token"), _HOOK),
}
_BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_LATER = frozenset(
    {"service_unavailable", "request_timeout", "update_failed", "external_channel_migrating"}
    | {"team_added_to_org", "org_login_required", "rollup_error", "messaging_processing_failed"}
)
_PERHAPS_DONE = frozenset({"internal_error", "fatal_error"})
_WORD = re.compile(r"[a-z_]{1,60}")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a method answered: the message, or the word for why there is none."""

    ok: bool = False
    error: str = ""
    channel: str = ""
    ts: str = ""


def read(response: Response, *, sent_at: int, expected: frozenset[str] = frozenset()) -> Answer:
    """The answer of a method of the Web API, if it is a message or one of the `expected` words.

    Raises RefusedError, DisabledError or DelayedError for what else it says.
    """
    try:
        answer = msgspec.json.decode(response.body, type=Answer)
    except msgspec.DecodeError:
        answer = None
    if answer is not None and answer.error in expected:
        return answer
    _judge(response, answer.error if answer else "", sent_at)
    if answer is None or not (answer.ok or answer.error):
        raise DelayedError(
            "Slack: the answer is not Slack's: check `base_url`, and what lies between",
            uncertain=True,
        )
    if not answer.ok:
        raise RefusedError(f"Slack: {_shown(answer.error)}")
    return answer


def read_webhook(response: Response, *, sent_at: int) -> None:
    """Return if an incoming webhook took it: it answers `ok`, or with a word in plain text.

    Raises RefusedError, DisabledError or DelayedError.
    """
    said = response.body[:200].decode("utf-8", "replace").strip()
    _judge(response, said, sent_at)
    if said.startswith("<"):
        raise DelayedError(
            "Slack: a web page answered: check `webhook_url`, and what lies between",
            uncertain=True,
        )


def _judge(response: Response, word: str, sent_at: int) -> None:
    """Raise what a status and a word mean, unless it is for the caller to say."""
    if word in _BUSY:
        # It is the same as a 429, where it comes inside a 200.
        _statuses.settle(replace(response, status=429), sent_at=sent_at)
    if cure := _CURES.get(word) or (word.startswith("restricted_action") and _ADMIN):
        raise DelayedError(f"Slack: {_shown(word)}: {cure}")
    if word in _LATER:
        raise DelayedError(f"Slack: {word}")
    if word in _PERHAPS_DONE:
        raise DelayedError(f"Slack: {word}", uncertain=True)
    _statuses.settle(response, sent_at=sent_at)


def _shown(word: str) -> str:
    return word if _WORD.fullmatch(word) else "refused, for a reason that is no word"
