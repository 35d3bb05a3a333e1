"""What one step in a life is called. Pure."""

from bellbuoy.events import EventKind
from bellbuoy.model.facts import IncidentKind, IncidentStatus

_BEGUN = frozenset({IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING})


def step(kind: IncidentKind, before: IncidentStatus | None, after: IncidentStatus) -> EventKind:
    """The kind of the event by which a life comes from one status to the next.

    `before` is None for the first step that is seen.
    """
    if kind is IncidentKind.MAINTENANCE:
        return _maintenance_step(before, after)
    if after.is_over:
        is_end = before is None or not before.is_over
        return EventKind.INCIDENT_RESOLVED if is_end else EventKind.INCIDENT_UPDATED
    if before is None:
        return EventKind.INCIDENT_OPENED
    return EventKind.INCIDENT_REOPENED if before.is_over else EventKind.INCIDENT_UPDATED


def _maintenance_step(before: IncidentStatus | None, after: IncidentStatus) -> EventKind:
    if after.is_over:
        is_end = before is None or not before.is_over
        return EventKind.MAINTENANCE_COMPLETED if is_end else EventKind.MAINTENANCE_UPDATED
    if after in _BEGUN and before not in _BEGUN:
        return EventKind.MAINTENANCE_STARTED
    return EventKind.MAINTENANCE_SCHEDULED if before is None else EventKind.MAINTENANCE_UPDATED


def edited(kind: IncidentKind) -> EventKind:
    """A known update says something else now."""
    is_incident = kind is IncidentKind.INCIDENT
    return EventKind.INCIDENT_EDITED if is_incident else EventKind.MAINTENANCE_EDITED


def changed(kind: IncidentKind) -> EventKind:
    """Title, impact or components became something else without an update."""
    is_incident = kind is IncidentKind.INCIDENT
    return EventKind.INCIDENT_CHANGED if is_incident else EventKind.MAINTENANCE_CHANGED


def withdrawn(kind: IncidentKind) -> EventKind:
    """The vendor took it away."""
    is_incident = kind is IncidentKind.INCIDENT
    return EventKind.INCIDENT_WITHDRAWN if is_incident else EventKind.MAINTENANCE_WITHDRAWN


def returned(kind: IncidentKind) -> EventKind:
    """What was withdrawn is back."""
    is_incident = kind is IncidentKind.INCIDENT
    return EventKind.INCIDENT_REOPENED if is_incident else EventKind.MAINTENANCE_UPDATED
