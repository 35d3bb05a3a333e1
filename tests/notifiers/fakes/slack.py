"""Slack: its Web API as far as messages go, and an incoming webhook.

After https://docs.slack.dev/reference/methods/chat.postMessage, .../chat.update,
https://docs.slack.dev/reference/block-kit/blocks and
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, read on 2026-11-28.
"""

import json
import re
from typing import Any

from aiohttp import web

from tests.notifiers.fakes import HTTP_TROUBLES, RETRY_AFTER, Heard, HttpFake, Trouble

CHANNEL = "C0000OPS"

_ARGUMENTS = {
    "chat.postMessage": {"channel", "text", "blocks", "thread_ts", "reply_broadcast"}
    | {"unfurl_links", "unfurl_media", "link_names", "parse"},
    "chat.update": {"channel", "ts", "text", "blocks", "link_names", "parse"},
    "webhook": {"text", "blocks", "unfurl_links", "unfurl_media", "link_names", "parse"},
}
_MARKUP = re.compile(r"<([^<>]*)>")
_LINK = re.compile(r"(https?://[^<>|\s]+)(?:\|([^<>]+))?")
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")


class WrongError(Exception):
    """What was sent is not as the reference says; its text is the error word and why."""


def shown(content: dict[str, Any]) -> str:
    """What a reader sees of a message: the text of its blocks, a line of its own each."""
    texts = []
    for block in content["blocks"]:
        parts = block["elements"] if block["type"] == "context" else [block["text"]]
        texts += [plain(part["text"]) for part in parts]
    return "\n".join(texts)


def plain(mrkdwn: str) -> str:
    """Mrkdwn as a reader sees it; raises WrongError for markup that is not a link."""
    if _ENTITY.search(mrkdwn):
        raise WrongError(f"invalid_blocks: an ampersand that is not escaped: {mrkdwn!r}")

    def link(found: re.Match[str]) -> str:
        good = _LINK.fullmatch(found[1])
        if good is None:
            raise WrongError(f"invalid_blocks: markup that is no link: {found[0]!r}")
        return f"{good[2]} ({good[1]})" if good[2] else good[1]

    text = _MARKUP.sub(link, mrkdwn)
    if "<" in text or ">" in re.sub(r"^>", "", text, flags=re.MULTILINE):
        raise WrongError(f"invalid_blocks: a bracket that is not escaped: {mrkdwn!r}")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def check(method: str, content: dict[str, Any]) -> None:
    """Raise WrongError unless the reference allows this content."""
    if unknown := content.keys() - _ARGUMENTS[method]:
        raise WrongError(f"invalid_arguments: {sorted(unknown)}")
    if content.get("parse", "none") != "none" or content.get("link_names"):
        raise WrongError("invalid_arguments: names would become mentions")
    if method == "chat.update" and "parse" not in content:
        raise WrongError("invalid_arguments: the default for `parse` of an edit finds mentions")
    if not isinstance(content.get("text"), str) or not content["text"].strip():
        raise WrongError("no_text: what notifications show")
    plain(content["text"])
    blocks = content.get("blocks")
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 50:
        raise WrongError("invalid_blocks: 1 to 50 blocks")
    total = len(content["text"]) + sum(_check_block(block) for block in blocks)
    if total > 11_000:
        raise WrongError("msg_blocks_too_long: seen at 11,341 characters")


def _check_block(block: dict[str, Any]) -> int:
    if block["type"] == "section" and block.keys() == {"type", "text"}:
        return _check_text(block["text"])
    if block["type"] == "context" and block.keys() == {"type", "elements"}:
        if not 1 <= len(block["elements"]) <= 10:
            raise WrongError("invalid_blocks: 1 to 10 elements in a context")
        return sum(map(_check_text, block["elements"]))
    raise WrongError(f"invalid_blocks: {block!r}")


def _check_text(text: dict[str, Any]) -> int:
    if text.keys() != {"type", "text", "verbatim"} or text["type"] != "mrkdwn":
        raise WrongError(f"invalid_blocks: {text!r}")
    if text["verbatim"] is not True:
        raise WrongError("invalid_blocks: plain words would become mentions")
    if not 1 <= len(text["text"]) <= 3000:
        raise WrongError("invalid_blocks: a text has 1 to 3,000 characters")
    plain(text["text"])
    return len(text["text"])


class SlackFake(HttpFake):
    """A workspace with one channel, and an app with a bot's token in it.

    `messages` holds what stands in the channel by its time stamp, `says` is the word with which
    the next request is refused.
    """

    kind = "slack"
    troubles = HTTP_TROUBLES | {Trouble.REFUSED_INSIDE}

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.says: list[str] = []

    def token(self) -> str:
        """What the app authenticates with now."""
        return f"xoxb-canary-{self.rotations}"

    def settings(self) -> dict[str, Any]:
        """A token, a channel's name, and where the fake is."""
        return {"token": self.token(), "channel": "#ops", "base_url": f"{self.url}/api/"}

    def root(self) -> str:
        """What the first message in the channel says now."""
        return shown(next(iter(self.messages.values())))

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Do what a method says, or refuse it with Slack's own word inside a 200."""
        method = request.path.removeprefix("/api/")
        if request.method != "POST" or method not in {"chat.postMessage", "chat.update"}:
            return self.refuse("no such method", 404)
        if request.headers["Content-Type"] != "application/json; charset=utf-8":
            return self.wrong("missing_charset: it is a warning at Slack")
        if request.headers.get("Authorization") != f"Bearer {self.token()}":
            return self.no("invalid_auth")
        if self.says and (word := self.says.pop(0)):
            return self.no(word)
        content = json.loads(body)
        try:
            check(method, content)
        except WrongError as error:
            return self.wrong(str(error))
        if content.get("channel") not in {"#ops", CHANNEL}:
            return self.no("channel_not_found")
        self.calls.append((method, content))
        return self.edit(content) if method == "chat.update" else self.post(content)

    def post(self, content: dict[str, Any]) -> web.StreamResponse:
        """A message in the channel or in a thread."""
        thread = content.get("thread_ts", "")
        if thread and (thread not in self.messages or "thread_ts" in self.messages[thread]):
            return self.no("thread_not_found")
        if not isinstance(content.get("reply_broadcast", False), bool) or (
            content.get("reply_broadcast") and not thread
        ):
            return self.wrong("invalid_arguments: only a reply can be broadcast")
        ts = f"1771862970.{len(self.calls):06}"
        self.messages[ts] = content
        return self.yes(ts, content, thread=thread or ts)

    def edit(self, content: dict[str, Any]) -> web.StreamResponse:
        """Other content for a message of the app's."""
        ts = content["ts"]
        if content["channel"] != CHANNEL:
            return self.wrong("channel_not_found: an edit wants the channel's id")
        if ts not in self.messages:
            return self.no("message_not_found")
        self.messages[ts] = {**self.messages[ts], **content}
        return self.yes(ts, content, thread=ts, is_edit=True)

    def yes(self, ts: str, content: dict[str, Any], **rest: Any) -> web.StreamResponse:
        """It is done."""
        self.heard.append(Heard(text=f"{plain(content['text'])}\n{shown(content)}", **rest))
        return web.json_response({"ok": True, "channel": CHANNEL, "ts": ts, "message": {}})

    def no(self, word: str, status: int = 200, **headers: str) -> web.Response:
        """It is not done, and a word says why."""
        return web.json_response({"ok": False, "error": word}, status=status, headers=headers)

    def wrong(self, complaint: str) -> web.Response:
        """It is not as the reference says."""
        self.complaints.append(complaint)
        return self.no(complaint.partition(":")[0])

    def busy(self) -> web.Response:
        """As https://docs.slack.dev/apis/web-api/rate-limits shows it."""
        return self.no("ratelimited", 429, **{"Retry-After": str(RETRY_AFTER)})

    def poisoned(self) -> web.Response:
        """A message that it takes for malformed."""
        return self.no("invalid_blocks")

    def refused_inside(self) -> web.Response:
        """Every refusal of Slack's is inside a 200."""
        return self.no("msg_too_long")


class SlackWebhookFake(HttpFake):
    """An incoming webhook: answers in plain text, can neither edit nor reply."""

    kind = "slack"

    def path(self) -> str:
        """Where the webhook is now."""
        return f"/services/T0/B0/canary{self.rotations}"

    def settings(self) -> dict[str, Any]:
        """The webhook's address."""
        return {"webhook_url": f"{self.url}{self.path()}"}

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Put it into the channel."""
        if request.path != self.path():
            return web.Response(status=404, text="no_service")
        if request.method != "POST" or request.content_type != "application/json":
            return self.refuse("invalid_payload")
        content = json.loads(body)
        try:
            check("webhook", content)
        except WrongError as error:
            return self.refuse(str(error))
        self.heard.append(Heard(text=f"{plain(content['text'])}\n{shown(content)}"))
        return web.Response(text="ok")
