"""Incidents' lives as events, and twenty routes of every kind that tell them to five receivers.

Each receiver has four routes, one for each fourth of the providers, so that every event goes to
each of them by exactly one of its routes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from bellbuoy.events import (
    Event,
    EventKind,
    IncidentComponent,
    IncidentFacts,
    PageRef,
    UpdateFacts,
    event_id,
)
from bellbuoy.model.delivery import Matcher, Service
from bellbuoy.model.facts import Impact, IncidentKind, IncidentStatus, Provider
from bellbuoy.routing.matchers import Landscape, Need
from bellbuoy.routing.routes import Route

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
STEPS = (
    (EventKind.INCIDENT_OPENED, IncidentStatus.INVESTIGATING),
    (EventKind.INCIDENT_UPDATED, IncidentStatus.IDENTIFIED),
    (EventKind.INCIDENT_UPDATED, IncidentStatus.MONITORING),
    (EventKind.INCIDENT_UPDATED, IncidentStatus.MONITORING),
    (EventKind.INCIDENT_RESOLVED, IncidentStatus.RESOLVED),
)
PROVIDERS = 40
RECEIVERS = ("pager", "chat", "board", "archive", "owners")
QUARTERS = ("alpha", "beta", "gamma", "delta")
IMPACTS = (Impact.MINOR, Impact.MAJOR, Impact.CRITICAL, Impact.NONE)
WORDS = "Requests to the API may fail or be slow for some customers while we look for the cause. "

LANDSCAPE = Landscape(
    categories={f"{QUARTERS[n % 4]}-{n}": f"{QUARTERS[n % 4]} things" for n in range(PROVIDERS)},
    needs=tuple(
        Need(
            service=Service(name=f"shop {quarter}", owner=f"team {quarter}"),
            on=(Matcher(providers=(f"{quarter}-*",)),),
        )
        for quarter in QUARTERS
    ),
)


def routes() -> tuple[Route, ...]:
    """Four for each receiver, by providers, by pages and components, and so on."""
    never = Matcher(text=("a drill",))
    return tuple(
        Route(
            name=f"{receiver}.{quarter}",
            to=(receiver,),
            when=_matcher(receiver, quarter, impact),
            unless=never if receiver in {"pager", "chat"} else None,
        )
        for receiver in RECEIVERS
        for quarter, impact in zip(QUARTERS, IMPACTS, strict=True)
    )


def _matcher(receiver: str, quarter: str, impact: Impact) -> Matcher:
    return {
        "pager": Matcher(providers=(f"{quarter}-*",), kinds=("incident",)),
        "chat": Matcher(pages=(f"https://{quarter}*",), components=(f"{quarter}/*",)),
        "board": Matcher(impacts=frozenset({impact}), types=("incident.opened", "incident")),
        "archive": Matcher(text=(f"trouble {quarter}",), categories=(f"{quarter} *",)),
        "owners": Matcher(services=(f"shop {quarter}",), owners=("team *",)),
    }[receiver]


def events(count: int) -> Iterator[Event]:
    """So many, unnumbered: lives of five steps, fifty lives at a time taking turns."""
    made = 0
    first = 0
    while made < count:
        for step in range(len(STEPS)):
            for lane in range(first, first + 50):
                if made < count:
                    made += 1
                    yield _event(lane, step)
        first += 50


def _event(lane: int, step: int) -> Event:
    number = lane % PROVIDERS
    quarter = QUARTERS[number % 4]
    kind, status = STEPS[step]
    url = f"https://{quarter}-{number}.example"
    page = PageRef(key=url, url=url)
    incident = f"i{lane:05}"
    impact = IMPACTS[number % 4]
    components = tuple(
        IncidentComponent(id=f"c{n}", name=name, group=quarter)
        for n, name in enumerate(("API", "Website", "Login"))
    )
    return Event(
        id=event_id(page.key, incident, kind, f"u{step}", "1"),
        kind=kind,
        provider=Provider(slug=f"{quarter}-{number}", name=f"{quarter.title()} {number}"),
        page=page,
        observed_at=AT,
        at=AT,
        incident=IncidentFacts(
            id=incident,
            kind=IncidentKind.INCIDENT,
            title=f"Trouble {quarter} {lane}",
            url=f"{url}/incidents/{incident}",
            impact=impact,
            impact_raw=impact.value,
            status=status,
            status_raw=status.value,
            started_at=AT,
            updated_at=AT,
            resolved_at=AT if status is IncidentStatus.RESOLVED else None,
            components=components,
        ),
        update=UpdateFacts(
            id=f"u{step}", status=status, status_raw=status.value, body=WORDS * 3, at=AT
        ),
    )
