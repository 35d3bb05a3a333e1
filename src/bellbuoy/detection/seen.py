"""What a format may know of the past when it decides what to ask. Pure."""

from datetime import datetime, timedelta

from bellbuoy.detection.merge import WITHDRAWN_AFTER
from bellbuoy.model.known import Known, Seen

HISTORY_EVERY = timedelta(minutes=5)
"""History is asked at most this often for no better reason than a moved page stamp."""


def seen(known: Known, now: datetime, *, read_at: datetime | None, every: float) -> Seen:
    """The part of `known` that a format needs.

    `read_at` is the last successful look, `every` the page's period in seconds. While
    something waits to be seen again, no entry counts as read, so that all are decoded.
    """
    after_gap = read_at is None or now - read_at > timedelta(seconds=2 * every)
    last = known.history_at
    return Seen(
        first_look=known.baseline_at is None,
        open_ids=frozenset(one.id for one in known.incidents.values() if one.is_open),
        entries={} if known.is_unsettled else known.entries,
        stamp=known.stamp,
        history_due=after_gap or last is None or now - last >= HISTORY_EVERY,
        after_gap=after_gap,
        missing={
            one.id: one.url
            for one in known.incidents.values()
            if one.missing_since is not None
            and one.missing_polls + 1 >= WITHDRAWN_AFTER[0]
            and now - one.missing_since >= WITHDRAWN_AFTER[1]
        },
    )
