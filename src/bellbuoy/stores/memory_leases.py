"""Workers and leases in memory: many Apps in one process may share a store, as in a simulation."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from bellbuoy.errors import LeaseLostError
from bellbuoy.model.leases import (
    LEASE_FOR,
    REMEMBERED_FOR,
    Holding,
    Lease,
    Member,
    Roster,
    Worker,
)


class MemoryLeases:
    """What `stores.leases` keeps in tables. `now` is the store's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._workers: dict[str, tuple[Worker, datetime]] = {}
        self._holdings: dict[str, Holding] = {}
        self._pokes: set[str] = set()

    def check(self, held: Lease) -> None:
        """Raise LeaseLostError unless this lease is held."""
        holding = self._holdings.get(held.name)
        if holding is None or holding.owner is None or holding.epoch != held.epoch:
            raise LeaseLostError(f"another worker has taken over: {held.name}")

    def renew(self, worker: Worker) -> Roster:
        """Keep a worker alive, and see who is there."""
        at = self._now()
        self._workers[worker.id] = worker, at + LEASE_FOR
        for id, (_, until) in list(self._workers.items()):
            if until < at - REMEMBERED_FOR:
                del self._workers[id]
        return self._roster(at)

    def roster(self) -> Roster:
        """Who is there, and who holds what."""
        return self._roster(self._now())

    def _roster(self, at: datetime) -> Roster:
        return Roster(
            at=at,
            members=tuple(
                Member(worker=worker, until=until, is_live=until > at)
                for _, (worker, until) in sorted(self._workers.items())
            ),
            holdings=dict(sorted(self._holdings.items())),
            pokes=tuple(sorted(self._pokes)),
        )

    def claim(self, worker_id: str, wanted: Mapping[str, Holding | None]) -> tuple[Lease, ...]:
        """Take what is still as it was seen."""
        taken: list[Lease] = []
        for name in sorted(wanted):
            held = self._holdings.setdefault(name, Holding(None, 0))
            if held == (wanted[name] or Holding(None, 0)):
                self._holdings[name] = Holding(worker_id, held.epoch + 1)
                taken.append(Lease(name, held.epoch + 1))
        return tuple(taken)

    def release(self, worker_id: str, names: Iterable[str]) -> None:
        """Let leases go."""
        for name in names:
            held = self._holdings.get(name)
            if held is not None and held.owner == worker_id:
                self._holdings[name] = Holding(None, held.epoch)

    def retire(self, worker_id: str) -> None:
        """Let all of a worker's leases go, and forget it."""
        self.release(worker_id, list(self._holdings))
        self._workers.pop(worker_id, None)

    def poke(self, page_key: str) -> None:
        """Keep that a page is to be looked at."""
        self._pokes.add(page_key)

    def take_pokes(self, page_keys: Iterable[str]) -> None:
        """Forget it again."""
        self._pokes.difference_update(page_keys)
