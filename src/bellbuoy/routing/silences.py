"""Which silence mutes an event, and what is told all the same. Pure.

A silence takes away what it surely matches: an incident that names no component is not muted by
a silence for components. Whoever was told that something began is told of its end, silence or
not: a page that never ends is worse than one that rings once more.
"""

from collections.abc import Iterable
from datetime import datetime

from bellbuoy.events import Event
from bellbuoy.model.delivery import Silence
from bellbuoy.routing.matchers import Landscape, surely_matches


def silenced_by(
    event: Event, silences: Iterable[Silence], at: datetime, landscape: Landscape
) -> Silence | None:
    """The silence in force at this instant that mutes the event; None if none does."""
    for silence in silences:
        in_force = silence.starts_at <= at < silence.ends_at
        if in_force and surely_matches(silence.matcher, event, landscape):
            return silence
    return None
