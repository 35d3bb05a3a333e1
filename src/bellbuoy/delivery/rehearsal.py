"""What routes would have told, from what the log holds. Nothing is sent and nothing is kept.

    the log, in its own time -> the real dispatcher over a store in memory -> deliveries

Time passes as it did: what is held is released at its minute, reminders come while an incident
is open, quiet hours end. Every message counts as delivered at once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.events import Event
from bellbuoy.model.delivery import Delivery, DeliveryStatus, Silence
from bellbuoy.notifiers import Receiver
from bellbuoy.observer import Observer, Withheld
from bellbuoy.routing.matchers import Landscape
from bellbuoy.routing.routes import Route
from bellbuoy.stores.memory import MemoryStore


class Told(Struct, frozen=True, kw_only=True):
    """One message that a receiver would have had: its deliveries, with their events."""

    at: datetime
    receiver: str
    contents: tuple[tuple[Delivery, Event], ...]


class Rehearsal(Struct, frozen=True, kw_only=True):
    """The messages in the order in which they would have gone, and why others would not have.

    `withheld` counts events by (receiver, reason).
    """

    messages: tuple[Told, ...]
    withheld: dict[tuple[str, str], int]
    events: int


class _Reasons(Observer):
    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}

    def withheld(self, details: Withheld) -> None:
        key = (details.receiver, details.reason)
        self.counts[key] = self.counts.get(key, 0) + 1


async def rehearse(
    events: AsyncIterator[Event],
    routes: Sequence[Route],
    landscape: Landscape,
    receivers: Sequence[Receiver],
    *,
    until: datetime,
    digesting: Iterable[str] = (),
    silences: Iterable[Silence] = (),
) -> Rehearsal:
    """Let the routes hear these events, in the order of the log, and time pass until `until`."""
    store, reasons = MemoryStore(), _Reasons()
    clock = _Clock(until)
    dispatcher = Dispatcher(
        store,
        routes,
        landscape,
        receivers,
        now=lambda: clock.now,
        observer=reasons,
        digesting=digesting,
    )
    for silence in silences:
        await store.add_silence(silence)
    await dispatcher.begin()
    messages: list[Told] = []
    count = 0

    async def take() -> None:
        for receiver in receivers:
            messages.extend(await _taken(store, receiver.name, clock.now))

    async for event in events:
        count += 1
        await _pass_time(clock, event.observed_at, store, dispatcher, take)
        await store.append([event])
        await dispatcher.catch_up()
        await take()
        # What nobody waits for any more is dropped, so that a year takes no more than an hour.
        if count % 1000 == 0:
            await store.prune(clock.now)
    await _pass_time(clock, until, store, dispatcher, take)
    return Rehearsal(messages=tuple(messages), withheld=reasons.counts, events=count)


class _Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now


async def _pass_time(
    clock: _Clock,
    until: datetime,
    store: MemoryStore,
    dispatcher: Dispatcher,
    take: Callable[[], Awaitable[None]],
) -> None:
    """Let what is held until then fall due, each at its time."""
    while (due_at := await store.next_held()) is not None and due_at <= until:
        clock.now = due_at
        await dispatcher.catch_up()
        await take()
    clock.now = until


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
            await store.settle(*(replace(one, status=DeliveryStatus.DONE) for one, _ in contents))
    return taken
