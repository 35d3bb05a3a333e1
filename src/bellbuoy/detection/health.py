"""How reading a page goes, and when that is news. Pure."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from bellbuoy.errors import FetchError, Unreadable, VisitError
from bellbuoy.events import MONITOR, MONITOR_PAGE, Event, EventKind, event_id, page_ref
from bellbuoy.model.facts import Page
from bellbuoy.model.known import Health

UNREADABLE_AFTER = (3, timedelta(minutes=5))
"""Failed polls in a row, and time since the first of them, that make a page unreadable."""


def failed(
    page: Page, health: Health, error: VisitError, now: datetime, *, is_offline: bool
) -> tuple[Health, Event | None]:
    """Take in a failed visit; the event is `page.unreadable`, once, when it is due.

    While we ourselves are offline, a page that fails at network level is not to blame.
    """
    timed_out = isinstance(error, FetchError) and error.timed_out
    health = replace(
        health,
        polled_at=now,
        failures=health.failures + 1,
        failing_since=health.failing_since or now,
        failure=error.reason,
        detail=error.detail,
        timed_out=timed_out,
        held_until=_held_until(health, error, now),
    )
    if health.unreadable is not None or (is_offline and error.reason is Unreadable.NETWORK):
        return health, None
    since = health.failing_since or now
    if health.failures < UNREADABLE_AFTER[0] or now - since < UNREADABLE_AFTER[1]:
        return health, None
    health = replace(health, unreadable=error.reason)
    content = _episode(since)
    return health, _page_event(page, EventKind.PAGE_UNREADABLE, now, content, reason=error.reason)


def read(
    page: Page, health: Health, now: datetime, *, latency: float | None
) -> tuple[Health, Event | None]:
    """Take in a successful visit; the event is `page.readable` if the page was unreadable."""
    was_unreadable = health.unreadable is not None
    episode = _episode(health.failing_since or now)
    health = replace(
        health,
        polled_at=now,
        read_at=now,
        failures=0,
        failing_since=None,
        failure=None,
        unreadable=None,
        detail="",
        latency=latency if latency is not None else health.latency,
        timed_out=False,
        held_until=None,
    )
    if not was_unreadable:
        return health, None
    return health, _page_event(page, EventKind.PAGE_READABLE, now, episode)


def moved(
    page: Page, health: Health, to: str, now: datetime, *, format: str | None = None
) -> tuple[Health, Event | None]:
    """Take in that a page answers from another address for good, or has another format now.

    The event holds the stanza that would fix the config.
    """
    format = format or page.format
    place = f"{to} {format}"
    if health.moved_to == place:
        return health, None
    changes = {"url": (page.url, to), "format": (page.format, format)}
    event = _page_event(
        page,
        EventKind.PAGE_MOVED,
        now,
        place,
        reason=f"in the config: {{name: {page.provider.name}, url: {to}, format: {format}}}",
        changes={name: pair for name, pair in changes.items() if pair[0] != pair[1]},
    )
    return replace(health, moved_to=place), event


def went_offline(now: datetime, failing: int, watched: int) -> Event:
    """We cannot reach anything: it is us, not them."""
    reason = (
        f"{failing} of {watched} pages cannot be reached: this machine's network, resolver or proxy"
    )
    return _monitor_event(EventKind.MONITOR_OFFLINE, now, reason)


def came_online(now: datetime) -> Event:
    """We can reach pages again."""
    return _monitor_event(EventKind.MONITOR_ONLINE, now, "pages can be reached again")


def _episode(failing_since: datetime) -> str:
    """What tells one time in which a page cannot be read from any other, forgotten or not."""
    return f"since {int(failing_since.timestamp())}"


def _held_until(health: Health, error: VisitError, now: datetime) -> datetime | None:
    if isinstance(error, FetchError) and error.retry_after is not None:
        return now + timedelta(seconds=error.retry_after)
    return health.held_until


def _page_event(
    page: Page,
    kind: EventKind,
    now: datetime,
    content: str,
    *,
    reason: str | None = None,
    changes: dict[str, tuple[Any, Any]] | None = None,
) -> Event:
    return Event(
        id=event_id(page.key, "", kind, "", content),
        kind=kind,
        provider=page.provider,
        page=page_ref(page),
        observed_at=now,
        reason=None if reason is None else str(reason),
        changes=changes or {},
    )


def _monitor_event(kind: EventKind, now: datetime, reason: str) -> Event:
    return Event(
        id=event_id(MONITOR_PAGE.key, "", kind, "", now.isoformat()),
        kind=kind,
        provider=MONITOR,
        page=MONITOR_PAGE,
        observed_at=now,
        reason=reason,
    )
