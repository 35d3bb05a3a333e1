"""When to look again. Pure: seconds in, seconds out.

Polite by default, prompt when it matters: twice as often while an incident is open, slower
where a server says that its answer stays fresh, slower and slower while a page fails. A
period that a person wrote is never stretched but by failure and by Retry-After.
"""

import math
from datetime import datetime, timedelta
from hashlib import blake2b

from bellbuoy.detection.health import UNREADABLE_AFTER
from bellbuoy.errors import FetchError
from bellbuoy.exchange import Response
from bellbuoy.model.facts import ComponentStatus, IncidentKind, IncidentStatus, Page
from bellbuoy.model.known import Known, KnownIncident, PageState

FIRST_SPREAD = 30.0
"""First visits are spread over at most this many seconds ..."""

FIRST_EACH = 0.02
"""... and over no more than this for each page, in seconds: five pages need not wait."""

FASTEST = 10.0
"""An open incident does not make us look more often than this, in seconds, by our own wish."""

FRESH_AT_MOST = 300.0
"""A server's max-age delays the next look to at most this many seconds."""

BACKOFF_AT_MOST = 600.0
"""The longest wait between two looks at a page that fails, in seconds."""

HELD_AT_MOST = 3600.0
"""The longest Retry-After that is honoured, in seconds."""

REFRESH_EVERY = timedelta(hours=1)
"""Some servers freeze their ETag: this often a look is unconditional ..."""

REFRESH_OPEN_EVERY = timedelta(minutes=5)
"""... and this often while an incident is open."""


def phase(page_key: str) -> float:
    """A number in [0, 1) that belongs to a page: pages with other keys have others, evenly."""
    digest = blake2b(page_key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def first_delay(page: Page, pages: int, within: float = math.inf) -> float:
    """How long after they are taken to look first at one of so many pages, in seconds.

    Not later than `within`, for those that somebody else has looked at until now.
    """
    return phase(page.key) * min(page.every, FIRST_SPREAD, pages * FIRST_EACH, within)


def next_delay(
    page: Page,
    state: PageState,
    now: datetime,
    *,
    max_age: float | None = None,
    is_offline: bool = False,
) -> float:
    """How long after a visit began to look again.

    `max_age` is what the answer said of its freshness. While we are offline ourselves,
    failures do not slow us down: the first sign of life is wanted soon.
    """
    delay = _wanted(page, state, max_age)
    health = state.health
    if health.failures and not is_offline:
        # Jitter, so that pages which failed together do not come back together.
        backoff = min(delay * 2.0 ** min(health.failures - 1, 16), BACKOFF_AT_MOST)
        delay = max(delay, backoff * (1 - 0.25 * phase(f"{page.key} {health.failures}")))
        if health.unreadable is None and health.failing_since is not None:
            verdict_at = health.failing_since + UNREADABLE_AFTER[1]
            wait = max((verdict_at - now).total_seconds(), 0.0)
            delay = min(delay, max(wait, page.every))
    if health.held_until is not None and health.held_until > now:
        held = (health.held_until - now).total_seconds()
        delay = max(delay, min(held, HELD_AT_MOST))
    return delay


def wants_refresh(state: PageState, now: datetime) -> bool:
    """Whether to look without validators this time."""
    if state.unsettled or state.refreshed_at is None:
        return True
    period = REFRESH_OPEN_EVERY if state.has_open else REFRESH_EVERY
    return not timedelta(0) <= now - state.refreshed_at < period


def held_until(answer: Response | FetchError, now: datetime) -> datetime | None:
    """The instant before which a host does not want to be asked again, by an answer that counts.

    A FetchError says it to `health`, which takes in failed visits.
    """
    if isinstance(answer, FetchError) or answer.status != 503 or answer.retry_after is None:
        return None
    after = answer.retry_after
    seconds = (after - now).total_seconds() if isinstance(after, datetime) else after
    return now + timedelta(seconds=min(seconds, HELD_AT_MOST)) if seconds > 0 else None


def has_trouble(page: Page, known: Known) -> bool:
    """Whether something goes on: an open incident, or a probe that is not well."""
    is_down = page.is_probed and any(
        one.status is not ComponentStatus.OPERATIONAL for one in known.components.values()
    )
    return is_down or any(map(_goes_on, known.incidents.values()))


def _goes_on(incident: KnownIncident) -> bool:
    """Whether an incident is known to go on: a mere notice never says that it is over."""
    is_said = incident.status is not IncidentStatus.UNKNOWN
    return incident.is_open and is_said and incident.kind is IncidentKind.INCIDENT


def _wanted(page: Page, state: PageState, max_age: float | None) -> float:
    delay = page.every
    if max_age is not None and not page.every_is_explicit:
        delay = max(delay, min(max_age, FRESH_AT_MOST))
    if state.has_open or state.unsettled:
        delay = min(delay, max(page.every / 2, min(page.every, FASTEST)))
    return delay
