"""Where the words that somebody looks for stand in a text. Pure."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from bellbuoy.stores.words import words_in

_WORD = re.compile(r"[^\W_]+")

AROUND = 90
"""Characters that are shown before the first hit."""

LONGEST = 380
"""Characters of a text that are shown."""


class Piece(Struct, frozen=True):
    """A part of a text; `is_hit` if it is a word that was looked for."""

    text: str
    is_hit: bool = False


def marked(text: str, wanted: Sequence[str]) -> tuple[Piece, ...]:
    """A text in pieces, by the words as the search knows them (`stores.words`)."""
    found: list[Piece] = []
    at = 0
    for begin, end in _hits(text, wanted):
        found += [Piece(text[at:begin])] if begin > at else []
        found.append(Piece(text[begin:end], is_hit=True))
        at = end
    found += [Piece(text[at:])] if at < len(text) else []
    return tuple(found)


def excerpt(text: str, wanted: Sequence[str]) -> tuple[Piece, ...]:
    """The part of a text around its first hit, or its beginning, in pieces."""
    first = next(_hits(text, wanted), (0, 0))[0]
    begin = max(first - AROUND, 0) if first > LONGEST - AROUND else 0
    end = begin + LONGEST
    shown = text[begin:end].strip()
    return marked(f"{'… ' if begin else ''}{shown}{' …' if end < len(text) else ''}", wanted)


def _hits(text: str, wanted: Sequence[str]) -> Iterator[tuple[int, int]]:
    if not wanted:
        return
    whole, last = frozenset(wanted[:-1]), wanted[-1]
    for match in _WORD.finditer(text):
        if any(word in whole or word.startswith(last) for word in words_in(match[0])):
            yield match.span()
