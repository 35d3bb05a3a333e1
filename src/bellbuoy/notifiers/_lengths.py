"""Texts that fit: cut where a receiver's service ends, or spread over several messages.

Lengths are UTF-16 code units. Some services count those, some count characters: what has few
enough units has few enough characters, too.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

CUT = "…"
"""Ends a text that goes on elsewhere."""


def units(text: str) -> int:
    """How long a text is, in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, limit: int, escape: Callable[[str], str] = str) -> str:
    """A text escaped for its medium, in at most `limit` (two or more) units.

    Too long a text loses characters of its own, so that no escape is ever cut in two.
    """
    escaped = escape(text)
    if units(escaped) <= limit:
        return escaped
    # An escape only adds, so no more than `limit` characters can fit.
    lengths = range(min(len(text), limit) + 1)
    most = bisect_right(
        lengths, limit, key=lambda length: units(escape(text[:length])) + units(CUT)
    )
    return escape(text[: max(most - 1, 0)].rstrip()) + CUT


def spread(lines: Iterable[str], limit: int) -> list[str]:
    """Lines as few texts of at most `limit` units each, in their order.

    Each line must fit by itself.
    """
    texts: list[str] = []
    for line in lines:
        if texts and units(texts[-1]) + 1 + units(line) <= limit:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def listed(texts: Sequence[str], limit: int, separator: str = ", ") -> str:
    """As many whole texts as fit into `limit` units, and how many more there are."""
    shown = list(texts)
    said = separator.join(shown)
    while units(said) > limit and shown:
        shown.pop()
        said = separator.join([*shown, f"and {len(texts) - len(shown)} more"])
    return said
