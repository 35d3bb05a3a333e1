"""How long events are kept; when an incident began and ended, and what is kept of one that did."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bellbuoy.model.known import KnownIncident

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""An instant before all events."""

HELD_BACK_FOR = timedelta(days=30)
"""What somebody waits for is kept as long again as the retention, and for this time at least.

Retries go on for three days and planned work is told weeks ahead, also where little is kept."""


def kept_since(now: datetime, retention: float) -> tuple[datetime, datetime]:
    """Since when events are kept by a retention in seconds, and those that somebody waits for."""
    kept = timedelta(seconds=retention)
    return now - kept, now - kept - max(kept, HELD_BACK_FOR)


def began_at(incident: KnownIncident) -> datetime:
    """When it began, as well as anybody can tell; long ago if nobody can."""
    said = incident.started_at or next((each.at for each in incident.updates if each.at), None)
    return said or incident.first_seen_at or LONG_AGO


def ended_at(incident: KnownIncident) -> datetime | None:
    """When it ended, as well as anybody can tell; None while it is open."""
    if incident.is_open:
        return None
    return incident.resolved_at or incident.updated_at or incident.first_seen_at or LONG_AGO


def without_updates(incident: KnownIncident, began: datetime | None = None) -> KnownIncident:
    """The same incident alone, for lists; `began_at` is what it was with its updates.

    So where only an update tells when it began, that becomes its `started_at`. `began` says
    when that was, if the updates are not there to ask.
    """
    began = began or began_at(incident)
    alone = replace(incident, updates=())
    return alone if began_at(alone) == began else replace(alone, started_at=began)


def without_bodies(incident: KnownIncident) -> KnownIncident:
    """The same incident with ids and hashes, so that it stays known, but without its texts."""
    bare = tuple(replace(update, body="") if update.body else update for update in incident.updates)
    return replace(incident, updates=bare)
