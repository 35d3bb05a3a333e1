"""The pretend world of `lookout` with a past and a future, for the pages that look further."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, DeliveryStatus, Matcher
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from bellbuoy.model.known import Known, KnownComponent, KnownIncident
from bellbuoy.notifiers import Notifiers, Receiver
from tests.web.lookout import OF, lookout
from tests.web.sites import NOW, Seen, component, delivery, incident, minutes_ago, silence, told
from tests.web.sites import update as said

CLOUD, AI, CDN = OF["Harbor Cloud"], OF["Beaconlight AI"], OF["Breakwater CDN"]
REGIONS = ("Europe North", "Europe West", "America East", "America West", "Asia South")
PARTS = ("Compute", "Object storage", "Queues", "Databases", "Load balancers", "Functions")
TROUBLES = (
    ("Errors in the queues", Impact.MINOR, 3, "Queues"),
    ("Slow starts of functions", Impact.MINOR, 11, "Functions"),
    ("Object storage refuses writes", Impact.MAJOR, 24, "Object storage"),
    ("Databases fail over again and again", Impact.CRITICAL, 41, "Databases"),
    ("Packet loss towards Asia", Impact.MAJOR, 63, ""),
)
WORKS = (
    ("Switches are replaced", -8),
    ("Firmware of the load balancers", -3),
    ("Storage is moved to new racks", 0),
    ("Traffic is led around the north", 2),
    ("A database gets a newer version", 2.2),
    ("Certificates are renewed", 2.4),
    ("Fibre is spliced", 2.6),
    ("Power feeds are tested", 7),
    ("Core routers are restarted", 10),
    ("A region is opened to all", 16),
)


def long_view() -> tuple[Seen, dict[str, Any]]:
    """What was seen, and the further parts of the config that goes with it."""
    seen, config = lookout()
    known = {
        key: replace(one, baseline_at=minutes_ago(1440 * 76)) for key, one in seen.known.items()
    }
    past = tuple(_over(number, *each) for number, each in enumerate(TROUBLES))
    known[CLOUD.page.key] = _with(known, CLOUD.page.key, *_parts(), *past)
    known[CDN.page.key] = _with(known, CDN.page.key, *map(_work, range(len(WORKS))))
    old = tuple(event for one in past for event in _seen_late(told(CLOUD, one)))
    events = tuple(sorted((*seen.events, *old), key=lambda event: event.observed_at))
    seen = replace(
        seen,
        known=known,
        events=events,
        deliveries=_deliveries(events),
        silences=(
            silence(matcher=Matcher(providers=("sandbar-sync",), components=("Sync*",))),
            silence(
                "99aabb00",
                matcher=Matcher(providers=("foghorn-chat",), impacts=frozenset({Impact.MINOR})),
                starts_at=minutes_ago(6000),
                ends_at=minutes_ago(4500),
                comment="the move to the new office",
            ),
        ),
    )
    kinds = Notifiers({})
    receivers = (
        Receiver(
            name="ops",
            kind="slack",
            settings=kinds["slack"].Settings(token="xoxb-a-secret-of-ours", channel="#ops"),
        ),
        Receiver(
            name="pager",
            kind="pagerduty",
            settings=kinds["pagerduty"].Settings(routing_key="0123456789abcdef" * 2),
        ),
    )
    return seen, {**config, "receivers": receivers, "source": "/etc/bellbuoy/bellbuoy.yaml"}


def _with(known: dict[str, Known], key: str, *facts: KnownIncident | KnownComponent) -> Known:
    before = known.get(key, Known(page_key=key, baseline_at=minutes_ago(1440 * 76)))
    incidents = {one.key: one for one in facts if isinstance(one, KnownIncident)}
    components = {one.id: one for one in facts if isinstance(one, KnownComponent)}
    return replace(
        before,
        incidents={**before.incidents, **incidents},
        components={**before.components, **components},
    )


def _parts() -> list[KnownComponent]:
    ill = ("Europe West", "Queues")
    return [
        component(
            part,
            ComponentStatus.DEGRADED if (region, part) == ill else ComponentStatus.OPERATIONAL,
            id=f"{part} {region}".lower().replace(" ", "-"),
            region=region,
        )
        for region in REGIONS
        for part in PARTS
    ]


def _over(number: int, title: str, impact: Impact, days: int, part: str) -> KnownIncident:
    began = NOW - timedelta(days=days, hours=number + 2)
    named = AffectedComponent(
        id=f"{part} Europe West".lower().replace(" ", "-"), name=part, group="Europe West"
    )
    return incident(
        f"past{number}",
        title,
        said(1, IncidentStatus.INVESTIGATING, f"{title}: we look into it.", began),
        said(2, IncidentStatus.MONITORING, "A fix is rolled out.", began + timedelta(minutes=50)),
        said(3, IncidentStatus.RESOLVED, "It is over.", began + timedelta(hours=number + 1)),
        impact=impact,
        components=(named,) if part else (),
    )


def _work(number: int) -> KnownIncident:
    title, days = WORKS[number]
    status = IncidentStatus.IN_PROGRESS if days == 0 else IncidentStatus.SCHEDULED
    begins = NOW + timedelta(days=days, hours=-1)
    status = IncidentStatus.COMPLETED if days < 0 else status
    return incident(
        f"work{number}",
        title,
        said(1, status, "Short interruptions are possible.", NOW - timedelta(days=12)),
        kind=IncidentKind.MAINTENANCE,
        impact=Impact.NONE,
        started_at=begins,
        updated_at=begins + timedelta(hours=3),
        resolved_at=begins + timedelta(hours=3) if days < 0 else None,
        components=(AffectedComponent(name=f"Point of presence {number + 1}"),),
    )


def _seen_late(events: tuple[Event, ...]) -> list[Event]:
    """The vendor is slower at some times than at others."""
    return [
        replace(event, observed_at=(event.at or NOW) + timedelta(seconds=40 + 37 * (number % 5)))
        for number, event in enumerate(events)
    ]


def _deliveries(events: tuple[Event, ...]) -> tuple[Any, ...]:
    ways = (
        (DeliveryStatus.WAITING, "", "503 Service Unavailable"),
        (DeliveryStatus.DONE, "", "200 OK"),
        (DeliveryStatus.DONE, "", "200 OK"),
        (DeliveryStatus.DEAD, "", "400 invalid_blocks"),
        (DeliveryStatus.HELD, "quiet hours", ""),
        (DeliveryStatus.DONE, "", "202 Accepted"),
        (DeliveryStatus.WITHHELD, "silenced", ""),
    )
    newest = list(enumerate(events, 1))[::-1][:21]
    return tuple(
        delivery(
            seq,
            event,
            status,
            receiver=("ops", "pager")[place % 2],
            rule=("everything that hurts", "wake somebody")[place % 2],
            reason=reason,
            attempts=4 if status is DeliveryStatus.DEAD else int(bool(answer)),
            last=Attempt(at=minutes_ago(place * 4 + 1), seconds=0.3, outcome=answer)
            if answer
            else None,
        )
        for place, (seq, event) in enumerate(newest)
        for status, reason, answer in [ways[place % len(ways)]]
    )
