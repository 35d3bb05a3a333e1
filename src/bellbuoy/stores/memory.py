"""The store in memory: for trying things out, and for tests in virtual time.

It keeps the whole contract but durability, and passes the same suite as the SQL store.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from itertools import islice
from secrets import token_hex
from typing import Any, Self, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Silence, Standing
from bellbuoy.model.facts import IncidentKind
from bellbuoy.model.known import Known, KnownComponent, KnownIncident, PageState
from bellbuoy.model.leases import Holding, Lease, Roster, Worker
from bellbuoy.stores import Ended, Outgoing, Visit
from bellbuoy.stores.bell import Bell
from bellbuoy.stores.memory_leases import MemoryLeases
from bellbuoy.stores.memory_outbox import MemoryOutbox
from bellbuoy.stores.retention import LONG_AGO, began_at, ended_at, without_bodies, without_updates
from bellbuoy.stores.words import has_all, words_in, words_of

F = TypeVar("F", bound=Callable[..., Any])


def utcnow() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class _Numbers(Struct):
    """The `seq` given last, shared by all that are `under` a lease."""

    last: int = 0


def _writes(method: F) -> F:
    """Have a method refused where the lease that it is under was lost."""

    @wraps(method)
    async def fenced(self: "MemoryStore", *args: Any, **kwargs: Any) -> Any:
        self.check_lease()
        return await method(self, *args, **kwargs)

    return cast("F", fenced)


class MemoryStore:
    """The contract of `Store` over dictionaries. Gone with its process.

    With `is_shared`, many Apps of this process may use it as workers do, `now` being its clock.
    """

    place = "memory"

    def __init__(self, *, is_shared: bool = False, now: Callable[[], datetime] = utcnow) -> None:
        self.is_shared = is_shared
        self._leases = MemoryLeases(now)
        self._lease: Lease | None = None
        self.log_id = token_hex(8)
        self._states: dict[str, PageState] = {}
        self._known: dict[str, Known] = {}
        self._events: dict[int, Event] = {}
        self._event_ids: set[str] = set()
        self._numbers = _Numbers()
        self._cursors: dict[str, int] = {}
        self._outbox = MemoryOutbox()
        self._silences: dict[str, Silence] = {}
        self._bell = Bell()

    def under(self, lease: Lease) -> Self:
        """See `Store`."""
        fenced = copy.copy(self)
        fenced._lease = lease  # noqa: SLF001 - another one of ours
        return fenced

    def check_lease(self) -> None:
        """Raise LeaseLostError if the lease that this is under was lost."""
        if self._lease is not None:
            self._leases.check(self._lease)

    async def renew(self, worker: Worker) -> Roster:
        """See `Store`."""
        return self._leases.renew(worker)

    async def roster(self) -> Roster:
        """See `Store`."""
        return self._leases.roster()

    async def claim(
        self, worker_id: str, wanted: Mapping[str, Holding | None]
    ) -> tuple[Lease, ...]:
        """See `Store`."""
        return self._leases.claim(worker_id, wanted)

    async def release(self, worker_id: str, names: Iterable[str]) -> None:
        """See `Store`."""
        self._leases.release(worker_id, names)

    async def retire(self, worker_id: str) -> None:
        """See `Store`."""
        self._leases.retire(worker_id)

    async def poke(self, page_key: str) -> None:
        """See `Store`."""
        self._leases.poke(page_key)

    async def take_pokes(self, page_keys: Iterable[str]) -> None:
        """See `Store`."""
        self._leases.take_pokes(page_keys)

    async def load_states(self, page_keys: Iterable[str]) -> Mapping[str, PageState]:
        """See `Store`."""
        return {key: self._states[key] for key in page_keys if key in self._states}

    async def load_known(self, page_key: str) -> Known:
        """See `Store`."""
        return self._known.get(page_key) or Known(page_key=page_key)

    @_writes
    async def commit(self, visit: Visit) -> tuple[Event, ...]:
        """See `Store`."""
        self._states[visit.page.key] = visit.state
        if visit.known is not None:
            self._known[visit.page.key] = replace(
                visit.known,
                incidents=dict(sorted(visit.known.incidents.items())),
                components=dict(sorted(visit.known.components.items())),
            )
        return self._append(visit.events)

    @_writes
    async def save_states(self, states: Sequence[PageState]) -> None:
        """See `Store`."""
        self._states.update((state.page_key, state) for state in states)

    @_writes
    async def append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """See `Store`."""
        return self._append(events)

    @_writes
    async def forget_pages(self, watched: Iterable[str], ended: Ended) -> tuple[Event, ...]:
        """See `Store`."""
        gone = self._states.keys() - frozenset(watched)
        orphans = [found for found in await self.open_incidents() if found[0] in gone]
        events = [event for orphan in orphans for event in ended(*orphan)]
        for key in gone:
            del self._states[key]
            self._known.pop(key, None)
        return self._append(events)

    async def read_events(
        self, *, after: int = 0, limit: int = 500, incident: str | None = None
    ) -> tuple[Event, ...]:
        """See `Store`."""
        found: list[Event] = []
        for seq in range(max(after + 1, await self.first_seq()), self._numbers.last + 1):
            if len(found) >= limit:
                break
            event = self._events.get(seq)
            if event and (incident is None or (event.incident and event.incident.id == incident)):
                found.append(event)
        return tuple(found)

    async def latest_events(
        self, *, before: int | None = None, limit: int = 50, page: str | None = None
    ) -> tuple[Event, ...]:
        """See `Store`."""
        found = (each for each in self._newest(before) if page in {None, each.page.key})
        return tuple(islice(found, limit))

    async def search_events(
        self, words: str, *, before: int | None = None, limit: int = 50
    ) -> tuple[Event, ...]:
        """See `Store`."""
        wanted = words_in(words)
        if not wanted:
            return ()
        found = (e for e in self._newest(before) if has_all(words_of(e), wanted))
        return tuple(islice(found, limit))

    async def find_event(self, id: str) -> Event | None:
        """See `Store`."""
        return next((each for each in self._events.values() if each.id == id), None)

    async def last_seq(self) -> int:
        """See `Store`."""
        return self._numbers.last

    async def first_seq(self) -> int:
        """See `Store`."""
        return next(iter(self._events), 0)

    async def open_incidents(
        self, page_keys: Iterable[str] | None = None
    ) -> tuple[tuple[str, KnownIncident], ...]:
        """See `Store`."""
        keys = self._known.keys() if page_keys is None else self._known.keys() & set(page_keys)
        return tuple(
            (key, incident)
            for key in sorted(keys)
            for incident in self._known[key].incidents.values()
            if incident.is_open
        )

    async def incident(self, page_key: str, key: str) -> KnownIncident | None:
        """See `Store`."""
        return (await self.load_known(page_key)).incidents.get(key)

    async def incidents(
        self,
        *,
        page_keys: Iterable[str] | None = None,
        kind: IncidentKind | None = None,
        since: datetime | None = None,
        before: tuple[datetime, str, str] | None = None,
        limit: int = 100,
    ) -> tuple[tuple[str, KnownIncident], ...]:
        """See `Store`."""
        pages = self._known.keys() if page_keys is None else self._known.keys() & set(page_keys)
        found = {
            (began_at(each), page_key, key): each
            for page_key in pages
            for key, each in self._known[page_key].incidents.items()
            if kind in {None, each.kind}
            and (since is None or (ended := ended_at(each)) is None or ended > since)
        }
        places = sorted((e for e in found if before is None or e < before), reverse=True)
        return tuple((place[1], without_updates(found[place])) for place in places[:limit])

    async def components(self, page_key: str) -> tuple[KnownComponent, ...]:
        """See `Store`."""
        return tuple((await self.load_known(page_key)).components.values())

    async def all_components(self) -> Mapping[str, tuple[KnownComponent, ...]]:
        """See `Store`."""
        return {
            key: tuple(known.components.values())
            for key, known in self._known.items()
            if known.components
        }

    async def read_cursor(self, reader: str) -> int | None:
        """See `Store`."""
        return self._cursors.get(reader)

    @_writes
    async def write_cursor(self, reader: str, seq: int) -> None:
        """See `Store`."""
        self._cursors[reader] = seq

    @_writes
    async def dispatch(self, reader: str, seq: int, outgoing: Outgoing) -> None:
        """See `Store`."""
        self._outbox.dispatch(outgoing)
        self._cursors[reader] = seq

    async def standings(
        self, receivers: Iterable[str], lanes: Iterable[str]
    ) -> Mapping[tuple[str, str], Standing]:
        """See `Store`."""
        return self._outbox.standings(receivers, lanes)

    async def due_held(self, now: datetime, limit: int = 500) -> tuple[tuple[Delivery, Event], ...]:
        """See `Store`."""
        return self._with_events(self._outbox.due_held(now, limit))

    async def next_held(self) -> datetime | None:
        """See `Store`."""
        return self._outbox.next_held()

    async def waiting(
        self, receiver: str, *, digest: str = "", limit: int = 500
    ) -> tuple[tuple[Delivery, Event], ...]:
        """See `Store`."""
        return self._with_events(self._outbox.waiting(receiver, digest, limit))

    async def due_deliveries(
        self, receiver: str, now: datetime, limit: int = 50
    ) -> tuple[tuple[Delivery, Event], ...]:
        """See `Store`."""
        return self._with_events(self._outbox.due(receiver, now, limit))

    async def next_due(self, receiver: str, after: datetime | None = None) -> datetime | None:
        """See `Store`."""
        return self._outbox.next_due(receiver, after)

    @_writes
    async def settle(self, *deliveries: Delivery) -> None:
        """See `Store`."""
        self._outbox.settle(deliveries)

    async def deliveries(
        self,
        *,
        receiver: str | None = None,
        status: DeliveryStatus | None = None,
        event_id: str | None = None,
        before: tuple[int, str, str] | None = None,
        limit: int = 100,
    ) -> tuple[Delivery, ...]:
        """See `Store`."""
        return self._outbox.find(receiver, status, event_id, before, limit)

    async def oldest_waiting(self) -> Mapping[str, datetime]:
        """See `Store`."""
        return self._outbox.oldest_waiting()

    async def count_deliveries(self, receiver: str) -> Mapping[DeliveryStatus, int]:
        """See `Store`."""
        return self._outbox.count(receiver)

    @_writes
    async def revive(self, delivery_id: str, now: datetime) -> None:
        """See `Store`."""
        self._outbox.revive(delivery_id, now)

    async def disabled(self) -> frozenset[str]:
        """See `Store`."""
        return self._outbox.disabled()

    @_writes
    async def disable(self, receiver: str, attempt: Attempt) -> None:
        """See `Store`."""
        self._outbox.disable(receiver, attempt)

    @_writes
    async def enable(self, receiver: str) -> None:
        """See `Store`."""
        self._outbox.enable(receiver)

    async def references(self, receiver: str, lanes: Iterable[str]) -> Mapping[str, str]:
        """See `Store`."""
        return self._outbox.references(receiver, lanes)

    @_writes
    async def remember_reference(self, receiver: str, lane: str, reference: str) -> None:
        """See `Store`."""
        self._outbox.remember_reference(receiver, lane, reference)

    @_writes
    async def add_silence(self, silence: Silence) -> None:
        """See `Store`."""
        self._silences[silence.id] = silence

    async def silences(self, since: datetime | None = None) -> tuple[Silence, ...]:
        """See `Store`."""
        kept = (e for e in self._silences.values() if since is None or e.ends_at > since)
        return tuple(sorted(kept, key=lambda each: (each.starts_at, each.id)))

    async def wait_for_events(self, after: int) -> None:
        """See `Store`."""
        while self._numbers.last <= after:
            await self._bell.listen().wait()

    @_writes
    async def prune(self, before: datetime, at_latest: datetime = LONG_AGO) -> int:
        """See `Store`."""
        end = min(
            min(self._cursors.values(), default=self._numbers.last) + 1,
            self._outbox.first_undecided() or self._numbers.last + 1,
        )
        dropped = [
            seq
            for seq, event in self._events.items()
            if event.observed_at < before and (seq < end or event.observed_at < at_latest)
        ]
        lanes = {self._events[seq].lane for seq in dropped}
        for seq in dropped:
            self._event_ids.remove(self._events.pop(seq).id)
        self._outbox.keep(self._events.keys())
        self._outbox.drop_threads(lanes, self._open_lanes())
        for ended in [e.id for e in self._silences.values() if e.ends_at < before]:
            del self._silences[ended]
        self._strip_bodies(before)
        return len(dropped)

    async def check(self) -> tuple[str, ...]:
        """See `Store`."""
        return ()

    async def backup(self, path: str) -> None:
        """Not possible: raises StoreError."""
        raise StoreError(f"a store in memory cannot be copied to {path}")

    async def close(self) -> None:
        """See `Store`."""

    def _append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        recorded: list[Event] = []
        for event in events:
            if event.id not in self._event_ids:
                self._numbers.last += 1
                recorded.append(event.numbered(self._numbers.last))
                self._events[self._numbers.last] = recorded[-1]
                self._event_ids.add(event.id)
        if recorded:
            self._bell.ring()
        return tuple(recorded)

    def _newest(self, before: int | None) -> Iterable[Event]:
        return (e for e in reversed(self._events.values()) if before is None or e.seq < before)

    def _with_events(self, found: Iterable[Delivery]) -> tuple[tuple[Delivery, Event], ...]:
        return tuple((each, self._events[each.seq]) for each in found if each.seq in self._events)

    def _open_lanes(self) -> frozenset[str]:
        return frozenset(
            f"{key} {name}"
            for key, known in self._known.items()
            for name, each in known.incidents.items()
            if each.is_open
        )

    def _strip_bodies(self, before: datetime) -> None:
        for key, known in self._known.items():
            self._known[key] = replace(
                known,
                incidents={
                    name: without_bodies(each) if (at := ended_at(each)) and at < before else each
                    for name, each in known.incidents.items()
                },
            )
