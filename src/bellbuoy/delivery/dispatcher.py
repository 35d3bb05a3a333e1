"""From the event log to deliveries.

    log, from the dispatcher's own place -> routes -> deliveries + cursor, in one transaction

A receiver that joins a log which already has a past starts at its end, with the newest event
of each incident that is open then. On a new log everything is told, the first look's open
incidents included. Does not send anything (worker), and does not decide who hears (routing).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.model.delivery import Delivery
from bellbuoy.notifiers import Receiver
from bellbuoy.observer import Happened, Observer, Withheld
from bellbuoy.routing.routes import Interests, Route, decide
from bellbuoy.stores import Store

READER = "dispatcher"
"""The name of its cursor."""

BATCH = 500
"""Events routed in one transaction."""

PAUSE = 5.0
"""How long to wait after a store error, in seconds."""


class Dispatcher:
    """Turns events into deliveries, each exactly once per receiver."""

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
        self._receivers = [receiver.name for receiver in receivers]
        self._starts: dict[str, int] = {}
        self._now = now
        self._observer = observer
        self._wake = wake

    async def run(self) -> None:
        """Follow the log until cancelled."""
        while True:
            try:
                seq = await self.catch_up()
                await self._store.wait_for_events(seq)
            except StoreError as error:
                self._observer.happened(Happened(what=f"dispatcher: {error}", level="error"))
                await asyncio.sleep(PAUSE)

    async def catch_up(self) -> int:
        """Route everything up to the end of the log; returns its end."""
        if not self._starts:
            await self._introduce_receivers()
        seq = await self._store.read_cursor(READER) or 0
        while events := await self._store.read_events(after=seq, limit=BATCH):
            deliveries = [one for event in events for one in self._route(event)]
            seq = events[-1].seq
            await self._store.dispatch(READER, seq, deliveries)
            if deliveries:
                self._wake()
        return seq

    async def _introduce_receivers(self) -> None:
        end = await self._store.last_seq()
        known = await self._store.read_cursor(READER)
        starts: dict[str, int] = {}
        deliveries: list[Delivery] = []
        for name in self._receivers:
            start = await self._store.read_cursor(_joined(name))
            if start is None:
                start = end
                deliveries += await self._open_incidents(name) if end else []
            starts[name] = start
        place = end if known is None else known
        if deliveries or known is None:
            await self._store.dispatch(READER, place, deliveries)
        for name, start in starts.items():
            # Moved along with the dispatcher, so that it never keeps old events from being dropped.
            await self._store.write_cursor(_joined(name), max(start, place))
        self._starts = starts

    async def _open_incidents(self, receiver: str) -> list[Delivery]:
        deliveries: list[Delivery] = []
        for page_key, incident in await self._store.open_incidents():
            events = await self._store.read_events(incident=incident.key)
            newest = [event for event in events if event.page.key == page_key][-1:]
            deliveries += [one for event in newest for one in self._route(event, only=receiver)]
        return deliveries

    def _route(self, event: Event, *, only: str | None = None) -> Iterable[Delivery]:
        for decision in decide(event, self._routes, self._interests):
            name = decision.receiver
            if only is not None and name != only:
                continue
            if only is None and event.seq <= self._starts.get(name, 0):
                continue
            if not decision.told:
                self._observer.withheld(
                    Withheld(
                        page_key=event.page.key,
                        about=event.id,
                        reason=decision.reason.value,
                        receiver=name,
                    )
                )
                continue
            now = self._now()
            yield Delivery(
                id=f"{event.id}/{name}",
                receiver=name,
                seq=event.seq,
                event_id=event.id,
                lane=event.lane,
                rule=decision.route,
                created_at=now,
                due_at=now,
            )


def _joined(receiver: str) -> str:
    return f"receiver {receiver}"
