"""The composition root: what a running Bellbuoy is made of, in the order in which it opens.

    async with App(config) as app:
        async for event in app.events(after=0):
            ...

Everything opens on entering and closes in reverse on leaving, within seconds: polling stops,
sends in flight get a moment, and what could not be sent stays in the store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from secrets import token_hex
from types import TracebackType
from typing import Any, Self

from xxhash import xxh3_64_hexdigest

from bellbuoy import __version__
from bellbuoy.config import Config
from bellbuoy.delivery.courier import always
from bellbuoy.delivery.heartbeat import Heartbeat
from bellbuoy.delivery.post import Crew, Post
from bellbuoy.delivery.ways import Send
from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.exchange import Exchange
from bellbuoy.following import Following
from bellbuoy.http.driver import Driver
from bellbuoy.model.delivery import Receipt
from bellbuoy.model.facts import Page
from bellbuoy.model.known import PageState
from bellbuoy.model.leases import Role, Worker
from bellbuoy.observer import Observer, Observers, refused
from bellbuoy.platform import process_mark, process_name
from bellbuoy.polling.poller import Network
from bellbuoy.polling.rounds import Rounds
from bellbuoy.polling.scheduler import Place, Sweep
from bellbuoy.reading import read_along, unless_over
from bellbuoy.share import Share
from bellbuoy.stocktaking import Stocktaking, count_workers
from bellbuoy.stores import Store
from bellbuoy.stores.opening import open_store
from bellbuoy.stores.retention import kept_since
from bellbuoy.telemetry import readiness
from bellbuoy.telemetry.pulse import pulse
from bellbuoy.telemetry.stock import Stock
from bellbuoy.workers.clock import Clock
from bellbuoy.workers.membership import Membership

__all__ = ["App", "Place", "Sweep"]

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

    `roles` say what it is there for. Where the store is shared by many workers, it is one of them,
    and does its share; else all of it. To be shown (WEB), it also follows what others poll. With
    `once`, every page is looked at one time, what that brings is delivered, and it is over. A
    `store` or a `network` that is given is used and not closed; otherwise those of the config are
    opened. `pulse` is told twice a second how many seconds late the event loop is.

    Once entered, `store` is where everything is kept, and `network` the only way to pages, with
    every limit and guard.

    Entering raises AlreadyRunningError if another process polls with this store and does not
    share, and StoreError if the store cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        roles: Collection[Role] = (Role.POLL, Role.DELIVER),
        once: bool = False,
        store: Store | None = None,
        network: Network | None = None,
        observer: Observer | None = None,
        pulse: Callable[[float], None] | None = None,
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        self.config = config
        self._roles = tuple(role for role in Role if role in roles)
        self._once = once
        self._given_store = store
        self._network = network
        self._observer = observer or Observer()
        self._pulse = pulse
        self._now = Clock(now)
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._over = asyncio.Event()
        self._failure: BaseException | None = None
        self._pages: dict[str, Page] = {one.page.key: one.page for one in config.watched}
        self._membership: Membership | None = None
        self._following: Following | None = None

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
        is_writing = {Role.POLL, Role.DELIVER} & set(self._roles)
        self.store = self._given_store or await self._stack.enter_async_context(
            open_store(config.store, poller=bool(is_writing))
        )
        driver = await self._stack.enter_async_context(
            Driver(config.http, observer=self._observer, now=self._now)
        )
        self.network = self._network or driver
        self._stocktaking = Stocktaking(config, self.store)
        self._last_visit = readiness.LastVisit(asyncio.get_running_loop().time)
        self._observer = Observers((self._observer, self._stocktaking, self._last_visit))
        heartbeat = self._make_heartbeat(driver)
        worker = self._make_worker() if self.store.is_shared else None
        self._rounds = self._make_rounds(driver, worker)
        post = self._make_post(driver, worker)
        self._stack.push_async_callback(self._rounds.flush)
        self._stack.push_async_callback(self._stop_tasks)
        await self._begin_following()
        if worker is not None:
            await self._begin_share(worker, post, driver)
        else:
            await self._begin_all(post)
        self._start_regular_tasks(heartbeat)

    async def _begin_following(self) -> None:
        """Know of pages that others poll, if there may be any and somebody looks."""
        if Role.WEB in self._roles and (self.store.is_shared or Role.POLL not in self._roles):
            self._following = Following(self.store, self._pages, self._observer)
            await self._following.open()
            self._start("following", self._following.run())

    async def _begin_all(self, post: Post) -> None:
        """Nobody else polls or delivers: do all of it."""
        if Role.POLL in self._roles:
            if not self.config.partial:
                await self._rounds.forget_unwatched()
            await self._rounds.take_all()
        crew = await post.crew(lambda _: self.store) if Role.DELIVER in self._roles else None
        if self._once:
            self._start("once", self._look_once(crew))
            return
        self._start("scheduler", self._rounds.scheduler.run())
        if Role.POLL in self._roles:
            self._start("pokes", self._rounds.hear_pokes())
        if crew is not None:
            self._start("dispatcher", crew.dispatcher.run())
            for courier in crew.couriers:
                self._start("courier", courier.run())

    async def _begin_share(self, worker: Membership, post: Post, driver: Driver) -> None:
        """Others may poll and deliver too: do what is leased."""
        share = Share(
            self.config,
            worker.worker,
            self._observer,
            driver.divide,
            self._now,
            self._rounds,
            None if self._once else post,
        )
        await worker.join(share, share.names)
        self._start("membership", worker.run())
        if self._once:
            crew = await post.crew(worker.writing) if Role.DELIVER in self._roles else None
            self._start("once", self._look_once(crew))
        else:
            self._start("scheduler", self._rounds.scheduler.run())
        if Role.POLL in self._roles and not self.config.partial:
            self._start("forget", share.forget_unwatched())

    def _make_worker(self) -> Membership:
        """Who we are among those that share the store; retires at the end."""
        config = self.config
        keys = "\n".join(sorted(one.page.key for one in config.watched))
        us = Worker(
            id=token_hex(8),
            name=process_name(),
            roles=self._roles,
            version=__version__,
            started_at=self._now(),
            process=process_mark(),
            watches=xxh3_64_hexdigest(keys.encode()),
            is_alone=self._once or config.partial,
        )
        worker = Membership(self.store, us, self._observer)
        self._stack.push_async_callback(worker.leave)
        self._membership = worker
        return worker

    def _make_rounds(self, driver: Driver, worker: Membership | None) -> Rounds:
        return Rounds(
            self.config,
            self.store,
            self.network,
            driver.hold,
            now=self._now,
            observer=self._observer,
            worker=worker,
            once=self._once,
        )

    def _make_post(self, driver: Driver, worker: Membership | None) -> Post:
        return Post(
            self.config,
            self.store,
            _sender(driver),
            self._start,
            now=self._now,
            observer=self._observer,
            may_begin=worker.is_current if worker else always,
        )

    def _make_heartbeat(self, driver: Driver) -> Heartbeat | None:
        """The sign of life to the outside, which hears of every visit from now on."""
        pages = [one.page for one in self.config.watched]
        if self.config.heartbeat is None or not pages:
            return None
        shortest = min(page.every for page in pages)
        heartbeat = Heartbeat(self.config.heartbeat, shortest, _sender(driver), self._observer)
        self._observer = Observers([self._observer, heartbeat])
        return heartbeat

    def _start_regular_tasks(self, heartbeat: Heartbeat | None) -> None:
        if self._once:
            return
        if Role.POLL in self._roles:
            self._start("flush", self._flush_regularly())
            self._start("prune", self._prune_regularly())
            if heartbeat is not None:
                self._start("heartbeat", heartbeat.run())
        if self._pulse is not None:
            self._start("pulse", pulse(self._pulse))

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """A task that dies takes the process with it: half a monitor looks like a quiet day."""
        if task.cancelled() or task.exception() is None:
            self._tasks.remove(task)
            return
        self._failure = self._failure or task.exception()
        self._over.set()

    async def first_sweep(self) -> Sweep:
        """Wait until every page was looked at once, or until it is over; what was found."""
        await unless_over(self._over, self._rounds.scheduler.swept())
        self._raise_failure()
        return self._rounds.scheduler.standing()

    def looked_at(self) -> int:
        """How many pages were looked at since the start."""
        return self._rounds.scheduler.looked_at()

    def standing(self) -> Sweep:
        """How the pages stand now."""
        return self._rounds.scheduler.standing()

    def places(self) -> tuple[Place, ...]:
        """Every page with how it stands and when it is looked at next, as the config has them."""
        return tuple(place for key in self._pages if (place := self.place(key)))

    def place(self, page_key: str) -> Place | None:
        """One of these; None if the page is not watched."""
        if page_key not in self._pages:
            return None
        if ours := self._rounds.scheduler.place(page_key):
            return ours
        state = self._following and self._following.state(page_key)
        return Place(
            page=self._pages[page_key],
            state=state or PageState(page_key=page_key),
            due_at=None,
            is_elsewhere=True,
        )

    async def catch_up(self) -> None:
        """Know what other processes have recorded until now. Raises StoreError."""
        if self._following is not None:
            await self._following.catch_up()

    async def poke(self, page_key: str) -> bool:
        """Have a page looked at soon, by whoever polls it; False if it is not watched.

        Raises StoreError.
        """
        if page_key not in self._pages:
            return False
        if not self._rounds.scheduler.poke(page_key):
            await self.store.poke(page_key)
        return True

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
        """What stands now of what is done here, for `telemetry.metrics`."""
        us = self._membership
        return await self._stocktaking.take(
            [(one.page, one.state) for one in self._rounds.scheduler.places()],
            now=self.now(),
            unready=self.ready(),
            is_offline=self._rounds.reach.is_offline,
            workers=count_workers(us.roster, us.worker.id) if us else None,
        )

    def _vitals(self) -> readiness.Vitals:
        since = max(self._last_visit.at, self._rounds.taken_at)
        return readiness.Vitals(
            dead=tuple(filter(None, map(_death, self._tasks))),
            silence=asyncio.get_running_loop().time() - since,
            shortest=self._rounds.scheduler.shortest(),
            is_refused=self._rounds.is_refused,
            is_cut_off=self._membership is not None and not self._membership.is_current(),
            is_unread=self._following is not None and self._following.is_cut_off,
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
        async for event in read_along(self.store, after, self._over, self._observer):
            yield event
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _look_once(self, crew: Crew | None) -> None:
        await self._rounds.scheduler.run()
        if crew is not None:
            await crew.dispatcher.catch_up()
            await asyncio.gather(*(courier.drain() for courier in crew.couriers))
        self._over.set()

    async def _flush_regularly(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            await self._rounds.flush()

    async def _prune_regularly(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_EVERY)
            before, at_latest = kept_since(self._now(), self.config.retention)
            try:
                await self.store.prune(before, at_latest)
            except StoreError as error:
                self._observer.happened(refused(str(error)))

    async def _stop_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_WITHIN)
