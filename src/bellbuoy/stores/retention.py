"""When an incident began and ended, and what is kept of one that is over."""

from datetime import UTC, datetime

from msgspec.structs import replace

from bellbuoy.model.known import KnownIncident

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def began_at(incident: KnownIncident) -> datetime:
    """When it began, as well as anybody can tell; long ago if nobody can."""
    said = incident.started_at or next((each.at for each in incident.updates if each.at), None)
    return said or incident.first_seen_at or _LONG_AGO


def ended_at(incident: KnownIncident) -> datetime | None:
    """When it ended, as well as anybody can tell; None while it is open."""
    if incident.is_open:
        return None
    return incident.resolved_at or incident.updated_at or incident.first_seen_at or _LONG_AGO


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
