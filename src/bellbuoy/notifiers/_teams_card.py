"""Messages as Adaptive Cards 1.4, as Microsoft Teams shows them.

The elements: https://adaptivecards.io/explorer (read 2026-11-28). Every text stands in a
RichTextBlock, never in a TextBlock or a FactSet: those read Markdown, and an escape in it is
undone on the desktop but shown on phones (microsoft/AdaptiveCards#5590). A RichTextBlock knows
no Markdown at all, so what a vendor wrote is shown as it is.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from bellbuoy.notifiers._wording import DigestWords, Line, Tone, Words
from bellbuoy.text import MAX_BODY

MAX_BYTES = 20_000
"""Teams takes about 28 KB, counted after it has rewritten a message; this is what is sent."""

MAX_FACTS = 20
MAX_IDS = 200
"""Ids of events listed in one card; the rest is counted."""

_LEAST = 100
"""No text needs to be cut shorter than this to fit, in characters."""

_STYLES = {
    Tone.CRITICAL: ("attention", "Attention"),
    Tone.MAJOR: ("attention", "Attention"),
    Tone.MINOR: ("warning", "Warning"),
    Tone.PLANNED: ("accent", "Accent"),
    Tone.UNKNOWN: ("emphasis", "Default"),
    Tone.GOOD: ("good", "Good"),
}
"""The style of the state's ground, and the colour of its words where it has no ground."""

# Clients replace {{DATE(...)}} and {{TIME(...)}} in every text; with a blank inside they do not.
# <at> marks a mention; without its entity it is none, and with a blank it is no tag either.
_FUNCTION = re.compile(r"\{\{(?=DATE|TIME)")
_MENTION = re.compile(r"<(?=/?at\b)", re.IGNORECASE)

Element = dict[str, Any]


def of_words(words: Words, notes: Sequence[str], id: str) -> bytes:
    """One event as the body of a request; its longest texts are cut until it fits."""
    return _fitted(lambda most: _message(_event(words, notes, id, most), words.link), MAX_BODY)


def of_digest(words: DigestWords, notes: Sequence[str]) -> bytes:
    """Many events as the body of a request; the lines that do not fit are counted."""
    # In the order of the lines, so that what is still open comes first.
    return _fitted(lambda most: _message(_lines(words, notes, most), ""), len(words.lines), 1)


def inert(text: str) -> str:
    """A text in which nothing stands for something else."""
    return _MENTION.sub("< ", _FUNCTION.sub("{{ ", text))


def _fitted(render: Callable[[int], Element], most: int, least: int = _LEAST) -> bytes:
    """The largest rendering that Teams takes; what is rendered grows with its number."""

    def encoded(number: int) -> bytes:
        return msgspec.json.encode(render(number))

    whole = encoded(most)
    if len(whole) <= MAX_BYTES:
        return whole
    numbers = range(least, max(most, least + 1))
    fitting = bisect_right(numbers, MAX_BYTES, key=lambda number: len(encoded(number)))
    return encoded(numbers[max(fitting - 1, 0)])


def _message(card: Element, link: str) -> Element:
    if link:
        card.setdefault("actions", []).append(_open(link, "Read on"))
    content_type = "application/vnd.microsoft.card.adaptive"
    # `contentUrl` must be there, and null: a workflow's trigger refuses a message without it.
    attachment = {"contentType": content_type, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _card(body: list[Element], **rest: Any) -> Element:
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        **rest,
    }


def _event(words: Words, notes: Iterable[str], id: str, most: int) -> Element:
    style, _ = _STYLES[words.tone]
    state = [_block(_run(words.state, most, weight="Bolder"))]
    if words.occasion:
        state.insert(0, _block(_run(words.occasion, most)))
    facts = words.facts[:MAX_FACTS]
    return _card(
        [
            {"type": "Container", "style": style, "bleed": True, "items": state},
            _block(_run(words.subject, most, weight="Bolder", size="Large")),
            *_paragraphs(words.body, most),
            *(
                _block(_run(f"{label}: ", most, isSubtle=True), _run(text, most), spacing="Small")
                for label, text in facts
            ),
            *(_block(_run(note, most, italic=True)) for note in notes),
            _block(_run(f"Bellbuoy, event {id}", most, size="Small", isSubtle=True)),
        ]
    )


def _lines(words: DigestWords, notes: Iterable[str], most: int) -> Element:
    body = [_block(_run(words.subject, MAX_BODY, weight="Bolder", size="Large"))]
    shown = words.lines[:most]
    for title, is_open in (("Still open", True), ("Came and went", False)):
        lines = [_line(line) for line in shown if line.is_open is is_open]
        if lines:
            body += [_block(_run(title, MAX_BODY, isSubtle=True), separator=True), *lines]
    if left_out := len(words.lines) - len(shown):
        body.append(_block(_run(f"and {left_out} more", MAX_BODY)))
    body += [_block(_run(note, MAX_BODY, italic=True)) for note in notes]
    ids = [id for line in shown for id in line.event_ids]
    if len(ids) > MAX_IDS:
        ids = [*ids[:MAX_IDS], f"and {len(ids) - MAX_IDS} more"]
    listed = _run(", ".join(ids), MAX_BODY, size="Small", isSubtle=True)
    body.append(_block(listed, id="ids", isVisible=False))
    show = {"type": "Action.ToggleVisibility", "title": "Event ids", "targetElements": ["ids"]}
    return _card(body, actions=[show])


def _line(line: Line) -> Element:
    _, colour = _STYLES[line.tone]
    link = {"selectAction": _open(line.link, "Read on")} if line.link else {}
    return _block(
        _run(f"{line.state}: ", MAX_BODY, weight="Bolder", color=colour),
        _run(line.subject, MAX_BODY, **link),
        spacing="Small",
    )


def _paragraphs(text: str, most: int) -> Iterator[Element]:
    """A block for each line, because not every client breaks lines inside of one."""
    spacing = "Medium"
    for line in _cut(text, most).splitlines():
        if line.strip():
            yield _block(_run(line, most), spacing=spacing)
        spacing = "None" if line.strip() else "Medium"


def _block(*runs: Element, **rest: Any) -> Element:
    return {"type": "RichTextBlock", "inlines": list(runs), **rest}


def _run(text: str, most: int, **rest: Any) -> Element:
    return {"type": "TextRun", "text": inert(_cut(text, most)), **rest}


def _open(address: str, title: str) -> Element:
    return {"type": "Action.OpenUrl", "title": title, "url": address}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
