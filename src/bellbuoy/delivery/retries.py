"""When a delivery is tried again, and when it is given up. Pure."""

from datetime import datetime, timedelta

from bellbuoy.model.delivery import Delivery

GIVE_UP_AFTER = timedelta(hours=72)
"""A delivery this old is dead: visible, and can be replayed ..."""

FEWEST_ATTEMPTS = 10
"""... once it was tried so often, which takes about 25 minutes.

A machine that slept over a long weekend has deliveries of that age when it wakes up, and no
network in its first second; and one that a person revives is old already.
"""

FEWEST_ATTEMPTS_AWAY = 100
"""The same at a receiver that is away, for which the waits do not grow."""

FIRST_WAIT = 5.0
LONGEST_WAIT = 600.0
"""Seconds between attempts: from the first, doubling, to the longest."""

HELD_AT_MOST = 6 * 3600.0
"""The longest Retry-After of a receiver that is honoured, in seconds."""


def next_attempt_at(
    delivery: Delivery,
    now: datetime,
    *,
    retry_after: float | None,
    chance: float,
    away: bool = False,
) -> datetime | None:
    """When to try again after the attempt that failed `now`; None if it is time to give up.

    `chance`, in [0, 1), spreads the waits by a quarter to either side, so that what failed together
    does not come back together. `retry_after` is what the receiver asked for, in seconds. One
    that is `away` is tried at the first wait, again and again, so that all of it goes out soon
    after it is back, however long that took.
    """
    attempts = delivery.attempts + 1
    fewest = FEWEST_ATTEMPTS_AWAY if away else FEWEST_ATTEMPTS
    if now - delivery.created_at >= GIVE_UP_AFTER and attempts >= fewest:
        return None
    wait = FIRST_WAIT
    if not away:
        wait = min(FIRST_WAIT * 2.0 ** min(delivery.attempts, 20), LONGEST_WAIT)
    wait *= 0.75 + chance / 2
    if retry_after is not None:
        wait = max(wait, min(retry_after, HELD_AT_MOST))
    return now + timedelta(seconds=wait)
