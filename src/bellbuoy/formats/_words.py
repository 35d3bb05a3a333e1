"""The words in which Statuspage, incident.io and their imitations speak, and what they mean.

A word is compared in lower case with single underscores: "In progress" is `in_progress`.
What is not listed is UNKNOWN: never guessed, never an error.
"""

from functools import lru_cache

from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus

_LONGEST = 32

_S = IncidentStatus
_INCIDENT = {
    "investigating": _S.INVESTIGATING,
    "identified": _S.IDENTIFIED,
    "fixing": _S.IDENTIFIED,
    "monitoring": _S.MONITORING,
    "resolved": _S.RESOLVED,
    "postmortem": _S.POSTMORTEM,
    "scheduled": _S.SCHEDULED,
    "maintenance_scheduled": _S.SCHEDULED,
    "in_progress": _S.IN_PROGRESS,
    "maintenance_in_progress": _S.IN_PROGRESS,
    "verifying": _S.VERIFYING,
    "completed": _S.COMPLETED,
    "complete": _S.COMPLETED,
    "maintenance_complete": _S.COMPLETED,
    "maintenance_completed": _S.COMPLETED,
    "cancelled": _S.CANCELLED,
    "canceled": _S.CANCELLED,
    "maintenance_cancelled": _S.CANCELLED,
    "maintenance_canceled": _S.CANCELLED,
}

PLANNED = frozenset({_S.SCHEDULED, _S.IN_PROGRESS, _S.VERIFYING, _S.COMPLETED, _S.CANCELLED})
"""What only planned work can be."""

_C = ComponentStatus
_COMPONENT = {
    "operational": _C.OPERATIONAL,
    "degraded_performance": _C.DEGRADED,
    "partial_outage": _C.PARTIAL_OUTAGE,
    "major_outage": _C.MAJOR_OUTAGE,
    "full_outage": _C.MAJOR_OUTAGE,
    "under_maintenance": _C.MAINTENANCE,
    "maintenance": _C.MAINTENANCE,
}

_IMPACT = {
    "none": Impact.NONE,
    "minor": Impact.MINOR,
    "major": Impact.MAJOR,
    "critical": Impact.CRITICAL,
    "maintenance": Impact.NONE,
}


def spelling(word: str) -> str:
    """A word as it is compared."""
    return _spelling(word) if len(word) <= _LONGEST else _spelled(word)


def _spelled(word: str) -> str:
    return "_".join(word.lower().replace("-", " ").replace("_", " ").split())


_spelling = lru_cache(256)(_spelled)  # A vendor has few words, and says them again and again.


def incident_status(word: str) -> IncidentStatus:
    """What a vendor's word says of an incident or planned work."""
    return _INCIDENT.get(word) or _INCIDENT.get(spelling(word), _S.UNKNOWN)


def component_status(word: str) -> ComponentStatus:
    """What a vendor's word says of a component."""
    return _COMPONENT.get(word) or _COMPONENT.get(spelling(word), _C.UNKNOWN)


def impact(word: str) -> Impact:
    """What a vendor's word says of an impact."""
    return _IMPACT.get(spelling(word), Impact.UNKNOWN)
