"""The end of the log for everybody who listens: read once, encoded once.

    the log ──> one reader ──> the newest events, encoded ──> a hint to each listener
                                        │                            │
                 the log, page by page ─┴─ who is behind reads here ─┘

A listener has only its place in the log, so one that is slow costs nothing and misses nothing:
what is not among the newest any more it reads from the log. Nothing is read while nobody
listens.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from bellbuoy.app import App
from bellbuoy.events import Event, to_json
from bellbuoy.stores.cursors import format_cursor

NEWEST = 256
"""So many events are held encoded."""

BEAT_EVERY = 15.0
"""Seconds between two signs of life to a listener to whom nothing happens."""

_AT_ONCE = 50
"""Listeners who are woken in one turn of the loop, so that polling goes on between."""


class Line(Struct, frozen=True, kw_only=True):
    """An event as a listener gets it: `text` is one message of an event stream."""

    event: Event
    text: bytes

    @property
    def seq(self) -> int:
        """Its place in the log."""
        return self.event.seq


class Listener(Protocol):
    """Somebody who listens."""

    def wake(self) -> None:
        """There may be news."""
        ...

    def beat(self) -> None:
        """Nothing happened for a while."""
        ...

    def end(self) -> None:
        """Nothing comes any more."""
        ...


class Tail:
    """The newest events of an App's log, and who listens to it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._newest: deque[Line] = deque(maxlen=NEWEST)
        self._from = 0
        self._listeners: set[Listener] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def newest(self) -> int:
        """The place up to which the log was read."""
        return self._newest[-1].seq if self._newest else self._from

    def join(self, listener: Listener, seq: int) -> None:
        """Be woken from now on. `seq` is a place up to which the log is known to reach."""
        self._listeners.add(listener)
        if not self._tasks:
            self._newest.clear()
            self._from = seq
            self._tasks = [
                asyncio.create_task(self._read(seq), name="tail"),
                asyncio.create_task(self._beat(), name="tail beat"),
            ]

    def leave(self, listener: Listener) -> None:
        """Be woken no more; with the last listener, reading stops."""
        self._listeners.discard(listener)
        if not self._listeners:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    async def after(self, seq: int, limit: int = 100) -> list[Line]:
        """Lines beyond a place, oldest first; none if there are none yet. Raises StoreError."""
        if self._tasks and seq >= self._from:
            found: list[Line] = []
            for line in reversed(self._newest):
                if line.seq <= seq:
                    break
                found.append(line)
            return found[::-1]
        log = self._app.store.log_id
        events = await self._app.store.read_events(after=seq, limit=limit)
        return [_line(log, event) for event in events]

    async def _read(self, seq: int) -> None:
        """Hold what is new, and wake everybody, until the App is over."""
        try:
            log = self._app.store.log_id
            async for event in self._app.events(after=seq):
                self._hold(_line(log, event))
                await self._tell(lambda each: each.wake())
        finally:
            # Who came after the last one had left has a reader of their own.
            if asyncio.current_task() in self._tasks:
                for listener in tuple(self._listeners):
                    listener.end()

    def _hold(self, line: Line) -> None:
        if len(self._newest) == NEWEST:
            self._from = self._newest[0].seq
        self._newest.append(line)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY)
            await self._tell(lambda each: each.beat())

    async def _tell(self, what: Callable[[Listener], None]) -> None:
        for number, listener in enumerate(tuple(self._listeners), 1):
            what(listener)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)


def _line(log_id: str, event: Event) -> Line:
    place = format_cursor(log_id, event.seq)
    head = f"id: {place}\nevent: {event.kind}\ndata: ".encode()
    return Line(event=event, text=head + to_json(event) + b"\n\n")
