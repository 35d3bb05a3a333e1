"""Which status is the worst, and how bad an incident is for what it touches; pure."""

from collections.abc import Iterable

from bellbuoy.model.facts import ComponentStatus, Impact
from bellbuoy.model.known import KnownIncident

_OF_IMPACT = {
    Impact.NONE: ComponentStatus.OPERATIONAL,
    Impact.MINOR: ComponentStatus.DEGRADED,
    Impact.UNKNOWN: ComponentStatus.DEGRADED,
    Impact.MAJOR: ComponentStatus.PARTIAL_OUTAGE,
    Impact.CRITICAL: ComponentStatus.MAJOR_OUTAGE,
}


def worst(statuses: Iterable[ComponentStatus]) -> ComponentStatus:
    """The worst of them; operational if there is none."""
    return max(statuses, key=lambda one: one.rank, default=ComponentStatus.OPERATIONAL)


def weight(incident: KnownIncident) -> ComponentStatus:
    """What an incident's impact means for a part of which nothing else is told.

    A mere notice means nothing: operational.
    """
    return _OF_IMPACT[incident.impact]
