"""Who was told of an open incident, in one line: names where somebody was, a reason where not.

    read (the store, four questions for all incidents) -> Ledger -> told (pure, one incident)

Why each event did or did not reach each receiver is `delivery.explanation`; this is the glance.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from bellbuoy.config import Config
from bellbuoy.detection.record import Record
from bellbuoy.events import Event, EventKind
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Standing
from bellbuoy.model.facts import Impact, IncidentKind, Page
from bellbuoy.model.known import KnownIncident
from bellbuoy.routing.matchers import Reason
from bellbuoy.routing.routes import Decision, Route, decide, nearest
from bellbuoy.stores import Store
from bellbuoy.stores.retention import began_at

MOST_DELIVERIES = 1000
"""How many of the newest deliveries of one status are looked through."""

Place = tuple[str, str]
"""A receiver and a lane."""


class Ledger(Struct, frozen=True, kw_only=True):
    """What was written of these lanes, by (receiver, lane)."""

    standings: Mapping[Place, Standing] = {}
    waiting: frozenset[Place] = frozenset()
    dead: frozenset[Place] = frozenset()
    withheld: Mapping[Place, str] = {}


class Told(Struct, frozen=True, kw_only=True):
    """The receivers that were told, that are being told, that could not be, that are to wait.

    `why` is the reason where all of them are empty.
    """

    told: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    why: str = ""


async def read(store: Store, receivers: Collection[str], lanes: Collection[str]) -> Ledger:
    """What was written of these lanes. Raises StoreError."""
    if not receivers or not lanes:
        return Ledger()
    wanted = frozenset(lanes)
    waiting = await store.deliveries(status=DeliveryStatus.WAITING, limit=MOST_DELIVERIES)
    dead = await store.deliveries(status=DeliveryStatus.DEAD, limit=MOST_DELIVERIES)
    withheld = await store.deliveries(status=DeliveryStatus.WITHHELD, limit=MOST_DELIVERIES)
    return Ledger(
        standings=await store.standings(receivers, lanes),
        waiting=frozenset(_places(waiting, wanted)),
        dead=frozenset(_places(dead, wanted)),
        withheld={(one.receiver, one.lane): one.reason for one in withheld if one.lane in wanted},
    )


def _places(deliveries: Iterable[Delivery], lanes: frozenset[str]) -> Iterable[Place]:
    return ((one.receiver, one.lane) for one in deliveries if one.lane in lanes)


def opening(page: Page, incident: KnownIncident) -> Event:
    """An incident that is held, as the event that would tell of it now."""
    is_planned = incident.kind is IncidentKind.MAINTENANCE
    kind = EventKind.MAINTENANCE_SCHEDULED if is_planned else EventKind.INCIDENT_OPENED
    newest = incident.updates[-1] if incident.updates else None
    seen_at = incident.first_seen_at or began_at(incident)
    record = Record(page, seen_at, is_baseline=False, evidence=0)
    record.event(kind, incident, update=newest, content="now")
    return record.events[0]


def told(event: Event, ledger: Ledger, config: Config) -> Told:
    """Who was told of the incident of this event, and else why nobody was."""
    if not config.receivers:
        return Told(why="there are no receivers yet")
    how = {one.name: _how((one.name, event.lane), ledger) for one in config.receivers}
    if not any(how.values()):
        written = [ledger.withheld.get((name, event.lane)) for name in how]
        return Told(why=_why(event, written, config))

    def names(which: str) -> tuple[str, ...]:
        return tuple(name for name, one in how.items() if one == which)

    return Told(
        told=names("told"), waiting=names("waiting"), failed=names("failed"), held=names("held")
    )


def _how(place: Place, ledger: Ledger) -> str:
    standing = ledger.standings.get(place, Standing())
    if place in ledger.dead:
        return "failed"
    if place in ledger.waiting:
        return "waiting"
    if standing.told:
        return "told"
    return "held" if standing.held else ""


def _why(event: Event, written: Sequence[str | None], config: Config) -> str:
    for reason in written:
        if reason:
            return reason
    decisions = nearest(decide(event, config.routes, config.landscape, standings={}))
    if not decisions:
        return "no route leads anywhere"
    best = max(decisions.values(), key=lambda one: one.reason.nearness)
    if best.told:
        return "nobody yet"
    return _in_words(best, config.routes)


def _in_words(decision: Decision, routes: Sequence[Route]) -> str:
    if decision.reason is Reason.IMPACT:
        asked = next(one.when.impacts for one in routes if one.name == decision.route)
        least = min(asked, key=lambda impact: impact.rank)
        above = {impact for impact in Impact if impact.rank >= least.rank}
        if asked >= above - {Impact.UNKNOWN}:
            return f"below {least.value}"
    return decision.reason.value
