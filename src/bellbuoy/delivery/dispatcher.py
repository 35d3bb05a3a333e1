"""From the event log to deliveries.

    log, from its own place -> routes -> plan -> deliveries + cursor, in one transaction
    held and due            -----------> plan -> the same

A new receiver starts at the end of the log as it is when `note_end` is called, with the newest
event it would be told of each incident that is open then, as one digest if it takes any.
Nothing that is recorded later is missed, so on a new log everything is told. That a receiver
has begun is kept as a cursor of its name at the end of time, where it keeps no old event from
being dropped.

Does not send anything (courier), and does not decide who hears (routing) or what becomes of a
decision (planning).
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from bellbuoy.delivery.patience import Patience
from bellbuoy.delivery.planning import Planning
from bellbuoy.events import Event
from bellbuoy.model.delivery import DeliveryStatus, Silence, Standing
from bellbuoy.notifiers import Receiver
from bellbuoy.observer import Observer, Withheld
from bellbuoy.routing.matchers import Landscape, Reason
from bellbuoy.routing.routes import Decision, Route, decide, nearest
from bellbuoy.stores import Store

READER = "dispatcher"
"""The name of its cursor."""

BATCH = 500
"""Events routed, or held deliveries released, in one transaction."""

HAS_BEGUN = 2**62
"""The place of the cursor that says that a receiver has begun."""

LOOK_EVERY = 60.0
"""The longest wait while something is held, in seconds: the clock may have been set."""


class Dispatcher:
    """Turns events into deliveries, each exactly once per receiver.

    `digesting` are the names of receivers that take digests, `renewals` say after how many
    seconds a receiver must be told again of what is open, 0 being never. `wake` is called with
    the names of those for whom something waits that was written just now. `now` is the wall
    clock.
    """

    def __init__(
        self,
        store: Store,
        routes: Sequence[Route],
        landscape: Landscape,
        receivers: Sequence[Receiver],
        *,
        now: Callable[[], datetime],
        observer: Observer,
        digesting: Iterable[str] = (),
        renewals: Mapping[str, float] | None = None,
        wake: Callable[[Collection[str]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._routes = routes
        self._landscape = landscape
        self._digesting = frozenset(digesting)
        self._renewals = renewals or {}
        self._receivers = tuple(dict.fromkeys(receiver.name for receiver in receivers))
        self._now = now
        self._observer = observer
        self._wake = wake
        self._end: int | None = None
        self._has_begun = False

    async def run(self) -> None:
        """Follow the log until cancelled; a store that refuses is waited for."""
        patience = Patience("the dispatcher", self._observer)
        while True:
            seq = await patience.insist(self.catch_up)
            due_at = await patience.insist(self._store.next_held)
            pause = None if due_at is None else (due_at - self._now()).total_seconds()
            try:
                async with asyncio.timeout(pause and min(max(pause, 0.0), LOOK_EVERY)):
                    await patience.insist(lambda: self._store.wait_for_events(seq))  # noqa: B023 - awaited at once
            except TimeoutError:
                continue

    async def catch_up(self) -> int:
        """Route everything up to the end of the log, then release what is due; returns its end.

        In this order, so that what ended while it was held is known to have ended. Raises
        StoreError.
        """
        await self.begin()
        seq = await self._route_up_to(None, self._receivers)
        await self._release(seq)
        return seq

    async def note_end(self) -> int:
        """Fix where new receivers begin. Before polling starts, so that they miss nothing of it.

        Raises StoreError.
        """
        if self._end is None:
            self._end = await self._store.last_seq()
        return self._end

    async def begin(self) -> None:
        """Take in new receivers, once. This takes long where the log is far ahead.

        Raises StoreError.
        """
        if self._has_begun:
            return
        end = await self.note_end()
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
            disabled = await self._store.disabled()
            silences = await self._store.silences(events[0].observed_at)
            planning = await self._planning(receivers, (event.lane for event in events))
            for event in events:
                self._route(event, receivers, disabled, silences, planning)
            await self._write(seq, planning)
            if len(events) < BATCH:
                break
        return seq

    async def _release(self, seq: int) -> None:
        """Judge held deliveries whose time has come."""
        now = self._now()
        while due := await self._store.due_held(now, BATCH):
            silences = await self._store.silences(now)
            waiting = {delivery.receiver for delivery, _ in due}
            planning = await self._planning(waiting, (delivery.lane for delivery, _ in due))
            for delivery, event in due:
                planning.release(delivery, event, silences, self._landscape)
            planning.gather(self._digesting)
            await self._write(seq, planning)

    async def _planning(self, receivers: Iterable[str], lanes: Iterable[str]) -> Planning:
        standings = await self._store.standings(receivers, lanes)
        return Planning(self._routes, standings, self._renewals, self._now())

    async def _write(self, seq: int, planning: Planning) -> None:
        outgoing = planning.outgoing
        await self._store.dispatch(READER, seq, outgoing)
        written = (*outgoing.new, *outgoing.changed)
        if waiting := {each.receiver for each in written if each.status is DeliveryStatus.WAITING}:
            self._wake(waiting)

    async def _already_open(self, receivers: Sequence[str], end: int) -> Planning:
        """For each receiver the newest event it would be told of each open incident."""
        newest: list[tuple[Event, Decision]] = []
        for page_key, incident in await self._store.open_incidents() if end and receivers else ():
            waiting = set(receivers)
            for event in reversed(await self._events_of(page_key, incident.key, end)):
                decisions = nearest(decide(event, self._routes, self._landscape))
                told = [one for name, one in decisions.items() if one.told and name in waiting]
                newest += [(event, one) for one in told]
                waiting -= {one.receiver for one in told}
        newest.sort(key=lambda each: each[0].seq)
        planning = await self._planning(receivers, (event.lane for event, _ in newest))
        for event, decision in newest:
            planning.welcome(event, decision)
        planning.gather(self._digesting)
        return planning

    async def _events_of(self, page_key: str, incident: str, end: int) -> list[Event]:
        found: list[Event] = []
        seq = 0
        while events := await self._store.read_events(after=seq, limit=BATCH, incident=incident):
            seq = events[-1].seq
            found += [e for e in events if e.page.key == page_key and e.seq <= end]
        return found

    def _route(
        self,
        event: Event,
        receivers: Sequence[str],
        disabled: frozenset[str],
        silences: Sequence[Silence],
        planning: Planning,
    ) -> None:
        standings: Mapping[str, Standing] = planning.standings(event.lane, receivers)
        decisions = decide(
            event, self._routes, self._landscape, standings=standings, silences=silences
        )
        for name, decision in nearest(decisions).items():
            if name not in receivers:
                continue
            is_refused = decision.told and name in disabled
            taken = _refused(decision) if is_refused else decision
            planning.take(event, taken)
            if not taken.told:
                reason, about = taken.reason.value, event.id
                self._observer.withheld(
                    Withheld(page_key=event.page.key, about=about, reason=reason, receiver=name)
                )


def _refused(decision: Decision) -> Decision:
    return Decision(
        receiver=decision.receiver, route=decision.route, told=False, reason=Reason.DISABLED
    )


def _begun(receiver: str) -> str:
    return f"receiver {receiver}"
