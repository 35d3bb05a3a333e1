"""Everything that is delivered by this process: a dispatcher, and a courier for each receiver.

    alone            ──> all of them, from the start
    among workers    ──> those that it has leased, each writing under its lease

Does not decide which those are (`workers`), nor what is sent to whom.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from bellbuoy.config import Config
from bellbuoy.delivery.courier import STOP_WITHIN, Courier
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.delivery.pacing import Paces
from bellbuoy.delivery.ways import Send
from bellbuoy.errors import LeaseLostError
from bellbuoy.model.leases import DISPATCHER, Lease, receiver_lease
from bellbuoy.notifiers import Notifiers, renewal, takes_digests
from bellbuoy.observer import Observer
from bellbuoy.routing.matchers import services
from bellbuoy.stores import Store

Start = Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Starts a task under a name; the app hands in its own, which minds how tasks end."""


class Crew(NamedTuple):
    """Everybody who delivers."""

    dispatcher: Dispatcher
    couriers: list[Courier]


class Post:
    """Delivers. `may_begin` says whether its leases still count."""

    def __init__(
        self,
        config: Config,
        store: Store,
        send: Send,
        start: Start,
        *,
        now: Callable[[], datetime],
        observer: Observer,
        may_begin: Callable[[], bool],
    ) -> None:
        self._config = config
        self._store = store
        self._send = send
        self._start = start
        self._now = now
        self._observer = observer
        self._may_begin = may_begin
        self._notifiers = Notifiers(config.notifiers)
        self._paces = Paces()
        self._receivers = {receiver_lease(one.name): one for one in config.receivers}
        self._couriers: dict[str, Courier] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def crew(self, store_of: Callable[[str], Store]) -> Crew | None:
        """Everybody who delivers, not started; None where there is nobody to be told.

        What is recorded from now on is told. `store_of` is the store for each lease. Raises
        StoreError.
        """
        if not self._receivers:
            return None
        dispatcher = self._dispatcher(store_of(DISPATCHER))
        await dispatcher.begin()
        couriers = [self._courier(name, store_of(name)) for name in self._receivers]
        return Crew(dispatcher, couriers)

    async def gained(self, leases: Iterable[Lease]) -> None:
        """Do what these leases are for. Raises StoreError, and does nothing then."""
        leases = list(leases)
        try:
            for lease in leases:
                await self._begin(lease)
        except BaseException:
            self.lost(lease.name for lease in leases)
            raise

    async def _begin(self, lease: Lease) -> None:
        await self.let_go([lease.name])
        store = self._store.under(lease)
        if lease.name == DISPATCHER:
            dispatcher = self._dispatcher(store)
            # No more, for until this has returned no sign of life is shown.
            await dispatcher.note_end()
            kind, work = "dispatcher", dispatcher.run
        else:
            kind, work = "courier", self._courier(lease.name, store).run
        self._tasks[lease.name] = self._start(kind, _until_lost(work))

    def lost(self, names: Iterable[str]) -> None:
        """Others do this now. What was sent already may not be settled any more."""
        for name in names:
            self._couriers.pop(name, None)
            if task := self._tasks.pop(name, None):
                task.cancel()

    async def let_go(self, names: Iterable[str]) -> None:
        """End it, so that others can go on; sends in flight get a moment."""
        tasks: list[asyncio.Task[None]] = []
        for name in names:
            self._couriers.pop(name, None)
            if task := self._tasks.pop(name, None):
                task.cancel()
                tasks.append(task)
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_WITHIN)

    def _dispatcher(self, store: Store) -> Dispatcher:
        config = self._config
        notifiers = self._notifiers
        return Dispatcher(
            store,
            config.routes,
            config.landscape,
            config.receivers,
            now=self._now,
            observer=self._observer,
            digesting=[r.name for r in config.receivers if takes_digests(notifiers[r.kind])],
            renewals={r.name: renewal(notifiers[r.kind], r.settings) for r in config.receivers},
            wake=self._wake,
        )

    def _courier(self, name: str, store: Store) -> Courier:
        receiver = self._receivers[name]
        landscape = self._config.landscape

        def may_begin() -> bool:
            # What waits for its turn when the lease goes is not sent beside whoever has it then.
            return self._may_begin() and self._couriers.get(name) is courier

        self._couriers[name] = courier = Courier(
            store,
            receiver,
            self._notifiers[receiver.kind],
            self._send,
            now=self._now,
            observer=self._observer,
            services=lambda event: services(event, landscape),
            paces=self._paces,
            may_begin=may_begin,
        )
        return courier

    def _wake(self, receivers: Collection[str]) -> None:
        # What was held may be for a receiver that the config has no more.
        for name in self._couriers.keys() & set(map(receiver_lease, receivers)):
            self._couriers[name].wake()


async def _until_lost(work: Callable[[], Awaitable[None]]) -> None:
    """Work until somebody else has taken over. The next sign of life tells the worker of it."""
    try:
        await work()
    except LeaseLostError:
        return
