"""The wall clock of a worker, set by that of the store which many share.

What one worker plans, another one does: a delivery that is due by a clock that is ten minutes
ahead would wait ten minutes at a worker whose own clock is right.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

TOLERATED = timedelta(seconds=2)
"""A difference as small as that is left: a busy store's answer may be as late."""


class Clock:
    """Says `now`, less what it is `off` by the store's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._own = now
        self._heard: timedelta | None = None
        self.off = timedelta(0)

    def __call__(self) -> datetime:
        """The instant, in UTC."""
        return self._own() - self.off

    def set_by(self, at: datetime) -> bool:
        """Hear the instant by the store's clock; whether it was worth setting.

        But for the first time it has to be heard twice: an answer may come late, and a process may
        be paused before it hears it.
        """
        off = self._own() - at
        before, self._heard = self._heard, off
        is_sure = before is None or abs(off - before) <= TOLERATED
        if not is_sure or abs(off - self.off) <= TOLERATED:
            return False
        self.off = off
        return True
