"""The words of events, and of what a person looks for.

What a word is, is decided here and in no database: the texts of an event are taken apart in
the same way as what a person types. So every store finds the same, and there is nothing in a
question that could be an operator.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from unicodedata import combining, normalize

from bellbuoy.events import Event

LONGEST = 100
"""Characters by which words are told apart; whatever is longer is no word of a language."""

_WORD = re.compile(r"[^\W_]+")
_ONLY_WORDS = {number: " " for number in range(128) if not chr(number).isalnum()}


def words_in(said: str) -> tuple[str, ...]:
    """The words of a text, in its order: letters and digits, without case and accents.

    Compatible forms are one (https://unicode.org/reports/tr15/, NFKD): a full-width letter is
    a letter.
    """
    return tuple(word[:LONGEST] for word in _apart(said))


def words_of(event: Event) -> frozenset[str]:
    """The words by which an event is found."""
    said = [event.provider.name, event.reason or ""]
    if event.incident is not None:
        said.append(event.incident.title)
        said += (each.name for each in event.incident.components)
    if event.update is not None:
        said.append(event.update.body)
    if event.component is not None:
        said.append(event.component.name)
    return frozenset(word[:LONGEST] for word in frozenset(_apart("\n".join(said))))


def has_all(there: AbstractSet[str], wanted: Sequence[str]) -> bool:
    """Whether every wanted word is there; of the last one its beginning is enough."""
    *whole, last = wanted
    return there >= set(whole) and any(word.startswith(last) for word in there)


def _apart(said: str) -> list[str]:
    if said.isascii():
        # Most texts are, and every event is taken apart while it is written.
        return said.lower().translate(_ONLY_WORDS).split()
    # Folding to a compatible form can bring a capital (™), folding case an accent (İ).
    folded = normalize("NFKD", normalize("NFKD", said.casefold()).casefold())
    return _WORD.findall("".join(each for each in folded if not combining(each)))
