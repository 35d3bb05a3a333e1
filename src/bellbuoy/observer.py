"""What happened, told to whoever listens: logs, metrics, statistics, tests.

No room needs to know who listens. An observer is called at once and in the same thread,
so it must be quick and must not raise.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from bellbuoy.errors import Unreadable
from bellbuoy.model.delivery import Delivery

STORE = "store"
"""What `Happened.about` says where the store refused something."""


class RequestDone(Struct, frozen=True, kw_only=True):
    """One HTTP exchange ended. `status` is None if no answer came; `seconds` is its length."""

    method: str
    url: str
    status: int | None
    seconds: float
    size: int = 0
    error: str = ""


class VisitDone(Struct, frozen=True, kw_only=True):
    """One poll ended.

    `outcome` is "not modified", "changed" (it was worth a write) or "failed". `failure` is
    why, if it failed. `lag` is how late the visit began, in seconds. `events` counts what
    was recorded. `unreadable` is the page's standing after the visit: why it counts as
    unreadable (`Health.unreadable`), or None.
    """

    page_key: str
    provider: str
    outcome: str
    seconds: float
    lag: float = 0.0
    failure: Unreadable | None = None
    detail: str = ""
    events: int = 0
    unreadable: Unreadable | None = None


class Recorded(Struct, frozen=True, kw_only=True):
    """Events that were new to the log; `kinds` has one entry for each."""

    kinds: tuple[str, ...]


class Withheld(Struct, frozen=True, kw_only=True):
    """Something was seen and led to no event, or to no delivery; `reason` says why."""

    page_key: str
    about: str
    reason: str
    receiver: str = ""


class Attempted(Struct, frozen=True, kw_only=True):
    """A delivery was tried; the delivery holds the outcome."""

    delivery: Delivery


class Happened(Struct, frozen=True, kw_only=True):
    """Something in the life of the process: started, recovered, stopped.

    `level` is "debug", "info", "warning" or "error". `fields` are bounded, safe to print.
    `about` is the part of the process that has trouble, where that is counted: `STORE`.
    """

    what: str
    level: str = "info"
    about: str = ""
    at: datetime | None = None
    fields: dict[str, object] = {}


def refused(what: str) -> Happened:
    """The store refused something; `what` says what, and why."""
    return Happened(what=what, level="error", about=STORE)


class Observer:
    """A listener that ignores everything: override what you want to hear."""

    def request_done(self, details: RequestDone) -> None:
        """An HTTP exchange ended."""

    def visit_done(self, details: VisitDone) -> None:
        """A poll ended."""

    def recorded(self, details: Recorded) -> None:
        """Events were added to the log."""

    def withheld(self, details: Withheld) -> None:
        """Something led to no event or no delivery."""

    def attempted(self, details: Attempted) -> None:
        """A delivery was tried."""

    def happened(self, details: Happened) -> None:
        """Something happened to the process."""

    def changed(self, page_key: str) -> None:
        """What is known of a page may have changed without a visit of this process."""


class Observers(Observer):
    """Several listeners as one."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def request_done(self, details: RequestDone) -> None:
        for observer in self._observers:
            observer.request_done(details)

    def visit_done(self, details: VisitDone) -> None:
        for observer in self._observers:
            observer.visit_done(details)

    def recorded(self, details: Recorded) -> None:
        for observer in self._observers:
            observer.recorded(details)

    def withheld(self, details: Withheld) -> None:
        for observer in self._observers:
            observer.withheld(details)

    def attempted(self, details: Attempted) -> None:
        for observer in self._observers:
            observer.attempted(details)

    def happened(self, details: Happened) -> None:
        for observer in self._observers:
            observer.happened(details)

    def changed(self, page_key: str) -> None:
        for observer in self._observers:
            observer.changed(page_key)
