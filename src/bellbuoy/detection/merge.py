"""Decide what changed on one page.

    known ──┐
            ├─> merge ─> known', events, and a reason for every silence
    snapshot┘

Pure: no clock, no store, no log. Does not decide who hears of it (routing), nor when to
look again (cadence), nor what an unreadable page means (health). Merging the same snapshot
again gives nothing, the order of copies does not matter, and nothing known is ever lost.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.detection.incidents import (
    is_another,
    merge_incident,
    miss_incident,
    open_incident,
    return_incident,
)
from bellbuoy.detection.reasons import Reason
from bellbuoy.detection.record import Record, ordinal
from bellbuoy.events import Event
from bellbuoy.model.facts import (
    Component,
    ComponentStatus,
    Incident,
    IncidentKind,
    Page,
    Part,
    Snapshot,
)
from bellbuoy.model.known import Known, KnownComponent, KnownIncident

WITHDRAWN_AFTER = (3, timedelta(minutes=15))
"""Polls and time for which complete lists must not hold an incident before it can be withdrawn."""

FUTURE_AT_MOST = timedelta(minutes=5)
"""A page's stamp further ahead of our clock than this says nothing, and is not kept.

Else a vendor whose clock ran ahead for a day would be mute for a day once it is set right."""

MAX_CLOSED = 400
"""Closed incidents kept of a page: eight full windows of the largest history that is read."""

MAX_ENTRIES = 2_000
"""Entry hashes kept of a page."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Merged(Struct, frozen=True):
    """What a merge found: what is known now, the events in order, and (about, reason) pairs."""

    known: Known
    events: tuple[Event, ...]
    withheld: tuple[tuple[str, Reason], ...]


def merge(
    page: Page, known: Known, snapshot: Snapshot, now: datetime, *, is_certain: bool = False
) -> Merged:
    """Bring what is known of a page together with what it says now.

    `is_certain` means that nothing need be seen twice.
    """
    stamp = snapshot.stamp
    if stamp is not None and stamp - now > FUTURE_AT_MOST:
        stamp = None
    record = Record(
        page,
        now,
        is_baseline=known.baseline_at is None,
        evidence=1 if is_certain else _evidence(known.stamp, stamp),
    )
    incidents = _merge_incidents(record, known, snapshot)
    components = _merge_components(record, known, snapshot, incidents)
    gaps = known.gaps
    if _has_gap(known, snapshot):
        gaps += 1
        number = ordinal(gaps, known.baseline_at)
        record.gap(number, snapshot.window.floor if snapshot.window else None)
        record.events.insert(0, record.events.pop())  # it explains what follows
    incidents, floor = _bounded(incidents, _floor(record, known, snapshot))
    merged = replace(
        known,
        format=page.format,
        baseline_at=known.baseline_at or now,
        floor=floor,
        stamp=known.stamp if record.evidence < 0 else stamp or known.stamp,
        history_at=now if snapshot.window is not None else known.history_at,
        incidents=incidents,
        components=components,
        entries=_merge_entries(known.entries, snapshot.entries),
        gaps=gaps,
        noisy=known.noisy | record.noisy,
    )
    return Merged(merged, tuple(record.events), tuple(record.withheld))


def is_emptied(known: Known, snapshot: Snapshot) -> bool:
    """Whether a page that had components now lists nothing at all: a fault, not news."""
    if not any(not component.is_group for component in known.components.values()):
        return False
    is_empty = not (snapshot.components or snapshot.incidents or snapshot.unchanged)
    return is_empty and Part.COMPONENTS in snapshot.complete


def _evidence(held: datetime | None, stamp: datetime | None) -> int:
    if held is None or stamp is None or held == stamp:
        return 0
    return 1 if stamp > held else -1


def _merge_incidents(
    record: Record, known: Known, snapshot: Snapshot
) -> Mapping[str, KnownIncident]:
    incidents = dict(known.incidents)
    latest = _latest_generations(known.incidents.values())
    for incident in sorted(snapshot.incidents, key=_oldest_first):
        held = latest.get(incident.id)
        if held is None:
            merged = open_incident(record, incident, floor=known.floor, key=incident.id)
        elif is_another(held, incident):
            generation = sum(one.id == incident.id for one in incidents.values()) + 1
            key = f"{incident.id}#{generation}"
            merged = open_incident(record, incident, floor=known.floor, key=key)
        else:
            merged = merge_incident(record, held, incident)
        incidents[merged.key] = latest[incident.id] = merged
    # What is listed as it was before is not decoded again, but it may have been away.
    for id in sorted(snapshot.unchanged & latest.keys()):
        incidents[latest[id].key] = return_incident(record, latest[id])
    seen = {incident.id for incident in snapshot.incidents} | snapshot.unchanged
    for held in known.incidents.values():
        if held.id in seen:
            if held.missing_polls:
                incidents[held.key] = replace(
                    incidents[held.key], missing_polls=0, missing_since=None
                )
        elif held.is_open:
            incidents[held.key] = _miss(record, held, snapshot)
    return incidents


def _miss(record: Record, held: KnownIncident, snapshot: Snapshot) -> KnownIncident:
    is_incident = held.kind is IncidentKind.INCIDENT
    part = Part.OPEN_INCIDENTS if is_incident else Part.OPEN_MAINTENANCES
    if part not in snapshot.complete:
        record.withhold(held.key, Reason.ABSENT_FROM_PART)
        return held
    if record.evidence < 0:
        record.withhold(held.key, Reason.STALE_COPY)
        return held
    return miss_incident(record, held, is_gone=held.id in snapshot.gone, needs=WITHDRAWN_AFTER)


def _latest_generations(incidents: Iterable[KnownIncident]) -> dict[str, KnownIncident]:
    # `id`, `id#2` ... `id#10`: the longer key is the later one.
    in_order = sorted(incidents, key=lambda incident: (len(incident.key), incident.key))
    return {incident.id: incident for incident in in_order}


def _oldest_first(incident: Incident) -> tuple[float, str]:
    return (incident.time.timestamp() if incident.time else 0.0, incident.id)


def _merge_components(
    record: Record,
    known: Known,
    snapshot: Snapshot,
    incidents: Mapping[str, KnownIncident],
) -> Mapping[str, KnownComponent]:
    named = _named_components(record, known, incidents)
    is_whole = Part.COMPONENTS in snapshot.complete and record.evidence >= 0
    components = {} if is_whole else dict(known.components)
    for component in snapshot.components:
        held = known.components.get(component.id)
        components[component.id] = (
            _new_component(record, component)
            if held is None
            else _merge_component(record, held, component, named)
        )
    return components


def _named_components(
    record: Record, known: Known, incidents: Mapping[str, KnownIncident]
) -> frozenset[str]:
    """Ids and names of the components that open, or just closed, incidents name."""
    told = {event.incident.id for event in record.events if event.incident}
    named: set[str] = set()
    for key, incident in incidents.items():
        was_open = key in known.incidents and known.incidents[key].is_open
        if incident.is_open or was_open or key in told:
            for component in incident.components:
                named.update((component.id, component.name))
    return frozenset(named - {""})


def _new_component(record: Record, component: Component) -> KnownComponent:
    known = KnownComponent(
        id=component.id,
        name=component.name,
        status=component.status,
        status_raw=component.status_raw,
        group=component.group,
        region=component.region,
        is_group=component.is_group,
        first_seen_at=record.now,
    )
    if record.page.is_probed and component.status is not ComponentStatus.OPERATIONAL:
        return _found_ill(record, known)
    record.withhold(component.id, Reason.NEW_COMPONENT)
    return known


def _found_ill(record: Record, known: KnownComponent) -> KnownComponent:
    """A probe that is ill when we come: nobody but we can tell of it, so it is news."""
    if record.evidence == 0 and known.pending != known.status:
        record.withhold(known.id, Reason.SEEN_ONCE)
        return replace(known, pending=known.status.value)
    known = replace(known, pending=None, revision=known.revision + 1)
    record.component(known, ComponentStatus.UNKNOWN)
    return known


def _merge_component(
    record: Record, held: KnownComponent, component: Component, named: frozenset[str]
) -> KnownComponent:
    if record.evidence < 0:
        if component.status != held.status:
            record.withhold(held.id, Reason.STALE_COPY)
        return held
    described = replace(
        held,
        name=component.name,
        group=component.group,
        region=component.region,
        is_group=component.is_group,
    )
    is_doubted = held.pending == held.status
    if component.status == held.status:
        return _found_ill(record, described) if is_doubted else replace(described, pending=None)
    moved = replace(
        described, status=component.status, status_raw=component.status_raw, pending=None
    )
    if is_doubted:
        return _new_component(record, component)
    if component.is_group:
        record.withhold(held.id, Reason.GROUP)
        return moved
    if held.id in named or component.name in named:
        record.withhold(held.id, Reason.WITH_INCIDENT)
        return moved
    if record.evidence == 0 and held.pending != component.status:
        record.withhold(held.id, Reason.SEEN_ONCE)
        return replace(described, pending=component.status.value)
    moved = replace(moved, revision=held.revision + 1)
    record.component(moved, held.status)
    return moved


def _has_gap(known: Known, snapshot: Snapshot) -> bool:
    """Whether the window of history has moved past everything we hold."""
    window = snapshot.window
    if window is None or not window.is_full or known.history_at is None:
        return False
    return not any(incident.id in window.ids for incident in known.incidents.values())


def _floor(record: Record, known: Known, snapshot: Snapshot) -> datetime | None:
    """The time before which history is older than our acquaintance with the page."""
    if not record.is_baseline:
        return known.floor
    return snapshot.window.floor if snapshot.window is not None else record.now


def _bounded(
    incidents: Mapping[str, KnownIncident], floor: datetime | None
) -> tuple[Mapping[str, KnownIncident], datetime | None]:
    """Forget the oldest closed incidents beyond the bound, and raise the floor above them."""
    closed = [incident for incident in incidents.values() if not incident.is_open]
    if len(closed) <= MAX_CLOSED:
        return incidents, floor
    closed.sort(key=lambda incident: _last_time(incident).timestamp())
    forgotten = closed[: len(closed) - MAX_CLOSED]
    newest = max(_last_time(incident) for incident in forgotten) + timedelta.resolution
    keys = {incident.key for incident in forgotten}
    kept = {key: incident for key, incident in incidents.items() if key not in keys}
    return kept, max(floor, newest) if floor else newest


def _last_time(incident: KnownIncident) -> datetime:
    """By what a closed incident is placed in history; never absent."""
    time = incident.started_at or next((u.at for u in incident.updates if u.at), None)
    return time or incident.first_seen_at or _LONG_AGO


def _merge_entries(held: Mapping[str, str], fresh: Mapping[str, str]) -> Mapping[str, str]:
    if not fresh or all(held.get(key) == value for key, value in fresh.items()):
        return held
    entries = {key: value for key, value in held.items() if key not in fresh} | dict(fresh)
    surplus = len(entries) - MAX_ENTRIES
    return dict(list(entries.items())[surplus:]) if surplus > 0 else entries
