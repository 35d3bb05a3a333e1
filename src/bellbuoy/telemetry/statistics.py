"""Figures of one run, for `--stats`."""

import math
import time
from collections import Counter
from typing import Any

from bellbuoy import platform
from bellbuoy.observer import Observer, VisitDone

_STEP = math.log(1.02)
_SMALLEST = 0.001


class Statistics(Observer):
    """Counts polls and what came of them, and how late they began.

    Lags are kept in steps of two percent above a millisecond, so that a run of months takes
    no more memory than one of a minute.
    """

    def __init__(self) -> None:
        self.polls = 0
        self.events = 0
        self._outcomes: Counter[str] = Counter()
        self._lags: Counter[int] = Counter()
        self._max_lag = 0.0

    def visit_done(self, details: VisitDone) -> None:
        """Count one poll."""
        self.polls += 1
        self.events += details.events
        self._outcomes[details.outcome] += 1
        lag = max(details.lag, 0.0)
        self._lags[math.ceil(math.log(max(lag, _SMALLEST) / _SMALLEST) / _STEP)] += 1
        self._max_lag = max(self._max_lag, lag)

    def lag(self, share: float) -> float:
        """The lag, in seconds, that this share of the polls did not exceed (within 2 %)."""
        left = math.ceil(share * self.polls)
        for step in sorted(self._lags):
            left -= self._lags[step]
            if left <= 0:
                return min(_SMALLEST * math.exp(step * _STEP), self._max_lag)
        return 0.0

    def figures(self) -> dict[str, Any]:
        """All figures so far.

        `cpu_seconds` and `max_rss_bytes` are those of the whole process; `lag` is in seconds.
        """
        return {
            "polls": self.polls,
            "not_modified": self._outcomes["not modified"],
            "changed": self._outcomes["changed"],
            "failed": self._outcomes["failed"],
            "events": self.events,
            "cpu_seconds": round(time.process_time(), 3),
            "max_rss_bytes": platform.max_rss_bytes(),
            "lag": {"p99": round(self.lag(0.99), 4), "max": round(self._max_lag, 4)},
        }
