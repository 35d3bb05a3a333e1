"""The pages that this process polls: taken, visited when due, written down, let go.

    alone            ──> all pages, from the start
    among workers    ──> those of the shards that it has leased, each written under its lease

Does not decide which shards those are (`workers`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Protocol

from bellbuoy.config import Config
from bellbuoy.detection.unwatched import ended
from bellbuoy.errors import LeaseLostError, StoreError
from bellbuoy.formats import Formats
from bellbuoy.model.known import PageState
from bellbuoy.model.leases import Lease, shard_of
from bellbuoy.observer import Observer, refused
from bellbuoy.polling.poller import Network, Poller
from bellbuoy.polling.reach import Reach
from bellbuoy.polling.recording import tell_recorded
from bellbuoy.polling.scheduler import Scheduler
from bellbuoy.stores import Store

TAKEN_OVER_WITHIN = 5.0
"""First looks at pages that another worker has polled are spread over so many seconds."""

HEARD_EVERY = 5.0
"""Pokes that another process was sent are looked for this often, in seconds."""

Hold = Callable[[str, datetime], None]
"""Has nothing sent to the host of an address before an instant."""


class Leases(Protocol):
    """What a worker may do: `workers.membership.Membership` knows."""

    def writing(self, name: str) -> Store:
        """The store under a lease. Raises LeaseLostError if it does not hold it."""
        ...

    def is_current(self) -> bool:
        """Whether its leases still count."""
        ...

    async def set_offline(self, *, is_offline: bool) -> bool:
        """Say whether it reaches nothing; whether another one said so before."""
        ...


class Rounds:
    """Polls pages. With a `worker`, only what it has leased, and only while that counts."""

    def __init__(
        self,
        config: Config,
        store: Store,
        network: Network,
        hold: Hold,
        *,
        now: Callable[[], datetime],
        observer: Observer,
        worker: Leases | None = None,
        once: bool = False,
    ) -> None:
        self._store = store
        self._hold = hold
        self._observer = observer
        self._now = now
        self._worker = worker
        self._pages = {one.page.key: one.page for one in config.watched}
        self._shards: dict[str, list[str]] = defaultdict(list)
        for key in self._pages if worker else ():
            self._shards[shard_of(key)].append(key)
        self.reach = Reach(
            lambda: len(self.scheduler),
            writing=self._writing_of,
            is_news=self._is_news,
            now=now,
            observer=observer,
        )
        self.is_refused = False
        self.taken_at = asyncio.get_running_loop().time()
        poller = Poller(
            Formats(config.formats),
            network,
            store,
            self.reach,
            writing=self._writing_of,
            now=now,
            observer=observer,
            components={one.page.key: one.components for one in config.watched},
        )
        self.scheduler = Scheduler(
            list(self._pages.values()),
            poller.visit,
            seats=config.http.seats,
            now=now,
            observer=observer,
            is_offline=lambda: self.reach.is_offline,
            may_begin=self._may_begin,
            once=once,
        )

    async def forget_unwatched(self, shard: str = "") -> None:
        """Removing a page from the config ends its open incidents, for the log only.

        A worker does it under the lease of that shard. Raises StoreError.
        """
        store = self._store if self._worker is None else self._worker.writing(shard)
        recorded = await store.forget_pages(self._pages, partial(ended, now=self._now()))
        tell_recorded(self._observer, recorded)

    async def take_all(self) -> None:
        """Poll every page. Raises StoreError."""
        await self._take(self._pages)

    async def gained(self, leases: Iterable[Lease]) -> None:
        """Poll the pages of these shards. Raises StoreError."""
        keys = [key for lease in leases for key in self._shards[lease.name]]
        # Somebody may be waiting for them: a shard with an epoch was polled before.
        is_first = all(lease.epoch == 1 for lease in leases)
        if keys:
            await self._take(keys, **({} if is_first else {"within": TAKEN_OVER_WITHIN}))
        for key in keys:
            self._observer.changed(key)

    def lost(self, names: Iterable[str]) -> None:
        """These shards are polled by others now."""
        keys = self._keys(names)
        self.scheduler.drop(keys)
        self.reach.forget(keys)

    def lapsed(self) -> None:
        """The leases count no longer: what is asked from now on, others may be asking."""
        self.scheduler.interrupt()

    async def let_go(self, names: Iterable[str]) -> None:
        """End polling these shards, so that others can. Raises StoreError."""
        keys = self._keys(names)
        states = await self.scheduler.leave(keys)
        self.reach.forget(keys)
        await self._save(states)

    def _keys(self, names: Iterable[str]) -> list[str]:
        return [key for name in names for key in self._shards.get(name, ())]

    async def _take(self, keys: Iterable[str], **spread: float) -> None:
        keys = [key for key in keys if not self.scheduler.has(key)]
        states = await self._store.load_states(keys)
        for key, state in states.items():
            if state.health.held_until is not None:
                self._hold(state.url or self._pages[key].url, state.health.held_until)
        self.scheduler.take(keys, states, **spread)
        self.taken_at = asyncio.get_running_loop().time()

    async def hear_pokes(self) -> None:
        """Where all pages are polled here, look at those that others were asked to have looked at.

        Until cancelled. Among workers, pokes come with the signs of life.
        """
        while True:
            await asyncio.sleep(HEARD_EVERY)
            # Of a store that refuses, visits tell.
            with suppress(StoreError):
                pokes = (await self._store.roster()).pokes
                if pokes:
                    await self._store.take_pokes(pokes)
                for key in pokes:
                    self.scheduler.poke(key)

    async def flush(self) -> None:
        """Write down the states of pages that taught nothing new."""
        states = self.scheduler.take_dirty()
        if not states:
            # What could not be written then was written since, with visits.
            self.is_refused = False
            return
        try:
            await self._save(states)
        except StoreError as error:
            self.scheduler.give_back(states)
            self._observer.happened(refused(str(error)))
            self.is_refused = True
        else:
            self.is_refused = False

    async def _save(self, states: list[PageState]) -> None:
        """Write states, all of a shard under its lease. Raises the first StoreError."""
        if self._worker is None:
            await self._store.save_states(states)
            return
        by_shard: dict[str, list[PageState]] = defaultdict(list)
        for state in states:
            by_shard[shard_of(state.page_key)].append(state)
        outcomes = await asyncio.gather(
            *(self._save_shard(self._worker, name, some) for name, some in by_shard.items()),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _save_shard(self, worker: Leases, name: str, states: list[PageState]) -> None:
        # Where another worker has taken over, it knows more of these pages by now.
        with suppress(LeaseLostError):
            await worker.writing(name).save_states(states)

    def _writing_of(self, page_key: str) -> Store:
        return self._store if self._worker is None else self._worker.writing(shard_of(page_key))

    def _may_begin(self) -> bool:
        return self._worker is None or self._worker.is_current()

    async def _is_news(self, is_offline: bool) -> bool:
        if self._worker is None:
            return True
        return not await self._worker.set_offline(is_offline=is_offline)
