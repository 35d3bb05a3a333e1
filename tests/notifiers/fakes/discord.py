"""Discord's webhooks: post a message, edit a message.

After https://docs.discord.com/developers/resources/webhook,
https://docs.discord.com/developers/resources/message (limits, mentions) and
https://docs.discord.com/developers/topics/rate-limits, read on 2026-11-28.
"""

import json
import re
from typing import Any

from aiohttp import web

from tests.notifiers.fakes import RETRY_AFTER, Heard, HttpFake

# What Discord's parser meets from left to right: an escaped character, a link, bold, other markup.
_MARKUP = re.compile(
    r"\\(?P<escaped>[^0-9A-Za-z\s])"
    r"|\[(?P<label>(?:\\.|[^\[\]\\])*)\]\(<(?P<address>https?://[^\s<>()\[\]]+)>\)"
    r"|(?P<bold>\*\*)"
    r"|[*_~`|<>\[\]@#]|https?://"
)


class WrongError(Exception):
    """What was sent is not as the reference says."""


def units(text: str) -> int:
    """Its length as JavaScript counts it."""
    return len(text.encode("utf-16-le")) // 2


def plain(markdown: str, bold: int = 0) -> str:
    """Markdown as a reader sees it; raises WrongError for markup that is not ours.

    Ours are links, and so many words in bold.
    """
    marks = 2 * bold

    def read(found: re.Match[str]) -> str:
        if found["escaped"]:
            return found["escaped"]
        if found["address"]:
            return f"{plain(found['label'])} ({found['address']})"
        nonlocal marks
        marks -= 1
        if not found["bold"] or marks < 0:
            raise WrongError(f"markup that is not escaped: {found[0]!r} in {markdown!r}")
        return ""

    return _MARKUP.sub(read, markdown)


def shown(content: dict[str, Any]) -> str:
    """What a reader sees of a message, a line for each part."""
    lines = [plain(content["content"], bold=1)] if content["content"] else []
    for embed in content["embeds"]:
        lines += [plain(embed["description"])] if "description" in embed else []
        lines += [f"{one['name']}: {plain(one['value'])}" for one in embed.get("fields", ())]
        lines += [embed["footer"]["text"]] if "footer" in embed else []
    return "\n".join(lines)


def check(content: dict[str, Any]) -> None:
    """Raise WrongError unless the reference allows this content."""
    if content.keys() != {"content", "embeds", "allowed_mentions"}:
        raise WrongError(f"fields: {sorted(content)}")
    if content["allowed_mentions"] != {"parse": []}:
        raise WrongError("somebody could be mentioned")
    if units(content["content"]) > 2000 or len(content["embeds"]) > 10:
        raise WrongError("content: at most 2,000 characters; embeds: at most 10")
    if not content["content"] and not content["embeds"]:
        raise WrongError("50006: cannot send an empty message")
    if sum(map(_check_embed, content["embeds"])) > 6000:
        raise WrongError("embed size exceeds maximum size of 6000")
    shown(content)


def _check_embed(embed: dict[str, Any]) -> int:
    if embed.keys() - {"color", "description", "fields", "footer"}:
        raise WrongError(f"embed: {sorted(embed)}")
    if not 0 <= embed.get("color", 0) <= 0xFFFFFF or len(embed.get("fields", ())) > 25:
        raise WrongError("color: a number of 24 bits; fields: at most 25")
    total = 0
    if "description" in embed:
        total += _length(embed["description"], 4096)
    for field in embed.get("fields", ()):
        if field.keys() != {"name", "value", "inline"} or not isinstance(field["inline"], bool):
            raise WrongError(f"field: {field!r}")
        total += _length(field["name"], 256) + _length(field["value"], 1024)
    if "footer" in embed:
        total += _length(embed["footer"]["text"], 2048)
    return total


def _length(text: str, limit: int) -> int:
    if not text.strip() or units(text) > limit:
        raise WrongError(f"must be between 1 and {limit} in length: {text[:50]!r}")
    return units(text)


class DiscordFake(HttpFake):
    """A channel with one webhook. `messages` holds what stands in it by id.

    `says` are the status and the number with which the next requests are refused.
    """

    kind = "discord"

    def __init__(self) -> None:
        super().__init__()
        self.messages: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.says: list[tuple[int, int]] = []
        self.thread = ""

    def path(self) -> str:
        """Where the webhook is now."""
        return f"/api/webhooks/1234/canary-{self.rotations}"

    def settings(self) -> dict[str, Any]:
        """The webhook's address."""
        query = f"?thread_id={self.thread}" if self.thread else ""
        return {"webhook_url": f"{self.url}{self.path()}{query}"}

    def root(self) -> str:
        """What the first message in the channel says now."""
        return shown(next(iter(self.messages.values())))

    async def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Post or edit."""
        path, _, id = request.path.partition("/messages/")
        if path != self.path():
            return self.no(404, 10015, "Unknown Webhook")
        if self.says:
            return self.no(*self.says.pop(0), "As the test says")
        if request.query.get("thread_id", "") != self.thread:
            return self.no(400, 220001, "Webhooks posted to forum channels must have a thread")
        content = json.loads(body)
        try:
            check(content)
        except WrongError as error:
            self.complaints.append(str(error))
            return self.no(400, 50035, "Invalid Form Body")
        if request.method == "PATCH" and id:
            return self.edit(id, content)
        if request.method != "POST" or id:
            return self.refuse("no such route", 405)
        if request.query.get("wait") != "true":
            return self.refuse("without `wait` it is not said whether the message was kept")
        new = str(900_000_000_000 + len(self.messages))
        return self.keep(new, content, is_edit=False)

    def edit(self, id: str, content: dict[str, Any]) -> web.Response:
        """Other content for a message."""
        if id not in self.messages:
            return self.no(404, 10008, "Unknown Message")
        return self.keep(id, content, is_edit=True)

    def keep(self, id: str, content: dict[str, Any], *, is_edit: bool) -> web.Response:
        """It stands in the channel now."""
        self.messages[id] = content
        self.calls.append(("PATCH" if is_edit else "POST", content))
        self.heard.append(Heard(text=shown(content), thread=id, is_edit=is_edit))
        return web.json_response({"id": id, "channel_id": "5678", "webhook_id": "1234"})

    def no(self, status: int, code: int, words: str) -> web.Response:
        """Refused, with a number."""
        return web.json_response({"message": words, "code": code}, status=status)

    def busy(self) -> web.Response:
        """As https://docs.discord.com/developers/topics/rate-limits shows it."""
        body = {"message": "You are being rate limited.", "retry_after": float(RETRY_AFTER)}
        headers = {"Retry-After": str(RETRY_AFTER), "X-RateLimit-Scope": "user"}
        return web.json_response({**body, "global": False}, status=429, headers=headers)

    def poisoned(self) -> web.Response:
        """A message that it takes for malformed."""
        return self.no(400, 50035, "Invalid Form Body")
