"""A view worth looking at: a pretend world on an afternoon, for pictures and browsers.

Every vendor in it is invented.
"""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from bellbuoy.config import Watched
from bellbuoy.events import Event, EventKind
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Matcher, Service
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from bellbuoy.model.known import KnownComponent, KnownIncident
from bellbuoy.notifiers import Receiver
from bellbuoy.routing.matchers import Need
from bellbuoy.routing.routes import Route
from bellbuoy.web.addresses import incident_path
from tests.event_samples import page_event
from tests.web.sites import (
    NOW,
    Seen,
    component,
    delivery,
    incident,
    known,
    minutes_ago,
    read_state,
    told,
    unreadable_state,
    update,
    watched,
)

WORLD = {
    "ai": ("Beaconlight AI", "Larboard Speech", "Oxbow Models", "Plumbline AI"),
    "cdn-dns": ("Breakwater CDN", "Quayside DNS", "Skerry Edge"),
    "cloud": ("Driftwood Storage", "Harbor Cloud", "Headland Compute", "Tideway"),
    "devtools-ci": ("Anchorage CI", "Capstan Registry", "Mooring Git", "Sandbar Sync"),
    "observability": ("Crowsnest", "Longlight", "Soundings"),
    "payments": ("Ballast Billing", "Farthing", "Keelhouse Tax", "Tidewater Pay"),
    "communication": ("Foghorn Chat", "Lantern Mail", "Pierhead SMS"),
}
"""The vendors by category."""

FINE_FOR = (19, 41, 3, 8, 26, 5, 12, 31, 2, 17, 64, 9, 7, 22)
"""Days since each of those that are fine had trouble last, by turns."""

_SLUGS = {name: name.lower().replace(" ", "-") for names in WORLD.values() for name in names}

CATEGORIES = {_SLUGS[name]: category for category, names in WORLD.items() for name in names}
"""The category of each vendor, by slug."""

OF = {
    name: watched(slug, name, url=f"https://status.{slug}.example", tags=("shop",) if i % 3 else ())
    for i, (name, slug) in enumerate(_SLUGS.items())
}
"""What is watched, by the vendor's name."""

MAIN_INCIDENT = incident_path("https://status.beaconlight-ai.example", "01KB4Q")
"""Where the incident with the longest story is shown."""


def lookout() -> tuple[Seen, dict[str, Any]]:
    """What was seen in this world, and the further parts of the config that goes with it."""
    facts = _facts()
    events, deliveries = _told(facts)
    unread = OF["Oxbow Models"].page.key
    states = {one.page.key: read_state(one.page.key) for one in OF.values()}
    states[unread] = replace(
        unreadable_state(unread),
        health=replace(
            unreadable_state(unread).health,
            read_at=minutes_ago(22),
            failing_since=minutes_ago(21),
        ),
    )
    seen = Seen(
        pages=tuple(OF.values()),
        states=states,
        known={OF[name].page.key: known(OF[name].page.key, *each) for name, each in facts.items()},
        events=events,
        deliveries=deliveries,
        told=tuple(
            {(one.receiver, one.lane, one.rule) for one in deliveries if one.last and one.attempts}
        ),
    )
    return seen, _config()


def _config() -> dict[str, Any]:
    return {
        "receivers": (
            Receiver(name="ops", kind="webhook", settings=None),
            Receiver(name="pager", kind="webhook", settings=None),
        ),
        "routes": (
            Route(name="everything that hurts", to=("ops",), when=_at_least(Impact.MAJOR)),
            Route(name="wake somebody", to=("pager",), when=_at_least(Impact.MAJOR)),
        ),
        "needs": (
            _need("Checkout", "payments team", "beaconlight-ai", "tidewater-pay"),
            _need("Support bot", "care team", "beaconlight-ai"),
            _need("Deploys", "platform team", "mooring-git"),
        ),
    }


def _at_least(least: Impact) -> Matcher:
    return Matcher(impacts=frozenset(each for each in Impact if each.rank >= least.rank))


def _need(name: str, owner: str, *slugs: str) -> Need:
    return Need(service=Service(name=name, owner=owner), on=(Matcher(providers=slugs),))


def main_incident() -> KnownIncident:
    """The incident with the longest story: edits, a late part, components that join and leave."""
    return incident(
        "01KB4Q",
        "Elevated error rates across Chat and the API",
        update(
            1,
            IncidentStatus.INVESTIGATING,
            "We are investigating elevated error rates on the Completions API.",
            minutes_ago(37),
        ),
        update(
            2,
            IncidentStatus.INVESTIGATING,
            "We are continuing to investigate. Conversations in Chat are affected as well: about "
            "4 % of the requests fail.",
            minutes_ago(29),
            "f" * 32,
        ),
        update(
            3,
            IncidentStatus.IDENTIFIED,
            "We found the cause, a configuration change at 15:48 UTC, and are rolling it back. "
            "Some requests still fail while the rollback reaches every region.",
            minutes_ago(12),
        ),
        components=(
            AffectedComponent(id="completions", name="Completions", group="API"),
            AffectedComponent(id="embeddings", name="Embeddings", group="API"),
            AffectedComponent(id="conversations", name="Conversations", group="Chat"),
        ),
        impact_raw="partial outage",
        url="https://status.beaconlight-ai.example/incidents/01KB4Q",
        first_seen_at=minutes_ago(37) + timedelta(seconds=41),
    )


def _facts() -> dict[str, tuple[KnownIncident | KnownComponent, ...]]:
    facts: dict[str, tuple[KnownIncident | KnownComponent, ...]] = {}
    for number, name in enumerate(OF):
        days = FINE_FOR[number % len(FINE_FOR)]
        facts[name] = (_past(days), *(component(part) for part in ("Dashboard", "API", "Webhooks")))
    partial, degraded = ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.DEGRADED
    facts["Beaconlight AI"] = (
        main_incident(),
        _past(6),
        component("Completions", partial, group="API"),
        component("Embeddings", degraded, group="API"),
        component("Conversations", partial, group="Chat"),
        *(
            component(part)
            for part in ("Files", "Batch", "Fine-tuning", "Login", "Status", "Voice")
        ),
    )
    facts["Mooring Git"] = (
        _minor(),
        _past(3),
        component("Runners", degraded),
        *(component(part) for part in ("Git", "Packages", "Pages", "Search", "Webhooks")),
    )
    facts["Tidewater Pay"] = (
        _critical(),
        component("Card payments", ComponentStatus.MAJOR_OUTAGE, region="Europe"),
        component("Payouts"),
        component("Checkout", ComponentStatus.MAJOR_OUTAGE),
    )
    facts["Breakwater CDN"] = (
        _work("w1", "Frankfurt (FRA): router replacement", minutes_ago(50), on=True),
        component("Frankfurt", ComponentStatus.MAINTENANCE),
        component("Lisbon"),
    )
    facts["Harbor Cloud"] = (
        _work("w2", "Database upgrade in eu-central-1", NOW + timedelta(hours=3, minutes=30)),
        _past(8),
        component("Databases", region="eu-central-1"),
    )
    facts["Longlight"] = (component("Ingest", degraded, region="us-east-1"), component("Queries"))
    return facts


def _critical() -> KnownIncident:
    return incident(
        "77",
        "Card payments are failing in Europe",
        update(
            1,
            IncidentStatus.INVESTIGATING,
            "Card payments fail for most merchants in Europe. Our engineers are looking into "
            "it with the highest priority.",
            minutes_ago(6),
        ),
        impact=Impact.CRITICAL,
        impact_raw="critical",
        components=(
            AffectedComponent(id="card-payments", name="Card payments"),
            AffectedComponent(id="checkout", name="Checkout"),
        ),
        url="https://status.tidewater-pay.example/incidents/77",
        first_seen_at=minutes_ago(6) + timedelta(seconds=23),
    )


def _minor() -> KnownIncident:
    return incident(
        "qx81",
        "Delays starting jobs on larger runners",
        update(
            1,
            IncidentStatus.INVESTIGATING,
            "We are looking into reports of slow job starts on larger runners.",
            minutes_ago(64),
        ),
        update(
            2, IncidentStatus.MONITORING, "Queues are draining. We keep watching.", minutes_ago(18)
        ),
        impact=Impact.MINOR,
        impact_raw="minor",
        components=(AffectedComponent(id="runners", name="Runners"),),
        url="https://status.mooring-git.example/incidents/qx81",
        first_seen_at=minutes_ago(64) + timedelta(seconds=33),
    )


def _past(days: int) -> KnownIncident:
    began = NOW - timedelta(days=days, hours=1, minutes=10)
    return incident(
        f"past-{days}",
        "Slow responses from the dashboard",
        update(1, IncidentStatus.INVESTIGATING, "Pages load slowly.", began),
        update(
            2, IncidentStatus.RESOLVED, "Pages load normally again.", began + timedelta(hours=1)
        ),
        impact=Impact.MINOR,
        impact_raw="minor",
        first_seen_at=began + timedelta(seconds=30),
    )


def _work(key: str, title: str, at: datetime, *, on: bool = False) -> KnownIncident:
    status = IncidentStatus.IN_PROGRESS if on else IncidentStatus.SCHEDULED
    return incident(
        key,
        title,
        update(1, status, "Short interruptions are possible.", minutes_ago(50)),
        kind=IncidentKind.MAINTENANCE,
        impact=Impact.NONE,
        impact_raw="maintenance",
        started_at=at,
        scheduled_until=at + timedelta(hours=3),
        components=(AffectedComponent(id="frankfurt", name="Frankfurt"),),
    )


def _told(
    facts: dict[str, tuple[KnownIncident | KnownComponent, ...]],
) -> tuple[tuple[Event, ...], tuple[Delivery, ...]]:
    of, about = OF["Beaconlight AI"], main_incident()
    story = _story(of, about)
    others = [
        event
        for name in ("Tidewater Pay", "Mooring Git", "Breakwater CDN")
        for fact in facts[name][:1]
        if isinstance(fact, KnownIncident)
        for event in told(OF[name], fact)
    ]
    unread = OF["Oxbow Models"].page
    events = (
        *others,
        *story,
        page_event(
            EventKind.PAGE_UNREADABLE,
            provider=unread.provider,
            page=replace(others[0].page, key=unread.key, url=unread.url),
            observed_at=minutes_ago(16),
            reason="blocked: a challenge stands where the document was",
        ),
    )
    deliveries: list[Delivery] = []
    for seq, event in enumerate(events, start=1):
        if event in story[3:]:
            sent = event.observed_at + timedelta(seconds=1)
            deliveries += (_sent(seq, event, name, sent) for name in ("ops", "pager"))
    first = events[0]
    deliveries.append(_sent(1, first, "ops", first.observed_at + timedelta(seconds=1)))
    deliveries.append(
        delivery(1, first, DeliveryStatus.DEAD, receiver="pager", rule="wake somebody")
    )
    return events, tuple(deliveries)


def _sent(seq: int, event: Event, receiver: str, at: datetime) -> Delivery:
    rule = "wake somebody" if receiver == "pager" else "everything that hurts"
    made = delivery(seq, event, receiver=receiver, rule=rule, created_at=at, due_at=at)
    return replace(made, last=made.last and replace(made.last, at=at))


def _story(of: Watched, about: KnownIncident) -> tuple[Event, ...]:
    """The events of the main incident: its updates, and what changed between them."""
    opened, second, third = told(of, about)
    if opened.incident is None or second.update is None:
        raise AssertionError
    named = opened.incident.components
    small = replace(
        opened.incident, impact=Impact.MINOR, impact_raw="degraded", components=named[:1]
    )
    opened = replace(opened, observed_at=minutes_ago(37) + timedelta(seconds=41), incident=small)
    before = "We are continuing to investigate. About 2 % of the requests fail."
    edited = replace(
        second,
        id=f"{second.id[:-4]}beef",
        kind=EventKind.INCIDENT_EDITED,
        observed_at=minutes_ago(24),
        changes={"body": (before, second.update.body)},
    )
    second = replace(
        second,
        observed_at=minutes_ago(29) + timedelta(seconds=33),
        update=replace(second.update, body=before),
        incident=small,
    )
    changed = replace(
        edited,
        id=f"{second.id[:-4]}cafe",
        kind=EventKind.INCIDENT_CHANGED,
        update=None,
        at=minutes_ago(23),
        observed_at=minutes_ago(22.4),
        changes={
            "impact": ("minor", "major"),
            "components": ("Completions, Files", "Completions, Conversations, Embeddings"),
            "title": (
                "Elevated error rates on the API",
                "Elevated error rates across Chat and the API",
            ),
        },
    )
    return (
        opened,
        second,
        edited,
        changed,
        replace(third, observed_at=minutes_ago(12) + timedelta(seconds=38)),
    )
