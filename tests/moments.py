"""How long a thing takes that a hostile or large input must not hold up.

Machines that run tests are shared and may turn slow at any moment. So what counts is this
thread's processor time at best of some tries: noise only ever adds to it.
"""

import time
from collections.abc import Callable

TRIES = 5


def least_cpu(act: Callable[[], object], enough: float = 0.0) -> float:
    """Seconds of CPU that `act` takes at best; it is not tried again once they are `enough`."""
    best = float("inf")
    for _ in range(TRIES):
        began = time.thread_time()
        act()
        best = min(best, time.thread_time() - began)
        if best < enough:
            break
    return best
