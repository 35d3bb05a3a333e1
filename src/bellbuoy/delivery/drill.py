"""A made-up incident through real routes to real receivers, marked as such in every text.

    made-up life -> the real dispatcher and couriers over a store in memory -> real receivers

Waiting is skipped: where a route holds something back, or is quiet, the clock of the drill jumps
to the end of it, and the report says how long it would have been. Nothing is retried, there are no
reminders, and nothing of it reaches the log.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.delivery.courier import Courier
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.delivery.ways import Send
from bellbuoy.events import (
    Event,
    EventKind,
    IncidentComponent,
    IncidentFacts,
    PageRef,
    UpdateFacts,
    event_id,
)
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, IncidentStatus, Provider
from bellbuoy.notifiers import Notifier, Receiver, takes_digests
from bellbuoy.observer import Happened, Observer, Withheld
from bellbuoy.routing.matchers import Landscape, services
from bellbuoy.routing.routes import Route
from bellbuoy.stores.memory import MemoryStore

_LIFE = (
    (EventKind.INCIDENT_OPENED, IncidentStatus.INVESTIGATING, "We pretend to look into it."),
    (EventKind.INCIDENT_UPDATED, IncidentStatus.IDENTIFIED, "We pretend to know the cause."),
    (EventKind.INCIDENT_RESOLVED, IncidentStatus.RESOLVED, "It was never there."),
)

_JUMPS = 20
"""How often the clock may jump after one event: some quiet hours never end."""


class Line(Struct, frozen=True, kw_only=True):
    """What became of one made-up event for one receiver.

    `outcome` is "taken", "not taken" or "not told"; `detail` what the receiver answered, or why
    not. `seconds` is how long the receiver took, `waited` how long its route would have waited
    before, in seconds.
    """

    receiver: str
    kind: EventKind
    outcome: str
    route: str = ""
    detail: str = ""
    reference: str = ""
    seconds: float = 0.0
    waited: float = 0.0


def life(
    mark: str,
    provider: Provider,
    page_url: str,
    *,
    impact: Impact = Impact.MAJOR,
    components: Iterable[str] = (),
) -> tuple[Event, ...]:
    """An incident that opens, is updated and ends, with `mark` before each of its texts."""
    name = f"{mark.lower()}-{token_hex(4)}"
    page = PageRef(key=f"urn:bellbuoy:{name}", url=page_url)
    now = datetime.now(UTC)
    affected = tuple(
        IncidentComponent(id=each, name=each, status=ComponentStatus.PARTIAL_OUTAGE)
        for each in components
    )

    def event(kind: EventKind, status: IncidentStatus, body: str) -> Event:
        words = f"{mark}: {body} Nothing is wrong."
        return Event(
            id=event_id(page.key, name, kind, status, "1"),
            kind=kind,
            provider=provider,
            page=page,
            observed_at=now,
            at=now,
            incident=IncidentFacts(
                id=name,
                kind=IncidentKind.INCIDENT,
                title=f"{mark}: a made-up incident",
                url=page_url,
                impact=impact,
                impact_raw=impact.value,
                status=status,
                status_raw=status.value,
                started_at=now,
                updated_at=now,
                resolved_at=now if status.is_over else None,
                components=affected,
            ),
            update=UpdateFacts(
                id=status.value, status=status, status_raw=status.value, body=words, at=now
            ),
        )

    return tuple(event(*step) for step in _LIFE)


async def drill(
    events: Sequence[Event],
    routes: Sequence[Route],
    landscape: Landscape,
    receivers: Sequence[Receiver],
    notifiers: Mapping[str, Notifier],
    send: Send,
) -> tuple[Line, ...]:
    """Let a made-up life go its way; a line for each event and receiver."""
    play = _Play(routes, landscape, receivers, notifiers, send)
    await play.dispatcher.begin()
    lines: list[Line] = []
    for event in events:
        lines += await play.tell(event)
    return tuple(lines)


class _Play(Observer):
    def __init__(
        self,
        routes: Sequence[Route],
        landscape: Landscape,
        receivers: Sequence[Receiver],
        notifiers: Mapping[str, Notifier],
        send: Send,
    ) -> None:
        self._skipped = timedelta()
        self._store = MemoryStore()
        self._names = [each.name for each in receivers]
        self._untold: list[Withheld] = []
        self._troubles: dict[str, str] = {}
        self.dispatcher = Dispatcher(
            self._store,
            [replace(route, remind=0.0, ahead=()) for route in routes],
            landscape,
            receivers,
            now=self._now,
            observer=self,
            digesting=[each.name for each in receivers if takes_digests(notifiers[each.kind])],
        )
        self._couriers = [
            Courier(
                self._store,
                each,
                notifiers[each.kind],
                send,
                now=self._now,
                observer=self,
                services=lambda event: services(event, landscape),
            )
            for each in receivers
        ]

    def withheld(self, details: Withheld) -> None:
        """Keep why somebody is not told."""
        self._untold.append(details)

    def happened(self, details: Happened) -> None:
        """Keep why a receiver cannot be tried at all."""
        for name in self._names:
            head = f"receiver {name}: "
            if details.what.startswith(head):
                self._troubles[name] = details.what.removeprefix(head)

    async def tell(self, event: Event) -> list[Line]:
        """One event, and all that waiting would bring before the next."""
        at = self._now()
        self._untold.clear()
        # It is seen now, on the drill's own clock.
        await self._store.append([replace(event, observed_at=at)])
        await self._try_all()
        for _ in range(_JUMPS):
            due_at = await self._store.next_held()
            if due_at is None:
                break
            self._skipped += max(due_at - self._now(), timedelta())
            await self._try_all()
        lines = [
            Line(receiver=each.receiver, kind=event.kind, outcome="not told", detail=each.reason)
            for each in self._untold
        ]
        deliveries = await self._store.deliveries(event_id=event.id, limit=10_000)
        told = [each for each in deliveries if each.status is not DeliveryStatus.WITHHELD]
        lines += [_line(event, each, at) for each in told]
        return sorted(lines, key=lambda line: self._names.index(line.receiver))

    async def _try_all(self) -> None:
        """Try what is due, once: what was not taken must not be tried when the clock jumps."""
        self._troubles.clear()
        await self.dispatcher.catch_up()
        for courier in self._couriers:
            await courier.drain()
        left = await self._store.deliveries(status=DeliveryStatus.WAITING, limit=10_000)
        await self._store.settle(*map(self._given_up, left))

    def _given_up(self, delivery: Delivery) -> Delivery:
        said = self._troubles.get(delivery.receiver, "not tried, the receiver asked to wait")
        untried = Attempt(at=self._now(), seconds=0.0, outcome=said)
        return replace(delivery, status=DeliveryStatus.DEAD, last=delivery.last or untried)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._skipped


def _line(event: Event, delivery: Delivery, at: datetime) -> Line:
    last = delivery.last
    is_taken = delivery.status is DeliveryStatus.DONE
    if delivery.status is DeliveryStatus.HELD:
        return Line(
            receiver=delivery.receiver,
            kind=event.kind,
            outcome="not told",
            route=delivery.rule,
            detail=delivery.reason,
        )
    return Line(
        receiver=delivery.receiver,
        kind=event.kind,
        outcome="taken" if is_taken else "not taken",
        route=delivery.rule,
        detail=last.outcome if last else "",
        reference=delivery.reference,
        seconds=last.seconds if last else 0.0,
        waited=max((last.at - at).total_seconds(), 0.0) if last else 0.0,
    )
