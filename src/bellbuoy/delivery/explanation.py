"""Why each receiver was, or was not, told of each event of an incident.

What was written down counts: deliveries, and what was withheld with its reason. Only where
nothing was written, because the route never asks for such an event, the routes are asked as they
are now, and the answer says so.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from bellbuoy.events import Event
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Occasion
from bellbuoy.routing.matchers import Landscape
from bellbuoy.routing.routes import Route, decide, nearest
from bellbuoy.stores import Store


class Answer(Struct, frozen=True, kw_only=True):
    """What became of one event for one receiver.

    `outcome` is sent, waiting, held, withheld, dead or not asked for. `at` is when it was sent, or
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


async def find_incident(store: Store, text: str) -> tuple[str, ...]:
    """The ids of the incidents that a person means by an id, a subject, an address or a title.

    One that fits exactly is the only one; else those in whose title or address the text stands,
    the newest first. Raises StoreError.
    """
    last = text.rstrip("/").rpartition("/")[2]
    for exact in dict.fromkeys((text, last)):
        if exact and await store.read_events(incident=exact, limit=1):
            return (exact,)
    found: dict[str, None] = {}
    seq, folded = 0, text.casefold()
    while events := await store.read_events(after=seq):
        seq = events[-1].seq
        for event in events:
            incident = event.incident
            if incident is not None and folded in f"{incident.title}\n{incident.url}".casefold():
                found.pop(incident.id, None)
                found[incident.id] = None
    return tuple(reversed(found))


async def explain(
    store: Store,
    incident: str,
    routes: Sequence[Route],
    landscape: Landscape,
    receivers: Iterable[str],
) -> tuple[Answer, ...]:
    """An answer for each event of an incident and each receiver, in the order of the log.

    Receivers that the config no longer has stand at the end where they were told of anything.
    Raises StoreError.
    """
    answers: list[Answer] = []
    seq = 0
    while events := await store.read_events(after=seq, incident=incident):
        seq = events[-1].seq
        for event in events:
            written = await store.deliveries(event_id=event.id, limit=10_000)
            by_receiver: dict[str, list[Delivery]] = {name: [] for name in receivers}
            for delivery in sorted(written, key=lambda each: (each.created_at, each.id)):
                by_receiver.setdefault(delivery.receiver, []).append(delivery)
            today = nearest(decide(event, routes, landscape))
            for name, deliveries in by_receiver.items():
                answers += [_written(event, each) for each in deliveries]
                if not deliveries and (decision := today.get(name)):
                    answers.append(
                        Answer(
                            event=event,
                            receiver=name,
                            outcome="not asked for" if not decision.told else "not dispatched",
                            rule=decision.route,
                            reason=decision.reason.value,
                            by_now=True,
                        )
                    )
    return tuple(answers)


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
