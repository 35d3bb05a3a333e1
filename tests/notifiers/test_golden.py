"""An event of every kind as an engineer reads it, beside this file: `console.txt`."""

from collections.abc import Iterator
from pathlib import Path

from bellbuoy.events import Event, EventKind
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentStatus
from bellbuoy.notifiers.console import block
from tests.event_samples import component_event, incident_event, monitor_event, page_event

GOLDEN = Path(__file__).with_name("console.txt")

LIVES = {
    "opened": (IncidentStatus.INVESTIGATING, "Some calls fail. We are looking into it."),
    "updated": (IncidentStatus.IDENTIFIED, "The cause is known.\n\n- a fix is being rolled out"),
    "resolved": (IncidentStatus.RESOLVED, "All impacted services have now fully recovered."),
    "reopened": (IncidentStatus.MONITORING, "Some calls fail again."),
    "edited": (IncidentStatus.RESOLVED, "A certificate had run out."),
    "changed": (IncidentStatus.IDENTIFIED, ""),
    "withdrawn": (IncidentStatus.INVESTIGATING, ""),
    "scheduled": (IncidentStatus.SCHEDULED, "We will replace a database."),
    "started": (IncidentStatus.IN_PROGRESS, "The work has begun."),
    "completed": (IncidentStatus.COMPLETED, "The work is done."),
}
CHANGES = {
    "impact": (Impact.MINOR, Impact.MAJOR),
    "components": ("API", "API, Sign-in"),
}


def event(kind: EventKind) -> Event:
    """What could have happened."""
    if kind.family in {"incident", "maintenance"}:
        step = kind.value.partition(".")[2]
        status, body = LIVES[step]
        planned = kind.family == "maintenance"
        if planned and step == "updated":
            status, body = IncidentStatus.VERIFYING, "Almost there."
        rest = {} if body else {"update": None}
        return incident_event(
            kind,
            status=status,
            body=body,
            title="Database replacement" if planned else "Elevated error rates",
            impact=Impact.UNKNOWN if planned else Impact.MAJOR,
            components=("API", "Sign-in"),
            changes=CHANGES if step == "changed" else {},
            late=kind is EventKind.INCIDENT_RESOLVED,
            closing=step == "edited",
            **rest,
        )
    if kind is EventKind.COMPONENT_CHANGED:
        moved = (ComponentStatus.OPERATIONAL, ComponentStatus.PARTIAL_OUTAGE)
        return component_event("API", group="Europe", changes={"status": moved})
    reasons = {
        EventKind.PAGE_UNREADABLE: "blocked",
        EventKind.PAGE_MOVED: "in the config: {name: Acme, url: https://new.example, format: feed}",
    }
    make = page_event if kind.family == "page" else monitor_event
    return make(kind, reason=reasons.get(kind))


def blocks() -> Iterator[str]:
    """Each kind's block under its name."""
    for kind in EventKind:
        yield f"# {kind}\n{block(event(kind))}\n"


def test_every_kind_reads_as_agreed():
    """If a change is meant: look at the difference, then keep the new text in the file."""
    assert "\n".join(blocks()) == GOLDEN.read_text("utf-8")
