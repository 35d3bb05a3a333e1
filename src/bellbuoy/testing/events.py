"""One event of every kind, ordinary and hostile, for tests of notifiers."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bellbuoy.events import (
    MONITOR,
    MONITOR_PAGE,
    ComponentFacts,
    Event,
    EventKind,
    IncidentComponent,
    IncidentFacts,
    PageRef,
    UpdateFacts,
    event_id,
)
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, IncidentStatus, Provider
from bellbuoy.text import MAX_BODY, MAX_TITLE

AT = datetime(2026, 2, 23, 16, 9, 30, tzinfo=UTC)

MARK = "words-of-the-vendor"
"""Stands in every hostile text, so that it is found where it does not belong."""

HOSTILE = MARK + (
    " <!channel> <@U1> @everyone @all </script><script>alert(1)</script> {{7*7}} ${x} %s "
    "<https://evil.example|click> [click](javascript:alert(1)) *_~`> &amp; '\" \\ Bcc: x"
)
"""Vendor text as it may come through `bellbuoy.text`: safe bytes, unsafe in every markup."""

_ENDS = {
    "resolved": IncidentStatus.RESOLVED,
    "completed": IncidentStatus.COMPLETED,
    "started": IncidentStatus.IN_PROGRESS,
    "scheduled": IncidentStatus.SCHEDULED,
}


def sample_events() -> Iterator[Event]:
    """An ordinary event of every kind, then one with hostile, one with long, one with no text."""
    yield from map(_event, EventKind)
    yield _event(EventKind.INCIDENT_UPDATED, title=HOSTILE, body=f"{HOSTILE}\n{HOSTILE}")
    yield _event(EventKind.INCIDENT_UPDATED, title="€" * MAX_TITLE, body="€ \n" * (MAX_BODY // 3))
    yield _event(EventKind.INCIDENT_OPENED, title="", body="", bare=True)


def _event(
    kind: EventKind,
    title: str = "Elevated error rate",
    body: str = "We are investigating.",
    *,
    bare: bool = False,
) -> Event:
    is_ours = kind.family == "monitor"
    has_incident = kind.family in {"incident", "maintenance"}
    page = PageRef(key="https://status.acme.example", url="https://status.acme.example")
    return Event(
        id=event_id(page.key, "abc", kind, "u1", title[:20]),
        kind=kind,
        provider=MONITOR if is_ours else Provider(slug="acme", name="Acme"),
        page=MONITOR_PAGE if is_ours else page,
        observed_at=AT,
        at=None if bare else AT,
        seq=1,
        incident=_incident(kind, title, bare=bare) if has_incident else None,
        update=_update(kind, body) if has_incident and not bare else None,
        component=_component() if kind is EventKind.COMPONENT_CHANGED else None,
        changes={"impact": ("minor", "major")} if kind.value.endswith(".changed") else {},
        reason="network" if kind is EventKind.PAGE_UNREADABLE else None,
    )


def _incident(kind: EventKind, title: str, *, bare: bool) -> IncidentFacts:
    status = _ENDS.get(kind.value.partition(".")[2], IncidentStatus.INVESTIGATING)
    component = IncidentComponent(
        id="c1", name=title[:50], group="Core", status=ComponentStatus.PARTIAL_OUTAGE
    )
    return IncidentFacts(
        id="abc",
        kind=IncidentKind(kind.family),
        title=title,
        url="" if bare else "https://status.acme.example/incidents/abc",
        impact=Impact.UNKNOWN if bare else Impact.MAJOR,
        impact_raw="" if bare else "major",
        status=IncidentStatus.UNKNOWN if bare else status,
        status_raw="" if bare else status.value,
        started_at=None if bare else AT,
        updated_at=None if bare else AT,
        resolved_at=AT if status.is_over else None,
        components=() if bare else (component,),
    )


def _update(kind: EventKind, body: str) -> UpdateFacts:
    status = _ENDS.get(kind.value.partition(".")[2], IncidentStatus.INVESTIGATING)
    return UpdateFacts(id="u1", status=status, status_raw=status.value, body=body, at=AT)


def _component() -> ComponentFacts:
    return ComponentFacts(
        id="c1",
        name="API",
        group="Core",
        region=None,
        status=ComponentStatus.PARTIAL_OUTAGE,
        status_raw="partial_outage",
    )
