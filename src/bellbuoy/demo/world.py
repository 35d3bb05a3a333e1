"""A small pretend world of vendors whose troubles begin, develop and end by a seed.

    World(seed, seconds) -> vendors -> steps -> what each page says from then on

Pure: one `random.Random` and no clock. Does not decide how a page is written (render), nor
when a reader has seen enough of a step (server).
"""

from collections.abc import Mapping
from random import Random

from msgspec import Struct

from bellbuoy.demo.draft import Beat, Facts, Shape, Trouble
from bellbuoy.demo.stories import tell
from bellbuoy.model.facts import Provider

POLLS = 50
"""How many polls of each page fit into the time given."""

MIN_EVERY = 0.2
"""The shortest period between two polls, in seconds."""

LOOKS = 3
"""How many times a page is read before what it says changes again.

What no update tells must be seen twice, and the third look proves that the second ended.
"""


class Step(Struct, frozen=True, kw_only=True):
    """What a page says from `at` on, in seconds after the world's beginning."""

    at: float
    facts: Facts
    trouble: Trouble | None = None


class Vendor(Struct, frozen=True, kw_only=True):
    """A vendor with one page, and its life: one step after the other, the first at 0."""

    provider: Provider
    address: str
    shape: Shape
    steps: tuple[Step, ...]

    def at(self, seconds: float) -> Step:
        """The step that this page stands at after so many seconds."""
        return next(step for step in reversed(self.steps) if step.at <= max(seconds, 0.0))


class World:
    """Every vendor of the pretend internet, told over `seconds`.

    `every` is the period at which its pages want to be polled, in seconds. Every life ends
    by 70 % of the time, and two steps of one page lie at least `LOOKS` polls apart, unless
    the time is too short for that. `end` is 90 % of it, in seconds.
    """

    def __init__(self, seed: int, seconds: float) -> None:
        self.every = max(MIN_EVERY, seconds / POLLS)
        self.end = 0.9 * seconds
        self.vendors = tuple(
            Vendor(
                provider=story.provider,
                address=story.address,
                shape=story.shape,
                steps=_spread(story.beats, seconds, Random(f"{seed} {story.provider.slug}")),
            )
            for story in tell(seed)
        )

    def at(self, seconds: float) -> Mapping[str, Facts]:
        """What every vendor says after so many seconds, by its slug."""
        return {vendor.provider.slug: vendor.at(seconds).facts for vendor in self.vendors}


def _spread(beats: tuple[Beat, ...], seconds: float, rng: Random) -> tuple[Step, ...]:
    first, last = 0.08 * seconds, 0.7 * seconds
    gap = LOOKS * seconds / POLLS
    slack = max(0.0, last - first - gap * (len(beats) - 2))
    moments = sorted(rng.uniform(0.0, slack) for _ in beats[1:])
    times = [0.0, *(first + gap * place + moment for place, moment in enumerate(moments))]
    return tuple(
        Step(at=at, facts=facts, trouble=trouble)
        for at, (facts, trouble) in zip(times, beats, strict=True)
    )
