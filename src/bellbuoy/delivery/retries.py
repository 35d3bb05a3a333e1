"""When a delivery is tried again, and when it is given up. Pure."""

from datetime import datetime, timedelta

from bellbuoy.model.delivery import Delivery

GIVE_UP_AFTER = timedelta(hours=72)
"""A delivery this old is dead: visible, and can be replayed."""

FIRST_WAIT = 5.0
LONGEST_WAIT = 3600.0
"""Seconds between attempts: from the first, doubling, to the longest."""

HELD_AT_MOST = timedelta(hours=6)
"""The longest Retry-After of a receiver that is honoured."""


def next_attempt_at(
    delivery: Delivery, now: datetime, *, retry_after: float | None, chance: float
) -> datetime | None:
    """When to try again after the attempt at `now`; None if it is time to give up.

    `chance`, in [0, 1), spreads the waits by a quarter to either side, so that what failed together
    does not come back together. `retry_after` is what the receiver asked for, in seconds.
    """
    if now - delivery.created_at >= GIVE_UP_AFTER:
        return None
    wait = min(FIRST_WAIT * 2.0 ** min(delivery.attempts, 20), LONGEST_WAIT)
    at = now + timedelta(seconds=wait * (0.75 + chance / 2))
    if retry_after is not None:
        at = max(at, now + min(timedelta(seconds=retry_after), HELD_AT_MOST))
    # The last attempt comes when time is up, not up to an hour before.
    return min(at, max(delivery.created_at + GIVE_UP_AFTER, now + timedelta(seconds=wait)))
