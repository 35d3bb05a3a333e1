"""How far the vendor's clock and ours are apart. Pure."""

import json
from collections.abc import Iterable
from datetime import timedelta
from statistics import median

from msgspec import Struct

from bellbuoy.events import ALREADY_OPEN, Event

MOST_POINTS = 200
"""How many of the newest events the lag is taken from."""


class Lag(Struct, frozen=True, kw_only=True):
    """How long after the vendor's own time its messages were seen here.

    `times` and `seconds` are the points of a line, oldest first, in seconds (since 1970, and of
    lag). `middle` is the median, `most` the largest.
    """

    times: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def middle(self) -> timedelta:
        """The median."""
        return timedelta(seconds=median(self.seconds))

    @property
    def most(self) -> timedelta:
        """The largest."""
        return timedelta(seconds=max(self.seconds))

    @property
    def points(self) -> str:
        """Times and seconds as JSON, for whoever draws the line."""
        return json.dumps([self.times, self.seconds])

    @property
    def is_ahead(self) -> bool:
        """Whether the vendor's clock is before ours, so that its messages come from the future."""
        return self.middle < timedelta()


def lag(events: Iterable[Event]) -> Lag | None:
    """The lag of a page's events; None if none of them tells.

    What was over, or open already, when it was first seen tells of us and not of the vendor, and
    so does what was found in a history.
    """
    points = sorted(
        (int(event.observed_at.timestamp()), (event.observed_at - event.at).total_seconds())
        for event in events
        if event.at is not None
        and event.update is not None
        and not event.late
        and event.reason != ALREADY_OPEN
    )[-MOST_POINTS:]
    if not points:
        return None
    times, seconds = zip(*points, strict=True)
    return Lag(times=times, seconds=seconds)
