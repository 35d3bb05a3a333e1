"""Whether the monitor does its work: what watches the watcher.

Pure functions over `Vitals`, and an observer that knows when a visit ended last. That a page
cannot be read, or that our own network is away, is no reason: pages are still visited.
"""

from collections.abc import Callable

from msgspec import Struct

from bellbuoy.observer import Observer, VisitDone

STALLED_AFTER = 300.0
"""Without the end of any visit for so long, in seconds, polling counts as stalled ..."""

MISSED_LOOKS = 3
"""... or for so many of the shortest intervals, if that is longer."""


class Vitals(Struct, frozen=True, kw_only=True):
    """What is known of the process.

    `dead` are the tasks that ended though they never should, each with what it died of, by
    kind alone: whoever asks whether we are ready need not be known to us. `silence` is how
    many seconds ago a visit ended, or since the start. `shortest` is the shortest interval of
    all its pages in seconds, None without pages. `is_refused` says that the store refused the last
    write. `is_cut_off` says that this worker could not show a sign of life for so long that others
    may have taken over. `is_unread` says that the store, of which this process shows what others
    keep there, could not be read.
    """

    dead: tuple[str, ...] = ()
    silence: float = 0.0
    shortest: float | None = None
    is_refused: bool = False
    is_cut_off: bool = False
    is_unread: bool = False
    is_stopping: bool = False


def patience(shortest: float) -> float:
    """After how many seconds without the end of a visit polling counts as stalled.

    `shortest` is the shortest interval of all pages, in seconds.
    """
    return max(STALLED_AFTER, MISSED_LOOKS * shortest)


def stuck(vitals: Vitals) -> tuple[str, ...]:
    """Why only a restart helps; empty if none is needed."""
    reasons = [f"a task died: {name}" for name in vitals.dead]
    if vitals.shortest is not None and vitals.silence > patience(vitals.shortest):
        reasons.append(f"polling stalled: no visit ended for {vitals.silence:.0f} s")
    return tuple(reasons)


def unready(vitals: Vitals) -> tuple[str, ...]:
    """Why the monitor is not ready; empty if it is.

    More than `stuck`: a store that refuses may be a full disk, which a restart does not empty.
    """
    reasons = list(stuck(vitals))
    if vitals.is_refused:
        reasons.append("the store refuses to be written")
    if vitals.is_cut_off:
        reasons.append("the store does not answer, so others may have taken over")
    if vitals.is_unread:
        reasons.append("the store cannot be read")
    if vitals.is_stopping:
        reasons.append("it is stopping")
    return tuple(reasons)


class LastVisit(Observer):
    """Knows when a visit ended last: `at`, on the clock of `now`, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.at = now()

    def visit_done(self, details: VisitDone) -> None:  # noqa: ARG002 - that it ended is all
        """Polling goes on."""
        self.at = self._now()
