"""What is kept of an incident that is over."""

from datetime import UTC, datetime

from msgspec.structs import replace

from bellbuoy.model.known import KnownIncident

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def ended_at(incident: KnownIncident) -> datetime | None:
    """When it ended, as well as anybody can tell; None while it is open."""
    if incident.is_open:
        return None
    return incident.resolved_at or incident.updated_at or incident.first_seen_at or _LONG_AGO


def without_bodies(incident: KnownIncident) -> KnownIncident:
    """The same incident with ids and hashes, so that it stays known, but without its texts."""
    bare = tuple(replace(update, body="") if update.body else update for update in incident.updates)
    return replace(incident, updates=bare)
