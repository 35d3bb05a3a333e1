"""Messages as Discord shows them: one line of content, and an embed with the rest.

The line is what a phone shows in its notification, and what stays where embeds are switched
off. All that is markup to Discord is escaped with a backslash; nobody is mentioned, whatever
a text says (`allowed_mentions`).

Limits: content 2,000 characters; an embed's description 4,096, a field's name 256 and its value
1,024, a footer 2,048, 25 fields; 10 embeds, and 6,000 characters in all embeds of a message.
https://docs.discord.com/developers/resources/message#embed-object-embed-limits and
https://docs.discord.com/developers/resources/message#allowed-mentions-object, read on 2026-11-28.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._lengths import cut, listed, spread, units
from bellbuoy.notifiers._signs import SIGNS
from bellbuoy.notifiers._wording import DigestWords, Line, Tone, Words

Content = dict[str, Any]

_COLOURS = {
    Tone.CRITICAL: 0xD92D20,
    Tone.MAJOR: 0xF79009,
    Tone.MINOR: 0xFAC515,
    Tone.PLANNED: 0x2E90FA,
    Tone.UNKNOWN: 0x98A2B3,
    Tone.GOOD: 0x17B26A,
}

_MAX_SUBJECT, _MAX_STATE, _MAX_BODY, _MAX_ADDRESS, _MAX_FACTS = 900, 500, 2200, 800, 500
_MAX_LINE_SUBJECT, _MAX_LINE_STATE, _MAX_LINE_ADDRESS, _MAX_LINES = 250, 100, 400, 3900
_PLAIN_IN_AN_ADDRESS = ":/?#@!$&'+,;=%-._~"

# Emphasis, code, spoilers, quotes, headings, links, mentions, emoji and times; the colon that
# makes an address of a word; and what begins a list.
_MARKUP = re.compile(r"[\\*_~`|<>\[\]@#]|:(?=//)|(?<!\S)[-+](?=\s)")


def escaped(text: str) -> str:
    """Text in which nothing is markup."""
    return _MARKUP.sub(r"\\\g<0>", text)


def linked(address: str, label: str, limit: int) -> str:
    """A link with a label that is escaped already; the label alone if the address is too long."""
    address = quote(address, _PLAIN_IN_AN_ADDRESS)
    return f"[{label}](<{address}>)" if address and units(address) <= limit else label


def whole(words: Words, *, repeat: bool = False) -> Content:
    """A message with everything that is known."""
    notes = [*words.notes, *([wording.REPEAT] if repeat else [])]
    host = escaped(urlsplit(words.link).hostname or "") if words.link else ""
    parts = [
        cut(words.body.strip(), _MAX_BODY, escaped),
        linked(words.link, f"Read on at {host}", _MAX_ADDRESS) if host else "",
    ]
    embed: Content = {"color": _COLOURS[words.tone]}
    if description := "\n\n".join(filter(None, parts)):
        embed["description"] = description
    if fields := list(_fields(words.facts)):
        embed["fields"] = fields
    if notes:
        embed["footer"] = {"text": " ".join(notes)}
    state = f"{words.occasion}. {words.state}" if words.occasion else words.state
    said = f"**{cut(words.subject, _MAX_SUBJECT, escaped)}** - {cut(state, _MAX_STATE, escaped)}"
    mark = f" {escaped(wording.REPEAT)}" if repeat else ""
    return _inert(f"{SIGNS[words.tone]} {said}{mark}", [embed] if len(embed) > 1 else [])


def digest(words: DigestWords, *, repeat: bool = False) -> list[Content]:
    """Many incidents, a line each, in as few messages as they fit into."""
    subject = f"{words.subject} {wording.REPEAT}" if repeat else words.subject
    texts = spread(map(_line, words.lines), _MAX_LINES)
    heads = [f"**{cut(subject, _MAX_SUBJECT, escaped)}**", *[""] * (len(texts) - 1)]
    return [_inert(head, [{"description": text}]) for head, text in zip(heads, texts, strict=True)]


def _inert(line: str, embeds: list[Content]) -> Content:
    return {"content": line, "embeds": embeds, "allowed_mentions": {"parse": []}}


def _line(line: Line) -> str:
    subject = cut(line.subject, _MAX_LINE_SUBJECT, escaped)
    subject = linked(line.link, subject, _MAX_LINE_ADDRESS)
    return f"{SIGNS[line.tone]} {subject} - {cut(line.state, _MAX_LINE_STATE, escaped)}"


def _fields(facts: tuple[tuple[str, str], ...]) -> Iterator[Content]:
    for label in dict.fromkeys(label for label, _ in facts):
        texts = [_fact(label, text) for name, text in facts if name == label]
        shown = listed([text for text in texts if text], _MAX_FACTS)
        if shown:
            yield {"name": label, "value": shown, "inline": label == "Impact"}


def _fact(label: str, text: str) -> str:
    if label == "Runbook" and text.startswith(("https://", "http://")):
        return linked(text, "read it", _MAX_FACTS - 20)
    return cut(text.strip(), _MAX_FACTS, escaped)
