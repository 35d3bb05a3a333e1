"""The store in a SQL database: SQLite or PostgreSQL, through the same statements.

    reading  ──> a small pool of threads, each call in a transaction of its own
    writing  ──> the single writer (`writer`), which shares transactions between calls
    leasing  ──> signs of life and leases, each in a transaction of its own beside the writer's

What happens inside a transaction is in `knowledge`, `eventlog`, `outbox` and `silences`. This does
not decide which database it is, nor who may poll with it: `opening`, `sqlite` and `postgres` do.
"""

import asyncio
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from msgspec import MsgspecError
from sqlalchemy import Connection, Engine, select

from bellbuoy.errors import StoreError
from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Silence, Standing
from bellbuoy.model.facts import IncidentKind
from bellbuoy.model.known import Known, KnownComponent, KnownIncident, PageState
from bellbuoy.model.leases import Holding, Lease, Roster, Worker
from bellbuoy.stores import (
    Ended,
    Outgoing,
    Visit,
    eventlog,
    knowledge,
    leases,
    outbox,
    schema,
    search,
    silences,
)
from bellbuoy.stores.bell import Bell, wait_for_ring
from bellbuoy.stores.database import READERS, Database
from bellbuoy.stores.faults import damaged, mapped
from bellbuoy.stores.retention import LONG_AGO
from bellbuoy.stores.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

_LOOK_EVERY = 1.0
"""Seconds between two looks for events that another process recorded."""

_CHUNK = 500
"""Rows that `prune` drops in one transaction, so that others can write between.

As many are looked through at once by `check`: a driver may else fetch a whole table.
"""


class SqlStore:
    """The contract of `Store` over a database; use `open_store` to get one.

    `log_id` is the identity that the database holds. The database is used and not closed.
    """

    def __init__(self, database: Database, log_id: str) -> None:
        self._database = database
        self._engine = database.reading
        self._log_id = log_id
        self._readers = ThreadPoolExecutor(READERS, "bellbuoy-read")
        self._writer = Writer(database.writing, database.place)
        self._leasing = self._writer
        if database.leasing is not database.writing:
            self._leasing = Writer(database.leasing, database.place, most_jobs=1)
        self._bell = Bell()
        self._lease: Lease | None = None

    @property
    def log_id(self) -> str:
        """The identity of this log."""
        return self._log_id

    @property
    def place(self) -> str:
        """The path of the database, or its address without a password."""
        return self._database.place

    @property
    def is_shared(self) -> bool:
        """See `Store`."""
        return self._database.is_shared

    def under(self, lease: Lease) -> Self:
        """See `Store`."""
        fenced = copy.copy(self)
        fenced._lease = lease  # noqa: SLF001 - another one of ours
        return fenced

    async def renew(self, worker: Worker) -> Roster:
        """See `Store`."""
        return await self._leasing.run(partial(leases.renew, who=worker, place=self.place))

    async def roster(self) -> Roster:
        """See `Store`."""
        return await self._read(leases.roster)

    async def claim(
        self, worker_id: str, wanted: Mapping[str, Holding | None]
    ) -> tuple[Lease, ...]:
        """See `Store`."""
        return await self._leasing.run(
            partial(leases.claim, worker_id=worker_id, wanted=wanted, place=self.place)
        )

    async def release(self, worker_id: str, names: Iterable[str]) -> None:
        """See `Store`."""
        release = partial(leases.release, worker_id=worker_id, names=tuple(names))
        for name in await self._leasing.run(release):
            await self._leasing.run(partial(leases.release_later, worker_id=worker_id, name=name))

    async def retire(self, worker_id: str) -> None:
        """See `Store`."""
        held = (await self.roster()).held_by(worker_id)
        await self.release(worker_id, held)
        await self._leasing.run(partial(leases.forget, worker_id=worker_id))

    async def poke(self, page_key: str) -> None:
        """See `Store`."""
        await self._leasing.run(partial(leases.add_poke, page_key=page_key))

    async def take_pokes(self, page_keys: Iterable[str]) -> None:
        """See `Store`."""
        await self._leasing.run(partial(leases.take_pokes, page_keys=tuple(page_keys)))

    async def load_states(self, page_keys: Iterable[str]) -> Mapping[str, PageState]:
        """See `Store`."""
        return await self._read(knowledge.load_states, frozenset(page_keys))

    async def load_known(self, page_key: str) -> Known:
        """See `Store`."""
        return await self._read(knowledge.load_known, page_key)

    async def commit(self, visit: Visit) -> tuple[Event, ...]:
        """See `Store`."""
        return await self._record(partial(_commit, visit=visit))

    async def save_states(self, states: Sequence[PageState]) -> None:
        """See `Store`."""
        await self._write(knowledge.save_states, states)

    async def append(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """See `Store`."""
        return await self._record(partial(eventlog.append, events=events))

    async def forget_pages(self, watched: Iterable[str], ended: Ended) -> tuple[Event, ...]:
        """See `Store`."""
        return await self._record(partial(_forget, watched=frozenset(watched), ended=ended))

    async def read_events(
        self, *, after: int = 0, limit: int = 500, incident: str | None = None
    ) -> tuple[Event, ...]:
        """See `Store`."""
        return await self._read(eventlog.read, after, limit, incident)

    async def latest_events(
        self, *, before: int | None = None, limit: int = 50, page: str | None = None
    ) -> tuple[Event, ...]:
        """See `Store`."""
        return await self._read(eventlog.latest, before, limit, page)

    async def search_events(
        self, words: str, *, before: int | None = None, limit: int = 50
    ) -> tuple[Event, ...]:
        """See `Store`."""
        return await self._read(eventlog.search_for, words, before, limit)

    async def find_event(self, id: str) -> Event | None:
        """See `Store`."""
        return await self._read(eventlog.find, id)

    async def last_seq(self) -> int:
        """See `Store`."""
        return await self._read(eventlog.last_seq)

    async def first_seq(self) -> int:
        """See `Store`."""
        return await self._read(eventlog.first_seq)

    async def open_incidents(
        self, page_keys: Iterable[str] | None = None
    ) -> tuple[tuple[str, KnownIncident], ...]:
        """See `Store`."""
        found = await self._read(knowledge.open_incidents)
        if page_keys is None:
            return found
        wanted = frozenset(page_keys)
        return tuple(each for each in found if each[0] in wanted)

    async def incident(self, page_key: str, key: str) -> KnownIncident | None:
        """See `Store`."""
        return await self._read(knowledge.find_incident, page_key, key)

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
        pages = None if page_keys is None else frozenset(page_keys)
        return await self._read(knowledge.newest_incidents, pages, kind, since, before, limit)

    async def components(self, page_key: str) -> tuple[KnownComponent, ...]:
        """See `Store`."""
        return await self._read(knowledge.components, page_key)

    async def all_components(self) -> Mapping[str, tuple[KnownComponent, ...]]:
        """See `Store`."""
        return await self._read(knowledge.all_components)

    async def read_cursor(self, reader: str) -> int | None:
        """See `Store`."""
        return await self._read(eventlog.read_cursor, reader)

    async def write_cursor(self, reader: str, seq: int) -> None:
        """See `Store`."""
        await self._write(eventlog.write_cursor, reader, seq)

    async def dispatch(self, reader: str, seq: int, outgoing: Outgoing) -> None:
        """See `Store`."""
        await self._write(outbox.dispatch, reader, seq, outgoing)

    async def standings(
        self, receivers: Iterable[str], lanes: Iterable[str]
    ) -> Mapping[tuple[str, str], Standing]:
        """See `Store`."""
        return await self._read(outbox.standings, tuple(receivers), frozenset(lanes))

    async def due_held(self, now: datetime, limit: int = 500) -> tuple[tuple[Delivery, Event], ...]:
        """See `Store`."""
        return await self._read(outbox.due_held, now, limit)

    async def next_held(self) -> datetime | None:
        """See `Store`."""
        return await self._read(outbox.next_held)

    async def due_deliveries(
        self, receiver: str, now: datetime, limit: int = 50
    ) -> tuple[tuple[Delivery, Event], ...]:
        """See `Store`."""
        return await self._read(outbox.due, receiver, now, limit)

    async def next_due(self, receiver: str, after: datetime | None = None) -> datetime | None:
        """See `Store`."""
        return await self._read(outbox.next_due, receiver, after)

    async def waiting(
        self, receiver: str, *, digest: str = "", limit: int = 500
    ) -> tuple[tuple[Delivery, Event], ...]:
        """See `Store`."""
        return await self._read(outbox.waiting, receiver, digest, limit)

    async def settle(self, *deliveries: Delivery) -> None:
        """See `Store`."""
        await self._write(outbox.settle, deliveries)

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
        return await self._read(outbox.find, receiver, status, event_id, before, limit)

    async def oldest_waiting(self) -> Mapping[str, datetime]:
        """See `Store`."""
        return await self._read(outbox.oldest_waiting)

    async def count_deliveries(self, receiver: str) -> Mapping[DeliveryStatus, int]:
        """See `Store`."""
        return await self._read(outbox.count, receiver)

    async def revive(self, delivery_id: str, now: datetime) -> None:
        """See `Store`."""
        await self._write(outbox.revive, delivery_id, now)

    async def disabled(self) -> frozenset[str]:
        """See `Store`."""
        return await self._read(outbox.disabled)

    async def disable(self, receiver: str, attempt: Attempt) -> None:
        """See `Store`."""
        await self._write(outbox.disable, receiver, attempt)

    async def enable(self, receiver: str) -> None:
        """See `Store`."""
        await self._write(outbox.enable, receiver)

    async def references(self, receiver: str, lanes: Iterable[str]) -> Mapping[str, str]:
        """See `Store`."""
        return await self._read(outbox.references, receiver, frozenset(lanes))

    async def remember_reference(self, receiver: str, lane: str, reference: str) -> None:
        """See `Store`."""
        await self._write(outbox.remember_reference, receiver, lane, reference)

    async def add_silence(self, silence: Silence) -> None:
        """See `Store`."""
        await self._write(silences.add, silence)

    async def silences(self, since: datetime | None = None) -> tuple[Silence, ...]:
        """See `Store`."""
        return await self._read(silences.read, since)

    async def wait_for_events(self, after: int) -> None:
        """See `Store`."""
        ring = self._bell.listen()
        while await self.last_seq() <= after:
            self._database.listen(self._log_id, self._bell.ring)
            await wait_for_ring(ring, _LOOK_EVERY)
            ring = self._bell.listen()

    async def prune(self, before: datetime, at_latest: datetime = LONG_AGO) -> int:
        """See `Store`."""
        dropped = 0
        while some := await self._write(eventlog.prune, before, at_latest, _CHUNK):
            dropped += some
        await self._write(silences.prune, before)
        while await self._write(knowledge.strip_bodies, before, _CHUNK):
            pass
        return dropped

    async def check(self) -> tuple[str, ...]:
        """See `Store`."""
        try:
            problems = await self._in_thread(self._database.damage)
            return problems or await self._read(_problems)
        except StoreError as error:
            return (str(error),)

    async def backup(self, path: str) -> None:
        """See `Store`."""
        await self._in_thread(lambda: self._database.copy(Path(path)))

    async def close(self) -> None:
        """See `Store`."""
        await self._writer.close()
        if self._leasing is not self._writer:
            await self._leasing.close()
        self._readers.shutdown()

    async def _record(self, job: Callable[[Connection], tuple[Event, ...]]) -> tuple[Event, ...]:
        """Write, and tell here and elsewhere that there are new events."""

        def announced(connection: Connection) -> tuple[Event, ...]:
            recorded = job(connection)
            if recorded:
                self._database.announce(connection, self._log_id)
            return recorded

        recorded = await self._write(announced)
        if recorded:
            self._bell.ring()
        return recorded

    async def _write(
        self, job: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        lease = self._lease

        def fenced(connection: Connection) -> T:
            if lease is not None:
                leases.check(connection, lease)
            return job(connection, *args, **kwargs)

        return await self._writer.run(fenced)

    async def _read(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def look() -> T:
            with self._engine.begin() as connection:
                return query(connection, *args, **kwargs)

        return await self._in_thread(look)

    async def _in_thread(self, look: Callable[[], T]) -> T:
        def guarded() -> T:
            with mapped(self.place):
                return look()

        return await asyncio.get_running_loop().run_in_executor(self._readers, guarded)


def read_log_id(engine: Engine, place: str) -> str:
    """The identity of the log in a database. Raises StoreCorruptError if it has none."""
    with mapped(place), engine.begin() as connection:
        found = connection.execute(select(schema.log.c.id)).scalars().all()
    if len(found) != 1:
        raise damaged(place, "its log has no identity")
    return found[0]


def _commit(connection: Connection, visit: Visit) -> tuple[Event, ...]:
    knowledge.write_visit(connection, visit)
    return eventlog.append(connection, visit.events)


def _forget(connection: Connection, watched: AbstractSet[str], ended: Ended) -> tuple[Event, ...]:
    orphans = knowledge.forget_pages(connection, watched)
    return eventlog.append(connection, [event for orphan in orphans for event in ended(*orphan)])


def _problems(connection: Connection) -> tuple[str, ...]:
    return (*_unreadable_rows(connection), *search.problems(connection))


def _unreadable_rows(connection: Connection) -> tuple[str, ...]:
    problems: list[str] = []
    for column, decode in (
        *knowledge.DECODERS,
        *eventlog.DECODERS,
        *outbox.DECODERS,
        *silences.DECODERS,
        *leases.DECODERS,
    ):
        blobs = select(column).where(column.is_not(None))
        for blob in connection.scalars(blobs.execution_options(yield_per=_CHUNK)):
            try:
                decode(blob)
            except MsgspecError as error:
                problems.append(f"{column}: {error}")
    return tuple(problems[:20])
