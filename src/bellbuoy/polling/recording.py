"""What was recorded, told to whoever listens."""

from collections.abc import Sequence

from bellbuoy.events import Event
from bellbuoy.observer import Observer, Recorded


def tell_recorded(observer: Observer, events: Sequence[Event]) -> None:
    """Tell of events that were new to the log, if there are any."""
    if events:
        observer.recorded(Recorded(kinds=tuple(event.kind.value for event in events)))
