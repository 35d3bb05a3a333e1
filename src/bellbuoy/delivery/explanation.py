"""Why each receiver was, or was not, told of each event of an incident.

What was written down counts: deliveries, and what was withheld with its reason. Only where
nothing was written, because the route never asks for such an event, the routes are asked as they
are now, and the answer says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from bellbuoy.events import Event
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Occasion
from bellbuoy.routing.matchers import Landscape
from bellbuoy.routing.routes import Decision, Route, decide, nearest
from bellbuoy.stores import Store


class Answer(Struct, frozen=True, kw_only=True):
    """What became of one event for one receiver.

    `outcome` is sent, waiting, held, withheld, dead, "not asked for", or "not dispatched": a route
    would tell it, but nothing came of it by now. `at` is when it was sent, or
    last tried, or when it will be judged. `reason` is a phrase, `rule` the route that decided,
    `reference` the receiver's message, `detail` what the receiver answered. `digest` is the id of
    the digest in which it travels. `by_now` is true where only today's routes could be asked.
    """

    event: Event
    receiver: str
    outcome: str
    rule: str
    at: datetime | None = None
    reason: str = ""
    reference: str = ""
    detail: str = ""
    digest: str = ""
    occasion: Occasion = Occasion.EVENT
    attempts: int = 0
    by_now: bool = False


async def find_incident(store: Store, text: str) -> tuple[Event, ...]:
    """The incidents that a person means by an id, a subject, an address or a part of a title.

    Each by its newest event, the newest incident first. One whose subject or address is the text
    is the only one; an id goes before a part of a title. Raises StoreError.
    """
    asked = text.strip().rstrip("/")
    found: dict[str, Event] = {}
    for id in dict.fromkeys((asked, asked.rpartition("/")[2])):
        if id and not found:
            found = await _newest(store, "", id)
    found = found or await _newest(store, asked.casefold(), None)
    exact = {lane: each for lane, each in found.items() if asked in _names(each)}
    newest = (exact or found).values()
    return tuple(sorted(newest, key=lambda event: event.seq, reverse=True))


async def _newest(store: Store, folded: str, id: str | None) -> dict[str, Event]:
    """The newest event of each incident in which the text stands, by lane."""
    found: dict[str, Event] = {}
    seq = 0
    while events := await store.read_events(after=seq, incident=id):
        seq = events[-1].seq
        for event in events:
            fits = event.lane in found or any(folded in name.casefold() for name in _names(event))
            if event.incident is not None and fits:
                found[event.lane] = event
    return found


def _names(event: Event) -> tuple[str, ...]:
    incident = event.incident
    return (incident.title, incident.url.rstrip("/"), event.subject) if incident else ()


async def explain(
    store: Store,
    incident: Event,
    routes: Sequence[Route],
    landscape: Landscape,
    receivers: Iterable[str],
) -> tuple[Answer, ...]:
    """An answer for each event of an incident and each receiver, in the order of the log.

    The incident is that of the event. Receivers that the config no longer has stand at the end
    where they were told of anything. Raises StoreError.
    """
    answers: list[Answer] = []
    names = tuple(receivers)
    seq, id = 0, incident.incident.id if incident.incident else None
    while events := await store.read_events(after=seq, incident=id):
        seq = events[-1].seq
        for event in events:
            # Pages have ids in common: some count their incidents from 1.
            if event.lane == incident.lane:
                written = await store.deliveries(event_id=event.id, limit=10_000)
                today = nearest(decide(event, routes, landscape))
                answers += _of_event(event, written, today, names)
    return tuple(answers)


def _of_event(
    event: Event,
    written: Iterable[Delivery],
    today: Mapping[str, Decision],
    names: Sequence[str],
) -> Iterator[Answer]:
    by_receiver: dict[str, list[Delivery]] = {name: [] for name in names}
    for delivery in sorted(written, key=lambda each: (each.created_at, each.id)):
        by_receiver.setdefault(delivery.receiver, []).append(delivery)
    for name, deliveries in by_receiver.items():
        yield from (_written(event, each) for each in deliveries)
        if not deliveries:
            yield _by_now(event, name, today.get(name))


def _by_now(event: Event, receiver: str, decision: Decision | None) -> Answer:
    is_told = decision is not None and decision.told
    return Answer(
        event=event,
        receiver=receiver,
        outcome="not dispatched" if is_told else "not asked for",
        rule=decision.route if decision else "",
        reason=decision.reason.value if decision else "no route leads to this receiver",
        by_now=True,
    )


_OUTCOMES = {
    DeliveryStatus.DONE: "sent",
    DeliveryStatus.WAITING: "waiting",
    DeliveryStatus.HELD: "held",
    DeliveryStatus.WITHHELD: "withheld",
    DeliveryStatus.DEAD: "dead",
}


def _written(event: Event, delivery: Delivery) -> Answer:
    tried = delivery.last
    return Answer(
        event=event,
        receiver=delivery.receiver,
        outcome=_OUTCOMES[delivery.status],
        rule=delivery.rule,
        at=tried.at if tried else delivery.due_at,
        reason=delivery.reason,
        reference=delivery.reference,
        detail=tried.outcome if tried else "",
        digest=delivery.digest,
        occasion=delivery.occasion,
        attempts=delivery.attempts,
    )
