"""What an edit did to a text, word by word; pure."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from msgspec import Struct

MOST_WORDS = 1500
"""Texts of more words are told whole, before and after: comparing takes their product in time."""

_WORDS = re.compile(r"\S+\s*|^\s+")


class Piece(Struct, frozen=True):
    """A stretch of text, and whether it stayed, went or came."""

    how: Literal["same", "gone", "new"]
    text: str


def difference(before: str, after: str) -> tuple[Piece, ...]:
    """The way from one text to the other. What stayed and came is the text after it."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return tuple(each for each in (Piece("gone", before), Piece("new", after)) if each.text)
    return tuple(_pieces(old, new))


def _pieces(old: list[str], new: list[str]) -> Iterator[Piece]:
    for how, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[i1:i2]), "".join(new[j1:j2])
        if how == "equal":
            yield Piece("same", came)
            continue
        # The space behind the last word is not marked: it would stand there as a mark alone.
        bare = came.rstrip()
        marked = (
            Piece("gone", gone.rstrip()),
            Piece("new", bare),
            Piece("same", came[len(bare) :]),
        )
        yield from (piece for piece in marked if piece.text)
