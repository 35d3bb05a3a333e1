"""What a message is to a receiver that keeps one message per incident and edits it.

Does not decide how a step is told: a thread, a new message, a sound.
"""

from enum import StrEnum

from bellbuoy.events import Event, Phase
from bellbuoy.model.delivery import Occasion
from bellbuoy.model.facts import ComponentStatus, Impact
from bellbuoy.notifiers import Digest, Message

_CALM = 0
_RANKS = {
    Impact.MINOR.value: 1,
    Impact.MAJOR.value: 2,
    Impact.CRITICAL.value: 3,
    ComponentStatus.DEGRADED.value: 1,
    ComponentStatus.PARTIAL_OUTAGE.value: 2,
    ComponentStatus.MAJOR_OUTAGE.value: 3,
}
_LATER_WORDS = frozenset({"updated", "edited", "changed"})


class Step(StrEnum):
    """How a message stands to the one that the receiver already has of its incident."""

    FIRST = "it is the one that the next steps belong to"
    QUIET = "it belongs to the first one"
    LOUD = "it belongs to the first one, and whoever saw that must look again"
    AGAIN = "nothing happened: it only asks to look again"
    APART = "it belongs to nothing, and nothing will belong to it"


def step(message: Message) -> Step:
    """Which step a message is."""
    event, occasion = message.event, message.delivery.occasion
    if event.phase is Phase.ALONE:
        return Step.APART
    if not message.reference:
        return Step.FIRST
    if occasion in {Occasion.REMINDER, Occasion.AHEAD}:
        return Step.AGAIN
    is_reopened = event.kind.value.endswith(".reopened")
    if event.phase is Phase.BEGINS and not is_reopened:
        # A component or a page has one lane for ever: this is its next trouble.
        return Step.FIRST
    return Step.LOUD if is_reopened or _is_end(event) or _is_raised(event) else Step.QUIET


def standing(digest: Digest) -> tuple[Message, ...]:
    """The newest message of a digest for each one that the receiver already has."""
    newest: dict[str, Message] = {}
    anew: set[str] = set()
    for message in digest.messages:
        found = step(message)
        if found is Step.FIRST:
            anew.add(message.event.lane)
        elif found in {Step.QUIET, Step.LOUD}:
            newest[message.event.lane] = message
    return tuple(message for lane, message in newest.items() if lane not in anew)


def _is_end(event: Event) -> bool:
    # A word after the end (a postmortem, a corrected text) ends nothing a second time.
    has_words = event.incident is not None and event.kind.value.partition(".")[2] in _LATER_WORDS
    return event.phase is Phase.ENDS and not has_words


def _is_raised(event: Event) -> bool:
    name = "impact" if event.incident is not None else "status"
    before, after = event.changes.get(name, ("", ""))
    return _RANKS.get(str(after), _CALM) > _RANKS.get(str(before), _CALM)
