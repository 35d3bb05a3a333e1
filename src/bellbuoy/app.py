"""The composition root: what a running Bellbuoy is made of, in the order in which it opens.

    async with App(config) as app:
        async for event in app.events(after=0):
            ...

Everything opens on entering and closes in reverse on leaving, within seconds: polling stops,
sends in flight get a moment, and what could not be sent stays in the store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from bellbuoy.config import Config
from bellbuoy.delivery.courier import Courier, Send
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.delivery.heartbeat import Heartbeat
from bellbuoy.delivery.pacing import Paces
from bellbuoy.delivery.patience import Patience
from bellbuoy.detection.unwatched import ended
from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.exchange import Exchange
from bellbuoy.formats import Formats
from bellbuoy.http.driver import Driver
from bellbuoy.model.delivery import Receipt
from bellbuoy.model.facts import Page
from bellbuoy.model.known import PageState
from bellbuoy.notifiers import Notifiers, renewal, takes_digests
from bellbuoy.observer import Observer, Observers, Recorded, refused
from bellbuoy.polling.outlook import Outlook
from bellbuoy.polling.poller import Network, Poller
from bellbuoy.polling.scheduler import Place, Scheduler, Sweep
from bellbuoy.routing.matchers import services
from bellbuoy.stocktaking import Stocktaking
from bellbuoy.stores import Store
from bellbuoy.stores.opening import open_store
from bellbuoy.telemetry import readiness
from bellbuoy.telemetry.pulse import pulse
from bellbuoy.telemetry.stock import Stock

__all__ = ["App", "Place", "Sweep"]

T = TypeVar("T")

FLUSH_EVERY = 60.0
"""States of pages that taught nothing new are written this often, in seconds."""

PRUNE_EVERY = 3600.0
"""Events older than the retention are dropped this often, in seconds."""

STOP_WITHIN = 4.5
"""How long closing waits for what is in flight, in seconds."""

ANSWER_WITHIN = 30.0
"""How long a receiver may take to answer, in seconds."""


def utcnow() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def _death(task: asyncio.Task[None]) -> str:
    """The name of a task that died, and of what kind of error; empty if it did not."""
    if not task.done() or task.cancelled() or (error := task.exception()) is None:
        return ""
    return f"{task.get_name()} ({type(error).__name__})"


def _sender(driver: Driver) -> Send:
    """How exchanges with receivers are performed."""

    async def send(exchange: Exchange[Receipt]) -> Receipt:
        return await driver.send(exchange, timeout=ANSWER_WITHIN)

    return send


class App:
    """A running monitor: it polls and delivers from entering to leaving.

    With `once`, every page is looked at one time, what that brings is delivered, and it is
    over. Without `deliver`, nothing is sent to receivers. A `store` or a `network` that is
    given is used and not closed; otherwise those of the config are opened. `pulse` is told twice
    a second how many seconds late the event loop is.

    Once entered, `store` is where everything is kept, and `network` the only way to pages, with
    every limit and guard.

    Entering raises AlreadyRunningError if another process polls with this store, and
    StoreError if the store cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        once: bool = False,
        deliver: bool = True,
        store: Store | None = None,
        network: Network | None = None,
        observer: Observer | None = None,
        pulse: Callable[[float], None] | None = None,
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        self.config = config
        self._once = once
        self._deliver = deliver
        self._given_store = store
        self._network = network
        self._observer = observer or Observer()
        self._pulse = pulse
        self._now = now
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._over = asyncio.Event()
        self._failure: BaseException | None = None
        self._is_refused = False

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.request_stop()
        await self._stack.aclose()

    async def _open(self) -> None:
        config = self.config
        self.store = self._given_store or await self._stack.enter_async_context(
            open_store(config.store, poller=True)
        )
        driver = await self._stack.enter_async_context(
            Driver(config.http, observer=self._observer, now=self._now)
        )
        self.network = self._network or driver
        self._stocktaking = Stocktaking(config, self.store)
        self._last_visit = readiness.LastVisit(asyncio.get_running_loop().time)
        self._observer = Observers((self._observer, self._stocktaking, self._last_visit))
        pages = [watched.page for watched in config.watched]
        states = await self.store.load_states(page.key for page in pages)
        for page in pages:
            state = states.get(page.key)
            if state is not None and state.health.held_until is not None:
                driver.hold(state.url or page.url, state.health.held_until)
        if not config.partial:
            await self._forget_unwatched(pages)
        self._heartbeat = self._make_heartbeat(driver, pages)
        self._outlook = outlook = Outlook(len(pages))
        self._scheduler = self._make_scheduler(pages, states, outlook)
        self._couriers: dict[str, Courier] = {}
        self._dispatcher: Dispatcher | None = None
        if self._deliver and config.receivers:
            await self._open_delivery(driver)
        self._stack.push_async_callback(self._flush)
        self._stack.push_async_callback(self._stop_tasks)
        self._start_tasks()

    def _make_scheduler(
        self, pages: list[Page], states: Mapping[str, PageState], outlook: Outlook
    ) -> Scheduler:
        """Polling: which page when, and what a visit does."""
        config = self.config
        poller = Poller(
            Formats(config.formats),
            self.network,
            self.store,
            outlook,
            now=self._now,
            observer=self._observer,
            components={one.page.key: one.components for one in config.watched},
        )
        return Scheduler(
            pages,
            states,
            poller.visit,
            seats=config.http.seats,
            now=self._now,
            observer=self._observer,
            is_offline=lambda: outlook.is_offline,
            once=self._once,
        )

    def _make_heartbeat(self, driver: Driver, pages: list[Page]) -> Heartbeat | None:
        """The sign of life, which hears of every visit from now on."""
        if self.config.heartbeat is None or not pages:
            return None
        shortest = min(page.every for page in pages)
        heartbeat = Heartbeat(self.config.heartbeat, shortest, _sender(driver), self._observer)
        self._observer = Observers([self._observer, heartbeat])
        return heartbeat

    async def _open_delivery(self, driver: Driver) -> None:
        config = self.config
        send = _sender(driver)
        notifiers = Notifiers(config.notifiers)
        landscape = config.landscape
        paces = Paces()
        self._dispatcher = Dispatcher(
            self.store,
            config.routes,
            landscape,
            config.receivers,
            now=self._now,
            observer=self._observer,
            digesting=[r.name for r in config.receivers if takes_digests(notifiers[r.kind])],
            renewals={r.name: renewal(notifiers[r.kind], r.settings) for r in config.receivers},
            wake=self._wake_couriers,
        )
        await self._dispatcher.begin()
        self._couriers = {
            receiver.name: Courier(
                self.store,
                receiver,
                notifiers[receiver.kind],
                send,
                now=self._now,
                observer=self._observer,
                services=lambda event: services(event, landscape),
                paces=paces,
            )
            for receiver in config.receivers
        }

    def _wake_couriers(self, receivers: Collection[str]) -> None:
        # What was held may be for a receiver that the config has no more.
        for name in self._couriers.keys() & receivers:
            self._couriers[name].wake()

    def _start_tasks(self) -> None:
        if self._once:
            self._start("once", self._look_once())
            return
        self._start("scheduler", self._scheduler.run())
        self._start("flush", self._flush_regularly())
        self._start("prune", self._prune_regularly())
        if self._heartbeat is not None:
            self._start("heartbeat", self._heartbeat.run())
        if self._dispatcher is not None:
            self._start("dispatcher", self._dispatcher.run())
        for courier in self._couriers.values():
            self._start("courier", courier.run())
        if self._pulse is not None:
            self._start("pulse", pulse(self._pulse))

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """A task that dies takes the process with it: half a monitor looks like a quiet day."""
        if task.cancelled() or task.exception() is None:
            return
        self._failure = self._failure or task.exception()
        self._over.set()

    async def first_sweep(self) -> Sweep:
        """Wait until every page was looked at once, or until it is over; what was found."""
        await self._unless_over(self._scheduler.swept())
        self._raise_failure()
        return self._scheduler.standing()

    def looked_at(self) -> int:
        """How many pages were looked at since the start."""
        return self._scheduler.looked_at()

    def standing(self) -> Sweep:
        """How the pages stand now."""
        return self._scheduler.standing()

    def places(self) -> tuple[Place, ...]:
        """Every page with how it stands and when it is looked at next, as the config has them."""
        return self._scheduler.places()

    def place(self, page_key: str) -> Place | None:
        """One of these; None if the page is not watched."""
        return self._scheduler.place(page_key)

    def poke(self, page_key: str) -> bool:
        """Have a page looked at soon; False if it is not watched."""
        return self._scheduler.poke(page_key)

    def now(self) -> datetime:
        """The instant by its clock."""
        return self._now()

    @property
    def is_over(self) -> bool:
        """Whether it was asked to stop, or a task died."""
        return self._over.is_set()

    def ready(self) -> tuple[str, ...]:
        """Why it is not ready, without a secret; empty if it is."""
        return readiness.unready(self._vitals())

    def stuck(self) -> tuple[str, ...]:
        """Why only a restart would help; empty if none is needed."""
        return readiness.stuck(self._vitals())

    async def stock(self) -> Stock:
        """What stands now, for `telemetry.metrics`."""
        return await self._stocktaking.take(
            [(one.page, one.state) for one in self.places()],
            unready=self.ready(),
            is_offline=self._outlook.is_offline,
        )

    def _vitals(self) -> readiness.Vitals:
        return readiness.Vitals(
            dead=tuple(filter(None, map(_death, self._tasks))),
            silence=asyncio.get_running_loop().time() - self._last_visit.at,
            shortest=min((one.page.every for one in self.config.watched), default=None),
            is_refused=self._is_refused,
            is_stopping=self._over.is_set(),
        )

    def request_stop(self) -> None:
        """Ask it to be over: `events` and `stopped` end soon after."""
        self._over.set()

    async def stopped(self, after: float | None = None) -> None:
        """Wait until it is over, or for `after` seconds. Raises what a task died of."""
        try:
            await asyncio.wait_for(self._over.wait(), after)
        except TimeoutError:
            self.request_stop()
        self._raise_failure()

    async def events(self, after: int = 0) -> AsyncIterator[Event]:
        """Events beyond the place `after` in the log, as they come, until it is over.

        A store that refuses is waited for, but at the end StoreError is raised.
        """
        seq = after
        patience = Patience("a reader of the log", self._observer)
        while True:
            is_over = self._over.is_set()
            read = partial(self._beyond, seq)
            batch = await (read() if is_over else self._unless_over(patience.insist(read)))
            for event in batch or ():
                yield event
                seq = event.seq
            if batch:
                continue
            if is_over:
                self._raise_failure()
                return
            await self._unless_over(self._news(seq))

    async def _beyond(self, seq: int) -> tuple[Event, ...]:
        return await self.store.read_events(after=seq)

    async def _news(self, seq: int) -> None:
        """Wait for events beyond `seq`; where the store refuses, reading them tells of it."""
        with suppress(StoreError):
            await self.store.wait_for_events(seq)

    async def _unless_over(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What some work brings; None if it is over before."""
        working = asyncio.create_task(work)
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({working, over}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            over.cancel()
            await asyncio.gather(working, over, return_exceptions=True)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _look_once(self) -> None:
        await self._scheduler.run()
        if self._dispatcher is not None:
            await self._dispatcher.catch_up()
        await asyncio.gather(*(courier.drain() for courier in self._couriers.values()))
        self._over.set()

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            await self._flush()

    async def _flush(self) -> None:
        states = self._scheduler.take_dirty()
        if not states:
            # What could not be written then was written since, with visits.
            self._is_refused = False
            return
        try:
            await self.store.save_states(states)
        except StoreError as error:
            self._scheduler.give_back(states)
            self._observer.happened(refused(str(error)))
            self._is_refused = True
        else:
            self._is_refused = False

    async def _prune_regularly(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_EVERY)
            before = self._now() - timedelta(seconds=self.config.retention)
            try:
                await self.store.prune(before)
            except StoreError as error:
                self._observer.happened(refused(str(error)))

    async def _forget_unwatched(self, pages: list[Page]) -> None:
        """Removing a page from the config ends its open incidents, for the log only."""
        forgotten = await self.store.forget_pages(page.key for page in pages)
        now = self._now()
        events = [event for key, incident in forgotten for event in ended(key, incident, now)]
        if events:
            recorded = await self.store.append(events)
            self._observer.recorded(Recorded(kinds=tuple(e.kind.value for e in recorded)))

    async def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_WITHIN)
