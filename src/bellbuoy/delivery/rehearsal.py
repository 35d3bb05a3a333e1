"""What routes would have told, from what the log holds. Nothing is sent and nothing is kept.

    the log, in its own time -> the real dispatcher over a store in memory -> deliveries

Time passes as it did: what is held is released at its minute, reminders come while an incident
is open, quiet hours end. Every message counts as delivered at once.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.events import Event
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Occasion, Silence
from bellbuoy.notifiers import Receiver
from bellbuoy.observer import Observer, Withheld
from bellbuoy.routing.matchers import Landscape
from bellbuoy.routing.routes import Route
from bellbuoy.stores import Outgoing
from bellbuoy.stores.memory import MemoryStore
from bellbuoy.stores.memory_outbox import MemoryOutbox

_FORGET_AFTER = 100
"""After so many events of the log it is forgotten what nobody waits for any more."""


class Told(Struct, frozen=True, kw_only=True):
    """One message that a receiver would have had: its deliveries, with their events."""

    at: datetime
    receiver: str
    contents: tuple[tuple[Delivery, Event], ...]


class Rehearsal(Struct, frozen=True, kw_only=True):
    """The messages in the order in which they would have gone, and why others would not have.

    `withheld` counts deliveries by (receiver, reason), `held` those by receiver that would still
    wait for their time.
    """

    messages: tuple[Told, ...]
    withheld: Mapping[tuple[str, str], int]
    held: Mapping[str, int]
    events: int


async def rehearse(
    events: AsyncIterator[Event],
    routes: Sequence[Route],
    landscape: Landscape,
    receivers: Sequence[Receiver],
    *,
    until: datetime,
    since: datetime | None = None,
    digesting: Iterable[str] = (),
    renewals: Mapping[str, float] | None = None,
    silences: Iterable[Silence] = (),
) -> Rehearsal:
    """Let the routes hear these events, in the order of the log, and time pass until `until`.

    What happened before `since` is heard, so that it is known who was told of a beginning, but
    is not in the report. `digesting` and `renewals` are those of the dispatcher.
    """
    stage = _Stage()
    dispatcher = Dispatcher(
        stage,
        routes,
        landscape,
        receivers,
        now=lambda: stage.now,
        observer=stage.observer,
        digesting=digesting,
        renewals=renewals,
    )
    for silence in silences:
        await stage.add_silence(silence)
    await dispatcher.begin()
    messages: list[Told] = []
    count, is_reported = 0, since is None

    async def look() -> None:
        await dispatcher.catch_up()
        for receiver in receivers:
            messages.extend(await _taken(stage, receiver.name, stage.now))

    async for event in events:
        if since is not None and not is_reported and event.observed_at >= since:
            await _pass_time(stage, since, look)
            messages.clear()
            stage.withheld.clear()
            is_reported = True
        count += is_reported
        await _pass_time(stage, event.observed_at, look)
        await stage.append([event])
        await look()
        if event.seq % _FORGET_AFTER == 0:
            await stage.prune(stage.now)
    await _pass_time(stage, until, look)
    await look()
    told = [each for each in messages if since is None or each.at >= since]
    return Rehearsal(
        messages=tuple(told),
        withheld=stage.withheld if is_reported else {},
        held=await stage.held(receiver.name for receiver in receivers),
        events=count,
    )


class _Stage(MemoryStore):
    """The store of a rehearsal: it keeps what waits and who was told, and counts the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.min.replace(tzinfo=UTC)
        self.withheld: Counter[tuple[str, str]] = Counter()
        self.observer = _Reasons(self.withheld)
        self._outbox = _TellsAtOnce()

    async def dispatch(self, reader: str, seq: int, outgoing: Outgoing) -> None:
        """Keep what waits; what was held and is withheld now is counted and dropped."""
        late = [each for each in outgoing.changed if each.status is DeliveryStatus.WITHHELD]
        self.withheld.update((each.receiver, each.reason) for each in late)
        waiting = replace(
            outgoing,
            new=tuple(each for each in outgoing.new if each.status is not DeliveryStatus.WITHHELD),
            changed=tuple(each for each in outgoing.changed if each not in late),
            gone=(*outgoing.gone, *(each.id for each in late)),
        )
        await super().dispatch(reader, seq, waiting)

    async def held(self, receivers: Iterable[str]) -> Mapping[str, int]:
        """How many events each receiver would still be told."""
        held = await self.deliveries(status=DeliveryStatus.HELD, limit=1_000_000)
        waits = [each.receiver for each in held if each.occasion is Occasion.EVENT]
        return {name: waits.count(name) for name in receivers}


class _TellsAtOnce(MemoryOutbox):
    def settle(self, settled: Iterable[Delivery]) -> None:
        """Drop what was told: over a long log, looking past it would be most of the work."""
        for each in settled:
            self._deliveries.pop(each.id, None)

    def drop_threads(self, lanes: AbstractSet[str], open_lanes: AbstractSet[str]) -> None:
        """Keep who was told: what was told is dropped at once, so no delivery leads to it."""


class _Reasons(Observer):
    def __init__(self, counts: Counter[tuple[str, str]]) -> None:
        self._counts = counts

    def withheld(self, details: Withheld) -> None:
        self._counts[details.receiver, details.reason] += 1


async def _pass_time(stage: _Stage, until: datetime, look: Callable[[], Awaitable[None]]) -> None:
    """Let what is held until before then fall due, each at its time.

    What falls due with an event comes after it, as the dispatcher has it.
    """
    while (due_at := await stage.next_held()) is not None and due_at < until:
        stage.now = max(due_at, stage.now)
        await look()
    stage.now = max(until, stage.now)


async def _taken(store: MemoryStore, receiver: str, at: datetime) -> list[Told]:
    """Everything that waits for a receiver, as the messages in which it goes; it is done then."""
    taken: list[Told] = []
    while due := await store.due_deliveries(receiver, at):
        for delivery, event in due:
            contents = ((delivery, event),)
            if delivery.digest:
                contents = await store.waiting(receiver, digest=delivery.digest, limit=10_000)
            if contents:
                taken.append(Told(at=at, receiver=receiver, contents=contents))
            await store.settle(*(one for one, _ in contents))
    return taken
