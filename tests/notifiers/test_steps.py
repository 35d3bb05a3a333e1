"""Which message of an incident is its first, and for which somebody must look again."""

import pytest
from msgspec.structs import replace

from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Occasion
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.notifiers import Digest
from bellbuoy.notifiers._steps import Step, standing, step
from tests.event_samples import component_event, incident_event, message, page_event

POSTMORTEM = {"status": IncidentStatus.POSTMORTEM, "closing": True}
MOVES = {
    "worse": (ComponentStatus.DEGRADED, ComponentStatus.MAJOR_OUTAGE),
    "better": (ComponentStatus.MAJOR_OUTAGE, ComponentStatus.DEGRADED),
}


def told(event, reference="a message", **delivery):
    """A message to a receiver that already has one of the incident."""
    return replace(message(event, **delivery), reference=reference)


def moved(before, after):
    """A component that had trouble before, too."""
    event = component_event(changes={"status": (before, after)})
    return replace(event, component=replace(event.component, status=after))


SITUATIONS = {
    "nothing told before": (told(incident_event(EventKind.INCIDENT_RESOLVED), ""), Step.FIRST),
    "begins": (told(incident_event(EventKind.INCIDENT_OPENED), ""), Step.FIRST),
    "update": (told(incident_event(EventKind.INCIDENT_UPDATED)), Step.QUIET),
    "impact raised with an update": (
        told(incident_event(EventKind.INCIDENT_UPDATED, changes={"impact": ("minor", "major")})),
        Step.LOUD,
    ),
    "impact raised from unknown": (
        told(
            incident_event(
                EventKind.INCIDENT_CHANGED, changes={"impact": (Impact.UNKNOWN, Impact.MINOR)}
            )
        ),
        Step.LOUD,
    ),
    "impact lowered": (
        told(incident_event(EventKind.INCIDENT_CHANGED, changes={"impact": ("major", "none")})),
        Step.QUIET,
    ),
    "renamed": (
        told(incident_event(EventKind.INCIDENT_CHANGED, changes={"title": ("a", "b")})),
        Step.QUIET,
    ),
    "begins again": (told(incident_event(EventKind.INCIDENT_REOPENED)), Step.LOUD),
    "ends": (told(incident_event(EventKind.INCIDENT_RESOLVED)), Step.LOUD),
    "withdrawn": (told(incident_event(EventKind.INCIDENT_WITHDRAWN)), Step.LOUD),
    "closing text edited": (
        told(incident_event(EventKind.INCIDENT_EDITED, closing=True)),
        Step.QUIET,
    ),
    "postmortem": (told(incident_event(EventKind.INCIDENT_UPDATED, **POSTMORTEM)), Step.QUIET),
    "work begins": (told(incident_event(EventKind.MAINTENANCE_STARTED)), Step.QUIET),
    "work ends": (told(incident_event(EventKind.MAINTENANCE_COMPLETED)), Step.LOUD),
    "reminder": (told(incident_event(), occasion=Occasion.REMINDER), Step.AGAIN),
    "work is near": (
        told(incident_event(EventKind.MAINTENANCE_SCHEDULED), occasion=Occasion.AHEAD),
        Step.AGAIN,
    ),
    "a component's next trouble": (told(component_event()), Step.FIRST),
    "a component gets worse": (told(moved(*MOVES["worse"])), Step.LOUD),
    "a component gets better": (told(moved(*MOVES["better"])), Step.QUIET),
    "a page's next trouble": (told(page_event(EventKind.PAGE_UNREADABLE)), Step.FIRST),
    "a page is back": (told(page_event(EventKind.PAGE_READABLE)), Step.LOUD),
    "a mere notice": (told(page_event(EventKind.PAGE_GAP)), Step.APART),
}


@pytest.mark.parametrize(("given", "wanted"), SITUATIONS.values(), ids=SITUATIONS)
def test_each_situation_is_the_step_that_it_is(given, wanted):
    """What is loud is what somebody must act on."""
    assert step(given) is wanted


def test_after_a_digest_the_newest_step_of_each_known_incident_stands():
    """Not those that begin in the digest, nor notices without a life."""
    first, last = (
        told(incident_event(EventKind.INCIDENT_UPDATED, "i1", update)) for update in ("u1", "u2")
    )
    begins = told(incident_event(EventKind.INCIDENT_OPENED, "i2"), "")
    notice = told(page_event(EventKind.PAGE_GAP))
    again, worse = told(component_event()), told(moved(*MOVES["worse"]))
    messages = (first, begins, last, notice, again, worse)
    assert standing(Digest(id="d", messages=messages, sent_at=0)) == (last,)
