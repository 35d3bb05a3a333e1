"""From the event log to deliveries.

    log, from the dispatcher's own place -> routes -> deliveries + cursor, in one transaction

A new receiver starts at the end of the log as it is when `begin` is called, with the newest
event it would be told of each incident that is open then: those are ordinary deliveries, whose
rule says "already open". Nothing that is recorded later is missed, so on a new log everything
is told. That a receiver has begun is kept as a cursor of its name at the end of time, where
it keeps no old event from being dropped.

Does not send anything (worker), and does not decide who hears (routing).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from bellbuoy.delivery.patience import Patience
from bellbuoy.events import Event
from bellbuoy.model.delivery import Delivery
from bellbuoy.notifiers import Receiver
from bellbuoy.observer import Observer, Withheld
from bellbuoy.routing.routes import Decision, Interests, Route, decide
from bellbuoy.stores import Store

READER = "dispatcher"
"""The name of its cursor."""

BATCH = 500
"""Events routed in one transaction."""

HAS_BEGUN = 2**62
"""The place of the cursor that says that a receiver has begun."""

ALREADY_OPEN = "already open"
"""What the rule of a new receiver's first deliveries says, after the route."""

DISABLED = "the receiver wants no more events"
"""Why a disabled receiver is not told."""


class Dispatcher:
    """Turns events into deliveries, each exactly once per receiver.

    `wake` is called after deliveries were written. `now` is the wall clock.
    """

    def __init__(
        self,
        store: Store,
        routes: Sequence[Route],
        interests: Interests,
        receivers: Sequence[Receiver],
        *,
        now: Callable[[], datetime],
        observer: Observer,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._routes = routes
        self._interests = interests
        self._receivers = tuple(dict.fromkeys(receiver.name for receiver in receivers))
        self._now = now
        self._observer = observer
        self._wake = wake
        self._has_begun = False

    async def run(self) -> None:
        """Follow the log until cancelled; a store that refuses is waited for."""
        patience = Patience("the dispatcher", self._observer)
        while True:
            seq = await patience.insist(self.catch_up)
            await patience.insist(lambda: self._store.wait_for_events(seq))  # noqa: B023 - awaited at once

    async def catch_up(self) -> int:
        """Route everything up to the end of the log; returns its end. Raises StoreError."""
        await self.begin()
        return await self._route_up_to(None, self._receivers)

    async def begin(self) -> None:
        """Take in new receivers, once. Before polling starts, so that they miss nothing of it.

        Raises StoreError.
        """
        if self._has_begun:
            return
        end = await self._store.last_seq()
        place = await self._store.read_cursor(READER)
        begun = {
            name
            for name in self._receivers
            if await self._store.read_cursor(_begun(name)) is not None
        }
        # Those that were there before hear first what was recorded before: lanes keep their order.
        if place is not None:
            await self._route_up_to(end, tuple(name for name in self._receivers if name in begun))
        new = tuple(name for name in self._receivers if name not in begun)
        if new or place is None:
            await self._write(end, await self._already_open(new, end))
        for name in new:
            await self._store.write_cursor(_begun(name), HAS_BEGUN)
        self._has_begun = True

    async def _route_up_to(self, end: int | None, receivers: Sequence[str]) -> int:
        """Route from the dispatcher's place to `end`, or to the end of the log."""
        seq = await self._store.read_cursor(READER) or 0
        while events := await self._store.read_events(after=seq, limit=BATCH):
            events = [event for event in events if end is None or event.seq <= end]
            if not events:
                break
            seq = events[-1].seq
            disabled = {name for name in receivers if await self._store.is_disabled(name)}
            await self._write(
                seq, [one for event in events for one in self._route(event, receivers, disabled)]
            )
        return seq

    async def _write(self, seq: int, deliveries: Sequence[Delivery]) -> None:
        await self._store.dispatch(READER, seq, deliveries)
        if deliveries:
            self._wake()

    async def _already_open(self, receivers: Sequence[str], end: int) -> list[Delivery]:
        """For each receiver the newest event it would be told of each open incident."""
        deliveries: list[Delivery] = []
        for page_key, incident in await self._store.open_incidents() if end else ():
            waiting = set(receivers)
            for event in reversed(await self._events_of(page_key, incident.key, end)):
                told = [one for one in self._decide(event) if one.told and one.receiver in waiting]
                deliveries += [
                    self._delivery(event, one.receiver, f"{one.route} ({ALREADY_OPEN})")
                    for one in told
                ]
                waiting -= {one.receiver for one in told}
        return sorted(deliveries, key=lambda delivery: delivery.seq)

    async def _events_of(self, page_key: str, incident: str, end: int) -> list[Event]:
        found: list[Event] = []
        seq = 0
        while events := await self._store.read_events(after=seq, limit=BATCH, incident=incident):
            seq = events[-1].seq
            found += [e for e in events if e.page.key == page_key and e.seq <= end]
        return found

    def _route(
        self, event: Event, receivers: Sequence[str], disabled: set[str]
    ) -> Iterable[Delivery]:
        for decision in self._decide(event):
            name = decision.receiver
            if name not in receivers:
                continue
            if decision.told and name not in disabled:
                yield self._delivery(event, name, decision.route)
                continue
            reason = DISABLED if decision.told else decision.reason.value
            self._observer.withheld(
                Withheld(page_key=event.page.key, about=event.id, reason=reason, receiver=name)
            )

    def _decide(self, event: Event) -> tuple[Decision, ...]:
        return decide(event, self._routes, self._interests)

    def _delivery(self, event: Event, receiver: str, rule: str) -> Delivery:
        now = self._now()
        return Delivery(
            id=f"{event.id}/{receiver}",
            receiver=receiver,
            seq=event.seq,
            event_id=event.id,
            lane=event.lane,
            rule=rule,
            created_at=now,
            due_at=now,
        )


def _begun(receiver: str) -> str:
    return f"receiver {receiver}"
