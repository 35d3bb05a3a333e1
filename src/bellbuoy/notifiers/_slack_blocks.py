"""Messages as Slack shows them: blocks of mrkdwn, and one line for where blocks are not shown.

`&`, `<` and `>` are escaped, which leaves no markup but our own links, and `verbatim` keeps
Slack from making mentions and links of plain words. A section holds 3,000 characters and
a message 50 blocks; Slack counts all of a message together as well, and was seen to refuse
11,341 characters of text (https://github.com/slackapi/bolt-js/issues/2867), so that a message
here stays below 9,000.

https://docs.slack.dev/messaging/formatting-message-text,
https://docs.slack.dev/reference/block-kit/composition-objects/text-object and
https://docs.slack.dev/reference/block-kit/blocks/section-block, read on 2026-11-28.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._lengths import cut, listed, spread, units
from bellbuoy.notifiers._signs import SIGNS
from bellbuoy.notifiers._wording import DigestWords, Line, Words

_MAX_SUBJECT, _MAX_STATE, _MAX_ADDRESS, _MAX_BODY, _MAX_FACTS = 500, 500, 1200, 2500, 550
_MAX_LINE_SUBJECT, _MAX_LINE_STATE, _MAX_LINE_ADDRESS, _MAX_LINES = 250, 100, 400, 2900
_SECTIONS_OF_A_DIGEST = 3
_PLAIN_IN_AN_ADDRESS = ":/?#[]@!$&'()*+,;=%-._~"


def escaped(text: str) -> str:
    """Text in which nothing is markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def linked(address: str, label: str, limit: int) -> str:
    """A link with a label that is escaped already; the label alone if the address is too long."""
    address = escaped(quote(address, _PLAIN_IN_AN_ADDRESS))
    return f"<{address}|{label}>" if address and units(address) <= limit else label


def whole(words: Words, *, repeat: bool = False) -> dict[str, Any]:
    """A message that stands by itself: everything that is known."""
    subject = linked(words.link, cut(words.subject, _MAX_SUBJECT, escaped), _MAX_ADDRESS)
    head = f"{SIGNS[words.tone]} *{subject}*\n{_state(words)}"
    return _message(words, head, words.facts, repeat=repeat)


def reply(words: Words, *, repeat: bool = False) -> dict[str, Any]:
    """A message below one that says what it is about and whom it concerns."""
    facts = tuple(fact for fact in words.facts if fact[0] in {"Impact", "Changed"})
    return _message(words, f"{SIGNS[words.tone]} *{_state(words)}*", facts, repeat=repeat)


def digest(words: DigestWords, *, repeat: bool = False) -> list[dict[str, Any]]:
    """Many incidents, a line each, in as few messages as they fit into."""
    subject = f"{escaped(words.subject)} {wording.REPEAT}" if repeat else escaped(words.subject)
    texts = spread([f"*{subject}*", *map(_line, words.lines)], _MAX_LINES)
    parts = range(0, len(texts), _SECTIONS_OF_A_DIGEST)
    return [
        {
            "text": subject,
            "blocks": [_section(text) for text in texts[part : part + _SECTIONS_OF_A_DIGEST]],
        }
        for part in parts
    ]


def _line(line: Line) -> str:
    subject = cut(line.subject, _MAX_LINE_SUBJECT, escaped)
    subject = linked(line.link, subject, _MAX_LINE_ADDRESS)
    return f"{SIGNS[line.tone]} {subject} - {cut(line.state, _MAX_LINE_STATE, escaped)}"


def _state(words: Words) -> str:
    said = f"{words.occasion}. {words.state}" if words.occasion else words.state
    return cut(said, _MAX_STATE, escaped)


def _message(
    words: Words, head: str, facts: tuple[tuple[str, str], ...], *, repeat: bool
) -> dict[str, Any]:
    subject = cut(words.subject, _MAX_SUBJECT, escaped)
    notes = [*words.notes, *([wording.REPEAT] if repeat else [])]
    blocks = [_section(head)]
    if body := cut(words.body.strip(), _MAX_BODY, _quoted):
        blocks.append(_section(body))
    if facts:
        blocks.append(_section("\n".join(_facts(facts))))
    if notes:
        said = [_text(escaped(note)) for note in notes]
        blocks.append({"type": "context", "elements": said})
    fallback = f"{SIGNS[words.tone]} {subject} - {_state(words)}"
    return {"text": ". ".join((fallback, *map(escaped, notes))), "blocks": blocks}


def _facts(facts: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for label in dict.fromkeys(label for label, _ in facts):
        texts = [_fact(label, text) for name, text in facts if name == label]
        yield f"*{label}:* {listed(texts, _MAX_FACTS)}"


def _fact(label: str, text: str) -> str:
    if label == "Runbook" and text.startswith(("https://", "http://")):
        return linked(text, "read it", _MAX_FACTS - 20)
    return cut(text, _MAX_FACTS, escaped)


def _quoted(text: str) -> str:
    return "\n".join(f">{line}" for line in escaped(text).splitlines())


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
