"""What changed in one incident. Pure.

Updates are an append-only set: an update is new once, by its id, and a text of it is new
once, by its hash. Title, impact, components and a status that no update carries are
registers, and so are start and end of work that is planned: they move on newer evidence, or
when seen twice.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from bellbuoy.detection import lifecycle
from bellbuoy.detection.reasons import Reason
from bellbuoy.detection.record import Record, ordinal
from bellbuoy.events import ALREADY_OPEN, content_hash
from bellbuoy.model.facts import (
    AffectedComponent,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)
from bellbuoy.model.known import KnownIncident, KnownUpdate

_REGISTERS = ("title", "impact", "components", "status")
_PLAN = ("started_at", "scheduled_until")

MAX_REVISIONS = 24
"""Texts recorded of one update. A page that prints the time into its texts has no end of them."""

LATEST_ONLY = "latest:"
"""Prefix of the update ids of formats that show only the latest message, under its stamp."""

NEW_GENERATION_AFTER = timedelta(hours=24)
"""An id that returns with a start this much later, and no common update, is another incident."""


def open_incident(
    record: Record, incident: Incident, *, floor: datetime | None, key: str
) -> KnownIncident:
    """Take in an incident that is not known yet."""
    known = KnownIncident(
        id=incident.id,
        key=key,
        kind=incident.kind,
        title=incident.title,
        status=incident.status,
        first_seen_at=record.now,
    )
    reason = _silence(record, incident, floor)
    known = _with_registers(known, incident)
    if reason is not None:
        record.withhold(key, reason)
        updates = tuple(_known_update(update) for update in incident.updates)
        return replace(known, updates=updates, adopted=True)
    if record.is_baseline:
        return _announce_once(record, known, incident)
    return _announce_life(record, known, incident)


def merge_incident(record: Record, known: KnownIncident, incident: Incident) -> KnownIncident:
    """Take in another sighting of a known incident."""
    evidence = _evidence(record, known, incident)
    known = replace(known, missing_polls=0, missing_since=None)
    known = return_incident(record, known)
    known, steps = _merge_updates(record, known, incident)
    return _merge_registers(record, known, incident, steps=steps, evidence=evidence)


def return_incident(record: Record, known: KnownIncident) -> KnownIncident:
    """Take in that a known incident is listed: if it was withdrawn, it is back."""
    if not known.withdrawn:
        return known
    known = replace(known, withdrawn=False, revision=known.revision + 1)
    kind = lifecycle.returned(known.kind)
    record.event(kind, known, content=f"returned {_count(known)}")
    return known


def miss_incident(
    record: Record, known: KnownIncident, *, is_gone: bool, needs: tuple[int, timedelta]
) -> KnownIncident:
    """Take in that complete lists do not hold a known open incident.

    `is_gone` says that its own address answered 404 or 410. `needs` is for how many polls and
    how long it must have been away to be withdrawn.
    """
    since = known.missing_since or record.now
    known = replace(known, missing_polls=known.missing_polls + 1, missing_since=since)
    if known.missing_polls < needs[0] or record.now - since < needs[1]:
        record.withhold(known.key, Reason.ABSENT_FOR_NOW)
        return known
    if not is_gone:
        record.withhold(known.key, Reason.ABSENT_UNPROVEN)
        return known
    known = replace(
        known,
        withdrawn=True,
        missing_polls=0,
        missing_since=None,
        pending={},
        revision=known.revision + 1,
    )
    kind = lifecycle.withdrawn(known.kind)
    record.event(kind, known, content=f"withdrawn {_count(known)}")
    return known


def is_another(known: KnownIncident, incident: Incident) -> bool:
    """Whether a vendor used an id again for a new incident."""
    if known.started_at is None or incident.started_at is None:
        return False
    if incident.started_at - known.started_at <= NEW_GENERATION_AFTER:
        return False
    if not known.updates or not incident.updates:
        return False
    return not {update.id for update in known.updates} & {update.id for update in incident.updates}


def _silence(record: Record, incident: Incident, floor: datetime | None) -> Reason | None:
    """Why a new incident is taken in without a word, if it is."""
    is_over = incident.status.is_over
    if not record.is_baseline:
        is_old = floor is not None and incident.time is not None and incident.time < floor
        return Reason.OLDER_THAN_FLOOR if is_over and is_old else None
    if is_over:
        return Reason.BASELINE_OVER
    if incident.status is IncidentStatus.SCHEDULED:
        return Reason.BASELINE_PLANNED
    if incident.status is IncidentStatus.UNKNOWN:
        return Reason.BASELINE_UNKNOWN
    return None


def _announce_once(record: Record, known: KnownIncident, incident: Incident) -> KnownIncident:
    """At the first look an open incident is one event, with the newest of its updates."""
    updates = tuple(_known_update(update) for update in incident.updates)
    newest = updates[-1] if updates else None
    known = replace(known, updates=updates)
    kind = lifecycle.step(known.kind, None, known.status)
    record.event(kind, known, update=newest, reason=ALREADY_OPEN)
    return known


def _announce_life(record: Record, known: KnownIncident, incident: Incident) -> KnownIncident:
    """Each update is an event; a life that is over already is late."""
    late = incident.status.is_over
    status: IncidentStatus | None = None
    for update in _in_order(incident.updates):
        fresh = _known_update(update)
        known = replace(known, updates=(*known.updates, fresh))
        after = _status_after(status, update.status, incident.status)
        kind = lifecycle.step(known.kind, status, after)
        record.event(kind, _as_of(known, after), update=fresh, late=late)
        status = after
    if status is None or (status.is_over != incident.status.is_over):
        kind = lifecycle.step(known.kind, status, incident.status)
        record.event(kind, known, content="as listed", late=late)
    return known


def _status_after(
    before: IncidentStatus | None, said: IncidentStatus, listed: IncidentStatus
) -> IncidentStatus:
    """The status that an update leaves: its own, else the one before, else the incident's."""
    if said is not IncidentStatus.UNKNOWN:
        return said
    return listed if before is None else before


def _as_of(known: KnownIncident, status: IncidentStatus) -> KnownIncident:
    """The incident as it stood at an earlier step of its life."""
    if status == known.status:
        return known
    resolved_at = known.resolved_at if status.is_over else None
    return replace(known, status=status, status_raw="", resolved_at=resolved_at)


def _merge_updates(
    record: Record, known: KnownIncident, incident: Incident
) -> tuple[KnownIncident, int]:
    """Record new updates and new texts; returns how many steps the life made."""
    steps = 0
    held = {update.id: position for position, update in enumerate(known.updates)}
    said = {text for update in known.updates for text in update.hashes}
    newest_at = max((update.at for update in known.updates if update.at), default=None)
    for update in _in_order(incident.updates):
        fresh = _known_update(update)
        if update.id in held:
            known = _merge_text(record, known, held[update.id], fresh)
            continue
        held[update.id] = len(known.updates)
        known = replace(known, updates=(*known.updates, fresh))
        if update.id.startswith(LATEST_ONLY) and fresh.hashes[0] in said:
            record.withhold(known.key, Reason.BUMP)
            continue
        # A message that slid in between known ones says nothing of how things stand now.
        is_late_insert = newest_at is not None and update.at is not None and update.at < newest_at
        after = (
            known.status
            if is_late_insert
            else _status_after(known.status, update.status, known.status)
        )
        kind = lifecycle.step(known.kind, known.status, after)
        known = _as_of(known, after)
        if not is_late_insert:
            known = replace(known, status_raw=update.status_raw)
        record.event(kind, _with_listed(known, incident), update=fresh)
        steps += 1
    return known, steps


def _merge_text(
    record: Record, known: KnownIncident, position: int, fresh: KnownUpdate
) -> KnownIncident:
    """Record that a known update says something else now."""
    held = known.updates[position]
    text = fresh.hashes[0]
    if text == held.hashes[-1]:
        return known
    if text in held.hashes:
        record.withhold(known.key, Reason.TEXT_HELD_BEFORE)
        return known
    is_older = held.updated_at and fresh.updated_at and fresh.updated_at < held.updated_at
    if is_older or len(held.hashes) > MAX_REVISIONS:
        record.withhold(known.key, Reason.STALE_COPY if is_older else Reason.EDITS_CAPPED)
        if not is_older:
            record.noisy.add(f"{known.key}/{held.id}")
            return known
        return _with_update(known, position, replace(held, hashes=(text, *held.hashes)))
    edited = replace(fresh, hashes=(*held.hashes, text))
    known = _with_update(known, position, edited)
    is_newest = position == len(known.updates) - 1
    if is_newest and fresh.status != held.status and fresh.status is not IncidentStatus.UNKNOWN:
        # One message rewritten from "investigating" to "resolved" is a step, not a correction.
        kind = lifecycle.step(known.kind, known.status, fresh.status)
        known = replace(_as_of(known, fresh.status), status_raw=fresh.status_raw)
        record.event(kind, known, update=edited)
        return known
    changes = {"body": (held.body, edited.body), "status": (held.status, edited.status)}
    changes = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
    is_closing = edited.status.is_over and not known.is_open
    kind = lifecycle.edited(known.kind)
    record.event(kind, known, update=edited, changes=changes, closing=is_closing)
    return known


def _evidence(record: Record, known: KnownIncident, incident: Incident) -> int:
    """How a sighting stands to what we hold: 1 newer, 0 the same or not known, -1 older."""
    if known.updated_at and incident.updated_at and known.updated_at != incident.updated_at:
        return 1 if incident.updated_at > known.updated_at else -1
    return record.evidence


def _merge_registers(
    record: Record, known: KnownIncident, incident: Incident, *, steps: int, evidence: int
) -> KnownIncident:
    """Move the registers, on enough evidence."""
    moved, pending = _moved_registers(
        record, known, incident, has_news=steps > 0, evidence=evidence
    )
    if evidence >= 0 or steps:
        known = _with_times(known, incident, replace_all=evidence > 0 or steps > 0)
    known = replace(known, pending=pending)
    if not moved:
        return known
    before = known
    past = frozenset(f"{name}={_spelling(before, name)}" for name in moved)
    known = replace(known, past=known.past | past, **_values(incident, moved))
    changes = {name: (_spelling(before, name), _spelling(known, name)) for name in moved}
    status = changes.pop("status", None)
    if status is not None and known.is_open != before.is_open:
        known = replace(known, revision=known.revision + 1)
        kind = lifecycle.step(known.kind, before.status, known.status)
        record.event(kind, known, content=f"listed {_count(known)}", changes=changes)
        return known
    if status is not None:
        changes["status"] = status
    if steps:
        record.amend(known, changes)
        return known
    known = replace(known, revision=known.revision + 1)
    kind = lifecycle.changed(known.kind)
    record.event(kind, known, content=f"{_count(known)} {sorted(changes.items())}", changes=changes)
    return known


def _moved_registers(
    record: Record, known: KnownIncident, incident: Incident, *, has_news: bool, evidence: int
) -> tuple[list[str], dict[str, str]]:
    """Which registers may move now, and which values wait to be seen again."""
    moved: list[str] = []
    pending = dict(known.pending)
    for name in _REGISTERS + _PLAN:
        value = _spelling(incident, name)
        if value == _spelling(known, name) or not _is_stated(known, incident, name):
            if evidence >= 0:
                pending.pop(name, None)
            continue
        if evidence < 0 and not has_news:
            record.withhold(known.key, Reason.STALE_COPY)
        elif evidence > 0 or (has_news and evidence == 0):
            pending.pop(name, None)
            moved.append(name)
        elif f"{name}={value}" in known.past:
            record.withhold(known.key, Reason.HELD_BEFORE)
        elif pending.get(name) == value:
            pending.pop(name)
            moved.append(name)
        else:
            pending[name] = value
            record.withhold(known.key, Reason.SEEN_ONCE)
    return moved, pending


def _count(known: KnownIncident) -> str:
    """Which change of an incident this is, of those that no update carries."""
    return ordinal(known.revision, known.first_seen_at)


def _is_stated(known: KnownIncident, incident: Incident, name: str) -> bool:
    """Whether a page's value of a register says something.

    Vendors take the components off an incident when it ends, and many never state any.
    """
    if name == "components":
        fewer = {_name(c) for c in incident.components} < {_name(c) for c in known.components}
        return bool(incident.components) and not (incident.status.is_over and fewer)
    if name == "status":
        # Vendors say "resolved" and "postmortem" of one end, each in another place.
        are_both_over = incident.status.is_over and known.status.is_over
        return incident.status is not IncidentStatus.UNKNOWN and not are_both_over
    if name in _PLAN:
        is_told = getattr(incident, name) is not None
        return _is_planned(known, name) and is_told and not incident.status.is_over
    # Feeds state no impact.
    return name != "impact" or incident.impact is not Impact.UNKNOWN


def _plan(known: KnownIncident, incident: Incident, *, stated: bool) -> dict[str, Any]:
    """What is taken over of start and planned end: what was not reckoned with yet.

    With `stated` also what a page says instead of what was.
    """
    return {
        name: getattr(incident, name) or getattr(known, name)
        for name in _PLAN
        if not _is_planned(known, name) or (stated and _is_stated(known, incident, name))
    }


def _is_planned(known: KnownIncident, name: str) -> bool:
    """Whether people reckon with an instant: that of planned work, once it was told."""
    return known.kind is IncidentKind.MAINTENANCE and getattr(known, name) is not None


def _name(component: AffectedComponent) -> str:
    return component.name


def _spelling(incident: Incident | KnownIncident, name: str) -> str:
    """A register as a text, for comparison and for people."""
    if name == "components":
        return ", ".join(sorted({_name(component) for component in incident.components}))
    value = getattr(incident, name)
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)


def _values(incident: Incident, names: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(incident, name) for name in names}
    for name in ("status", "impact"):
        if name in values:
            values[f"{name}_raw"] = getattr(incident, f"{name}_raw")
    return values


def _with_registers(known: KnownIncident, incident: Incident) -> KnownIncident:
    names = ("title", "impact", "components", "status")
    values = _values(incident, names)
    return replace(_with_times(known, incident, replace_all=True), **values)


def _with_listed(known: KnownIncident, incident: Incident) -> KnownIncident:
    """For an event's eyes: the incident with what the page lists beside the new update."""
    components = incident.components or known.components
    impact = _values(incident, ("impact",)) if _is_stated(known, incident, "impact") else {}
    resolved_at = incident.resolved_at if known.status.is_over else None
    return replace(
        known,
        title=incident.title,
        **impact,
        components=components,
        **_plan(known, incident, stated=True),
        updated_at=incident.updated_at or known.updated_at,
        resolved_at=resolved_at,
    )


def _with_times(known: KnownIncident, incident: Incident, *, replace_all: bool) -> KnownIncident:
    """Take over the fields whose change is not an event."""
    if not replace_all:
        return replace(known, url=known.url or incident.url)
    components = known.components
    if {_name(c) for c in components} == {_name(c) for c in incident.components}:
        components = incident.components  # the same parts, with their present statuses
    return replace(
        known,
        url=incident.url or known.url,
        **_plan(known, incident, stated=False),
        updated_at=incident.updated_at or known.updated_at,
        resolved_at=incident.resolved_at or known.resolved_at,
        components=components,
    )


def _with_update(known: KnownIncident, position: int, update: KnownUpdate) -> KnownIncident:
    updates = (*known.updates[:position], update, *known.updates[position + 1 :])
    return replace(known, updates=updates)


def _known_update(update: IncidentUpdate) -> KnownUpdate:
    return KnownUpdate(
        id=update.id,
        hashes=(content_hash(update.status, update.body),),
        status=update.status,
        status_raw=update.status_raw,
        body=update.body,
        at=update.at,
        updated_at=update.updated_at,
    )


def _in_order(updates: tuple[IncidentUpdate, ...]) -> list[IncidentUpdate]:
    """The vendor's order, by time and then by place; a message without a time keeps its place."""
    latest: datetime | None = None
    keyed: list[tuple[float, int, IncidentUpdate]] = []
    for position, update in enumerate(updates):
        latest = update.at or latest
        keyed.append((latest.timestamp() if latest else 0.0, position, update))
    return [update for _, _, update in sorted(keyed, key=lambda row: row[:2])]
