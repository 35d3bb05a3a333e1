"""One run of the monitor with a person, or a pipe, at its standard output.

    event log -> from the console's own place -> chosen and rendered -> printed, flushed
                                 ^-------------- the place is kept ------------'

Does not decide what is recorded or delivered: it is only one more reader of the log.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from msgspec import Struct

from bellbuoy.app import App
from bellbuoy.cli.output import Printer, say
from bellbuoy.cli.rendering import Render, usual_kinds
from bellbuoy.cli.sweeps import FirstLooks, in_one_line
from bellbuoy.config import Config
from bellbuoy.config.secrets import secrets_of
from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.model.leases import Role
from bellbuoy.observer import Observers
from bellbuoy.platform import stop_signals
from bellbuoy.stores import Store
from bellbuoy.telemetry.logging import Level, open_log
from bellbuoy.telemetry.statistics import Statistics
from bellbuoy.telemetry.systemd import supervised

READER = "console"
"""The name of the console's place in the log."""

_GRACE = 0.2
"""How long, in seconds, a stop waits for a reader who does not read."""

_RETRY = 5.0
"""How long, in seconds, until a place that could not be kept is written again."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What the command line asks of a run. `seconds` ends it; no `kinds` means the usual ones."""

    roles: tuple[Role, ...] = (Role.POLL, Role.DELIVER)
    kinds: tuple[str, ...] | None = None
    as_json: bool = False
    once: bool = False
    seconds: float | None = None
    stats: bool = False
    log_level: Level = "warning"
    log_json: bool = False


async def monitor(config: Config, wishes: Wishes, printer: Printer) -> int:
    """Run until it is stopped, or the time or the sweep is over; returns the exit code."""
    statistics = Statistics()
    try:
        with (
            open_log(wishes.log_level, as_json=wishes.log_json, secrets=secrets_of(config)) as log,
            FirstLooks(config.watched) as looks,
        ):
            app = App(
                config,
                roles=wishes.roles,
                once=wishes.once,
                observer=Observers((statistics, looks, log)),
            )
            return await _Run(app, wishes, printer, looks).until_over()
    finally:
        if wishes.stats:
            await printer.write(json.dumps(statistics.figures()) + "\n")


class _Run:
    """The parts of one run that have to know of each other."""

    def __init__(self, app: App, wishes: Wishes, printer: Printer, looks: FirstLooks) -> None:
        self._app = app
        self._wishes = wishes
        self._printer = printer
        self._looks = looks
        self._asked = asyncio.Event()

    async def until_over(self) -> int:
        """Run, and print what is recorded until then."""
        with stop_signals(self._stop):
            async with self._app as app, supervised(app.stuck):
                render = usual_kinds(app.config, self._wishes.kinds, as_json=self._wishes.as_json)
                printing = Printing(app.store, self._printer.write, render, self._looks)
                place = await app.store.read_cursor(READER) or 0
                reading = asyncio.create_task(printing.run(app.events(after=place)))
                report = asyncio.create_task(self._report())
                keeping = asyncio.create_task(printing.keep_place())
                try:
                    await self._until_read(reading)
                    await asyncio.wait({report}, timeout=_GRACE)
                    return self._code()
                finally:
                    await _cancel(reading, report, keeping)
                    await printing.settle()

    def _stop(self) -> None:
        self._asked.set()
        self._app.request_stop()

    async def _until_read(self, reading: asyncio.Task[None]) -> None:
        """Return when it is over and everything is printed, or nobody reads it.

        Raises what ended it too early.
        """
        first = asyncio.FIRST_COMPLETED
        ending = asyncio.create_task(self._app.stopped(self._wishes.seconds))
        asked = asyncio.create_task(self._asked.wait())
        gone = asyncio.create_task(self._printer.until_gone())
        try:
            await asyncio.wait({reading, ending, gone}, return_when=first)
            if self._wishes.once and not reading.done():
                await asyncio.wait({reading, asked, gone}, return_when=first)
            self._app.request_stop()
            await asyncio.wait({reading}, timeout=_GRACE)
            for task in (reading, ending):
                if task.done():
                    task.result()
        finally:
            await _cancel(ending, asked, gone)

    async def _report(self) -> None:
        """Say what the first sweep found."""
        app = self._app
        sweep = await app.first_sweep()
        self._looks.over()
        if app.looked_at() < sweep.pages:
            return
        every = None if self._wishes.once else min(w.page.every for w in app.config.watched)
        for line in self._looks.failures():
            say(line)
        say(in_one_line(sweep, every=every, place=app.store.place))

    def _code(self) -> int:
        if self._asked.is_set() or not self._wishes.once:
            return 0
        sweep = self._app.standing()
        missing = sweep.pages - self._app.looked_at()
        if missing:
            say(f"bellbuoy: the time was over before {missing} of {sweep.pages} pages were polled")
        return 1 if missing or sweep.unreadable else 0


class Printing:
    """Prints events, and keeps the place up to which they are printed.

    The place is written by a task of its own, so that many events cost few transactions.
    """

    def __init__(
        self,
        store: Store,
        write: Callable[[str], Awaitable[None]],
        render: Render,
        looks: FirstLooks,
    ) -> None:
        self._store = store
        self._write = write
        self._render = render
        self._looks = looks
        self._seq = 0
        self._kept = 0
        self._moved = asyncio.Event()
        self._line: asyncio.Task[None] | None = None

    async def run(self, events: AsyncIterator[Event]) -> None:
        """Print until there are no more events. Raises BrokenPipeError if nobody reads."""
        async for event in events:
            # A line that was begun is finished and its place kept, even when we are stopped.
            self._line = asyncio.create_task(self._print(event))
            await asyncio.shield(self._line)

    async def keep_place(self) -> None:
        """Write the place down whenever it moved."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            try:
                await self._keep()
            except StoreError:
                # The store recovers, or polling tells of it; the place is only late.
                await asyncio.sleep(_RETRY)
                self._moved.set()

    async def settle(self) -> None:
        """Finish the line that was begun, and write the last place down."""
        if self._line is not None:
            await asyncio.wait({self._line}, timeout=_GRACE)
            if self._line.done() and not self._line.cancelled():
                self._line.exception()  # It was raised where the line was awaited.
        await self._keep()

    async def _print(self, event: Event) -> None:
        text = self._render(event)
        if text is not None:
            with self._looks.aside():
                await self._write(text)
        self._seq = event.seq
        self._moved.set()

    async def _keep(self) -> None:
        seq = self._seq
        if seq > self._kept:
            await self._store.write_cursor(READER, seq)
            self._kept = seq


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
