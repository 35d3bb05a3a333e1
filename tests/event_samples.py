"""Events made for tests of what comes after the log: routes, deliveries, notifiers."""

from datetime import UTC, datetime
from typing import Any

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
from bellbuoy.model.delivery import Delivery
from bellbuoy.model.facts import (
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
    Provider,
)
from bellbuoy.notifiers import Message

AT = datetime(2026, 2, 23, 16, 9, 30, tzinfo=UTC)
OPENAI = Provider(slug="openai", name="OpenAI")
PAGE = PageRef(key="https://status.openai.com", url="https://status.openai.com")


def incident_event(
    kind: EventKind = EventKind.INCIDENT_OPENED,
    incident: str = "i1",
    update: str = "u1",
    body: str = "We are investigating.",
    status: IncidentStatus = IncidentStatus.INVESTIGATING,
    impact: Impact = Impact.MAJOR,
    components: tuple[str, ...] = ("Conversations",),
    provider: Provider = OPENAI,
    page: PageRef = PAGE,
    title: str = "Elevated error rate for ChatGPT conversations",
    group: str | None = None,
    **rest: Any,
) -> Event:
    """An event of an incident (or of planned work), with an update."""
    planned = kind.family == "maintenance"
    facts = IncidentFacts(
        id=incident,
        kind=IncidentKind.MAINTENANCE if planned else IncidentKind.INCIDENT,
        title=title,
        url=f"https://status.openai.com/incidents/{incident}",
        impact=impact,
        impact_raw=impact.value,
        status=status,
        status_raw=status.value,
        started_at=AT,
        updated_at=AT,
        resolved_at=None,
        components=tuple(
            IncidentComponent(id=f"c{index}", name=name, group=group)
            for index, name in enumerate(components)
        ),
    )
    values: dict[str, Any] = {
        "id": event_id(page.key, incident, kind, update, body),
        "kind": kind,
        "provider": provider,
        "page": page,
        "observed_at": AT,
        "at": AT,
        "incident": facts,
        "update": UpdateFacts(id=update, status=status, status_raw=status.value, body=body, at=AT),
    }
    return Event(**{**values, **rest})


def component_event(name: str = "API", group: str | None = None, **rest: Any) -> Event:
    """A component's status moved from operational to partial outage."""
    values: dict[str, Any] = {
        "id": event_id(PAGE.key, name, EventKind.COMPONENT_CHANGED, "", "1"),
        "kind": EventKind.COMPONENT_CHANGED,
        "provider": OPENAI,
        "page": PAGE,
        "observed_at": AT,
        "component": ComponentFacts(
            id="c1",
            name=name,
            group=group,
            region=None,
            status=ComponentStatus.PARTIAL_OUTAGE,
            status_raw="partial_outage",
        ),
        "changes": {"status": (ComponentStatus.OPERATIONAL, ComponentStatus.PARTIAL_OUTAGE)},
    }
    return Event(**{**values, **rest})


def page_event(kind: EventKind = EventKind.PAGE_UNREADABLE, **rest: Any) -> Event:
    """Something happened to a page itself."""
    values: dict[str, Any] = {
        "id": event_id(PAGE.key, "", kind, "", "1"),
        "kind": kind,
        "provider": OPENAI,
        "page": PAGE,
        "observed_at": AT,
    }
    return Event(**{**values, **rest})


def monitor_event(kind: EventKind = EventKind.MONITOR_OFFLINE, **rest: Any) -> Event:
    """Something happened to us."""
    return page_event(kind, **{"provider": MONITOR, "page": MONITOR_PAGE, **rest})


def message(event: Event, **delivery: Any) -> Message:
    """An event on its way to the receiver `ops`; keywords are the delivery's."""
    repeat = delivery.pop("repeat", False)
    values: dict[str, Any] = {
        "id": f"{event.id}/ops",
        "receiver": "ops",
        "seq": event.seq,
        "event_id": event.id,
        "lane": event.lane,
        "rule": "routes.0",
        "created_at": AT,
        "due_at": AT,
    }
    return Message(
        event=event,
        delivery=Delivery(**{**values, **delivery}),
        sent_at=int(AT.timestamp()),
        repeat=repeat,
    )
