"""What is known of a page, carried over when the vendor changes the engine behind it. Pure.

All ids are other ones then. What is open keeps our key, found by its title and its start;
what is over stays behind, and the new engine's history is taken in as at a first look.
"""

from datetime import timedelta

from msgspec.structs import replace

from bellbuoy.events import content_hash
from bellbuoy.model.facts import Incident, Snapshot
from bellbuoy.model.known import Known, KnownIncident, KnownUpdate

STARTS_WITHIN = timedelta(minutes=15)
"""Engines round and backdate: starts this far apart may be of one incident."""


def carried_over(known: Known, snapshot: Snapshot) -> Known:
    """What to merge the first snapshot of another engine with."""
    open_ones = [incident for incident in known.incidents.values() if incident.is_open]
    carried: dict[str, KnownIncident] = {}
    for incident in snapshot.incidents:
        held = next((one for one in open_ones if _is_same(one, incident)), None)
        if held is not None:
            open_ones.remove(held)
            carried[held.key] = _as_told_now(held, incident)
    unmatched = {incident.key: incident for incident in open_ones}
    return replace(
        known,
        baseline_at=None,
        floor=None,
        stamp=None,
        history_at=None,
        incidents={**unmatched, **carried},
        components={},
        entries={},
        validators={},
        noisy=frozenset(),
    )


def _is_same(held: KnownIncident, incident: Incident) -> bool:
    if held.kind is not incident.kind or _words(held.title) != _words(incident.title):
        return False
    if held.started_at is None or incident.started_at is None:
        return True
    return abs(held.started_at - incident.started_at) <= STARTS_WITHIN


def _words(title: str) -> str:
    return " ".join(title.casefold().split())


def _as_told_now(held: KnownIncident, incident: Incident) -> KnownIncident:
    """The same incident under its new ids: messages that we hold are not news again."""
    texts = {text for update in held.updates for text in update.hashes}
    newest_at = max((update.at for update in held.updates if update.at), default=None)
    updates: list[KnownUpdate] = []
    for update in incident.updates:
        text = content_hash(update.status, update.body)
        is_old = newest_at is not None and update.at is not None and update.at <= newest_at
        if text in texts or is_old:
            updates.append(
                KnownUpdate(
                    id=update.id,
                    hashes=(text,),
                    status=update.status,
                    status_raw=update.status_raw,
                    body=update.body,
                    at=update.at,
                    updated_at=update.updated_at,
                )
            )
    return replace(
        held,
        id=incident.id,
        url=incident.url or held.url,
        impact=incident.impact,
        impact_raw=incident.impact_raw,
        components=incident.components or held.components,
        started_at=incident.started_at or held.started_at,
        scheduled_until=incident.scheduled_until or held.scheduled_until,
        updated_at=None,
        updates=tuple(updates),
        pending={},
        missing_polls=0,
        missing_since=None,
    )
