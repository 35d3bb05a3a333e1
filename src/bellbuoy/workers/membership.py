"""One worker among those that share a store: alive, and holding its share.

    every 5 s: sign of life -> roster -> lost? -> moves -> claim ──────────> gained
                                                      '-> let go, softly -> release

It holds what the store says that it holds. Where the store does not answer, it goes on for as
long as its last sign of life counts (`LEASE_FOR`). Then it begins nothing (`is_current`) and
gives up what is on its way (`Holder.lapsed`), for others may have taken over. What it does not
know yet, the store does: every write is under a lease. Does not decide what a lease is for
(`Holder`), nor how large a share is (`shares`).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from bellbuoy.errors import AlreadyRunningError, LeaseLostError, StoreError, StoreNewerError
from bellbuoy.model.leases import (
    LEASE_FOR,
    RENEW_EVERY,
    Lease,
    Role,
    Roster,
    Worker,
    shard_of,
)
from bellbuoy.observer import STORE, Happened, Observer, refused
from bellbuoy.platform import is_gone
from bellbuoy.stores import Store
from bellbuoy.workers.shares import moves

MARGIN = 1.0
"""Seconds before its lease is over at which a worker takes it for over."""

AGAIN_AFTER = 1.0
"""Seconds until the next sign of life if one could not be shown, or the share is not full."""


class Holder(Protocol):
    """What does the work that leases are for."""

    async def gained(self, leases: Iterable[Lease]) -> None:
        """Begin. A StoreError means that nothing has begun."""
        ...

    def lost(self, names: Iterable[str]) -> None:
        """Others have taken over: end at once."""
        ...

    async def let_go(self, names: Iterable[str]) -> None:
        """Begin nothing more, end what is on its way, and write it down."""
        ...

    def lapsed(self) -> None:
        """Others may have taken over: give up what they must not meet, and begin it anew if not."""
        ...

    def poked(self, page_key: str) -> None:
        """Somebody wants a page looked at."""
        ...

    def heard(self, roster: Roster) -> None:
        """Hear who is there, before anything comes of it."""
        ...


class Membership:
    """Keeps a worker alive in a store, once it has joined."""

    def __init__(self, store: Store, worker: Worker, observer: Observer) -> None:
        self.worker = worker
        self.roster = Roster(at=worker.started_at)
        self._store = store
        self._observer = observer
        self._held: dict[str, Lease] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._current_until = 0.0
        self._lapse: asyncio.TimerHandle | None = None
        self._renewed_at = 0.0
        self._is_short = False
        self._is_refused = False
        # A roster that is older than what was claimed since would tell of losses that are none.
        self._turn = asyncio.Lock()

    def writing(self, name: str) -> Store:
        """The store under a lease. Raises LeaseLostError if it is not held."""
        lease = self._held.get(name)
        if lease is None:
            raise LeaseLostError(f"another worker has taken over: {name}")
        return self._store.under(lease)

    def is_current(self) -> bool:
        """Whether its last sign of life still counts, so that nobody else has its share."""
        return asyncio.get_running_loop().time() < self._current_until

    async def join(self, holder: Holder, work: Mapping[Role, Sequence[str]]) -> None:
        """Show the first sign of life and take a share.

        `work` are the names of all leases of each of its roles, `holder` does what they are for.
        Raises StoreError, and AlreadyRunningError if a worker that polls alone is there, or this
        one polls alone and any other polls.
        """
        self._holder, self._work = holder, work
        began = asyncio.get_running_loop().time()
        roster = await self._store.renew(self.worker)
        if gone := [one for one in roster.members if is_gone(one.worker.process)]:
            # Who starts again after a crash need not wait until its last sign of life is over.
            for one in gone:
                await self._store.retire(one.worker.id)
            roster = await self._store.renew(self.worker)
        polls = Role.POLL in self.worker.roles
        for other in self._others(roster):
            if polls and (self.worker.is_alone or other.is_alone):
                await self._store.retire(self.worker.id)
                raise AlreadyRunningError(_refusal(self._store.place, other, self.worker))
        await self._take_in(roster, began)

    async def run(self) -> None:
        """Show signs of life until cancelled. Raises StoreNewerError."""
        while True:
            await asyncio.sleep(self._pause())
            await self.renew()

    async def renew(self) -> None:
        """Show a sign of life now. Raises StoreNewerError; other trouble is told."""
        try:
            async with self._turn:
                began = asyncio.get_running_loop().time()
                await self._take_in(await self._store.renew(self.worker), began)
        except StoreNewerError:
            raise
        except StoreError as error:
            if not self._is_refused:
                self._observer.happened(refused(f"cannot show a sign of life: {error}"))
            self._is_refused = True
        else:
            if self._is_refused:
                self._tell("shows signs of life again", "info")
            self._is_refused = False

    async def set_offline(self, *, is_offline: bool) -> bool:
        """Say whether it is us who reach nothing; whether another worker said so before."""
        self.worker = replace(self.worker, is_offline=is_offline)
        await self.renew()
        return any(one.is_offline for one in self._others(self.roster))

    async def leave(self) -> None:
        """Let everything go and be no more. What holds it must have ended."""
        for task in self._leaving.values():
            task.cancel()
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)
        self._held.clear()
        self._current_until = 0.0
        if self._lapse is not None:
            self._lapse.cancel()
        try:
            await self._store.retire(self.worker.id)
        except StoreError as error:
            self._observer.happened(refused(f"cannot retire: {error}"))

    async def _take_in(self, roster: Roster, began: float) -> None:
        time = asyncio.get_running_loop().time()
        silence = time - self._renewed_at
        self.roster = roster
        self._renewed_at = time
        self._holder.heard(roster)
        ours = roster.held_by(self.worker.id)
        self._notice_losses(ours, silence)
        self._count_until(began + LEASE_FOR.total_seconds() - MARGIN)
        # Also what was claimed when the answer got lost.
        await self._gain(lease for name, lease in ours.items() if name not in self._held)
        self._is_short = False
        for role, names in self._work.items():
            await self._move(roster, role, names)
        await self._take_pokes(roster)

    def _count_until(self, end: float) -> None:
        """Take its leases for its own until then, by the loop's clock."""
        self._current_until = end
        if self._lapse is not None:
            self._lapse.cancel()
        self._lapse = asyncio.get_running_loop().call_at(end, self._holder.lapsed)

    def _notice_losses(self, ours: Mapping[str, Lease], silence: float) -> None:
        lost = [name for name, lease in self._held.items() if ours.get(name) != lease]
        if not lost:
            return
        for name in lost:
            del self._held[name]
        self._holder.lost(lost)
        self._tell(
            f"others have taken over {len(lost)} of its leases ({', '.join(lost[:3])}"
            f"{', ...' if len(lost) > 3 else ''}): it was paused, or cut off from the store, "
            f"for {silence:.0f} s",
            "warning",
        )

    async def _move(self, roster: Roster, role: Role, names: Sequence[str]) -> None:
        todo = moves(roster, self.worker.id, role, names)
        self._is_short |= todo.is_short
        if todo.claim:
            claimed = await self._store.claim(self.worker.id, todo.claim)
            self._is_short |= len(claimed) < len(todo.claim)
            await self._gain(claimed)
        leaving = [name for name in todo.release if name in self._held.keys() - self._leaving]
        if leaving:
            leases = [self._held[name] for name in leaving]
            task = asyncio.create_task(self._let_go(leases), name="handover")
            for name in leaving:
                self._leaving[name] = task

    async def _gain(self, leases: Iterable[Lease]) -> None:
        new = list(leases)
        if not new:
            return
        self._held.update((lease.name, lease) for lease in new)
        try:
            await self._holder.gained(new)
        except BaseException:
            # It is still ours in the store, and so is tried again with the next sign of life.
            for lease in new:
                del self._held[lease.name]
            raise

    async def _let_go(self, leases: Sequence[Lease]) -> None:
        names = [lease.name for lease in leases]
        try:
            await self._holder.let_go(names)
            await self._store.release(self.worker.id, names)
        except StoreError as error:
            self._observer.happened(refused(f"cannot hand over: {error}"))
        finally:
            for lease in leases:
                del self._leaving[lease.name]
                if self._held.get(lease.name) == lease:
                    del self._held[lease.name]

    async def _take_pokes(self, roster: Roster) -> None:
        ours = [key for key in roster.pokes if shard_of(key) in self._held]
        if ours:
            await self._store.take_pokes(ours)
            for key in ours:
                self._holder.poked(key)

    def _pause(self) -> float:
        """How long until the next sign of life; not longer than until another worker is dead."""
        if self._is_refused or self._is_short:
            return AGAIN_AFTER
        roster = self.roster
        ends = [
            (member.until - roster.at).total_seconds()
            for member in roster.members
            if member.is_live and member.worker.id != self.worker.id
        ]
        return max(min([RENEW_EVERY, *ends]), 0.1)

    def _others(self, roster: Roster) -> tuple[Worker, ...]:
        """The other workers alive that poll."""
        return tuple(one for one in roster.live(Role.POLL) if one.id != self.worker.id)

    def _tell(self, what: str, level: str) -> None:
        self._observer.happened(
            Happened(what=f"worker {self.worker.name}: {what}", level=level, about=STORE)
        )


def _refusal(place: str, other: Worker, worker: Worker) -> str:
    if worker.is_alone:
        why = "some of the pages, or all of them once, can be watched only where nobody else polls"
    else:
        why = "it watches some of the pages, or all of them once, and shares with nobody"
    return (
        f"another Bellbuoy polls with {place} ({other.name}): {why}; read along with "
        "`bellbuoy events --follow`, or stop the other one"
    )
