"""What is PostgreSQL's own: one poller, sessions that break, notices, and who waits for whom."""

import asyncio
import threading
from contextlib import AsyncExitStack, closing
from functools import partial

import psycopg
import pytest

from bellbuoy.errors import AlreadyRunningError, StoreError, StoreUnavailableError
from bellbuoy.stores import eventlog, postgres, postgres_notices
from bellbuoy.stores import sql as sql_module
from bellbuoy.stores.opening import open_store
from tests.postgres import database, schema
from tests.stores.samples import component, event, incident, known, page, visit


@pytest.fixture
def named(postgres_address) -> str:
    """The same address, for sessions that can be told from those of other tests."""
    name = f"bellbuoy {postgres_address[-12:]}"
    return f"{postgres_address}&application_name={name.replace(' ', '%20')}"


@pytest.fixture
def ask(postgres_address):
    """Ask the database something, beside the store."""

    def ask(statement: str, *values):
        with psycopg.connect(postgres_address, autocommit=True) as session:
            cursor = session.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    return ask


def break_sessions(ask, address: str) -> int:
    """End every session of a store; how many there were."""
    name = f"bellbuoy {address.partition('&')[0][-12:]}"
    ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name=%s"
    return len(ask(ended, name))


async def until(condition):
    """Return when it is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - of threads and other processes
            await asyncio.sleep(0.01)


async def insist(call):
    """What it returns, however often a connection is lost meanwhile."""
    while True:
        try:
            return await call()
        except StoreUnavailableError:
            await asyncio.sleep(0.01)


async def test_keys_are_sorted_alike_in_a_database_of_any_country(postgres_server):
    """By code points, as everywhere else; its own order would put `a` before `B`."""
    options = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
    with database(postgres_server, options) as address:
        async with open_store(address, poller=True) as store:
            now = known(*map(incident, ("a", "B", "_", "A", "ä")))
            now.components.update({key: component(key) for key in ("b", "C")})
            await store.commit(visit(None, now))
            loaded = await store.load_known(page().key)
            assert list(loaded.incidents) == ["A", "B", "_", "a", "ä"]
            assert list(loaded.components) == ["C", "b", "c1"]


async def test_two_schemas_of_a_database_are_two_stores(postgres_server):
    """Each has its log and its poller."""
    with schema(postgres_server) as here, schema(postgres_server) as there:
        async with open_store(here, poller=True) as one, open_store(there, poller=True) as two:
            await one.append([event(1)])
            assert await two.last_seq() == 0
            assert one.log_id != two.log_id


async def test_two_that_make_the_same_tables_share_them(postgres_address):
    """Whoever is second waits, and takes what the first one made."""
    async with AsyncExitStack() as held:
        openings = [
            asyncio.to_thread(postgres.opened(postgres_address, poller=False).__enter__)
            for _ in range(4)
        ]
        databases = await asyncio.gather(*openings)
        for each in databases:
            held.push_async_callback(each.close)
        ids = {sql_module.read_log_id(each.reading, each.place) for each in databases}
        assert len(ids) == 1


async def test_m6_a_late_commit_is_not_passed(named):
    """Whoever records beside an open transaction waits for it: commits are in order."""
    async with open_store(named) as slow, open_store(named) as quick:
        recorded, release = threading.Event(), threading.Event()

        def dawdle(connection):
            done = eventlog.append(connection, [event(1)])
            recorded.set()
            release.wait(30)
            return done

        first = asyncio.create_task(slow._writer.run(dawdle))
        await asyncio.to_thread(recorded.wait, 30)
        second = asyncio.create_task(quick.append([event(2)]))
        assert await quick.read_events() == ()
        release.set()
        assert [each.seq for each in (*await first, *await second)] == [1, 2]


async def test_m6_a_long_transaction_of_another_database_delays_nothing(named, postgres_server):
    """Not even one that has written: the log asks nobody for the oldest transaction."""
    with database(postgres_server) as elsewhere, psycopg.connect(elsewhere) as other:
        other.execute("CREATE TABLE busy (id int)")
        other.execute("NOTIFY busy")
        async with open_store(named, poller=True) as store:
            waiting = asyncio.create_task(store.wait_for_events(0))
            async with asyncio.timeout(1):
                await store.append([event(1)])
                await waiting
            assert [each.seq for each in await store.read_events()] == [1]
        other.rollback()


async def test_events_of_another_process_are_heard_of_at_once(named, monkeypatch, ask):
    """Long before it would be looked for them again."""
    monkeypatch.setattr(sql_module, "_LOOK_EVERY", 30)
    monkeypatch.setattr(postgres_notices, "AGAIN_AFTER", 0.0)
    async with open_store(named) as reader, open_store(named) as writer:
        async with asyncio.timeout(10):
            waiting = asyncio.create_task(reader.wait_for_events(0))
            await until(lambda: reader._database._notices._session is not None)
            await writer.append([event(1)])
            await waiting


async def test_a_broken_ear_hears_again(named, monkeypatch, ask):
    """Without it the log is looked at as ever; then it is listened to again."""
    monkeypatch.setattr(sql_module, "_LOOK_EVERY", 0.02)
    monkeypatch.setattr(postgres_notices, "AGAIN_AFTER", 0.0)
    async with open_store(named) as reader, open_store(named) as writer:
        for number in (1, 2):
            waiting = asyncio.create_task(insist(partial(reader.wait_for_events, number - 1)))
            notices = reader._database._notices
            await until(lambda: notices._session is not None)  # noqa: B023 - awaited at once
            session = notices._session
            ask("SELECT pg_terminate_backend(%s, 5000)", session.info.backend_pid)
            await until(lambda: session.closed)  # noqa: B023 - awaited at once
            await writer.append([event(number)])
            await waiting


async def test_m4_broken_sessions_lose_nothing_and_double_nothing(named, ask):
    """Every session is ended again and again under writes; what was answered is there once."""
    async with open_store(named, poller=True) as store:
        answered = []

        async def write(numbers):
            for number in numbers:
                answered.extend(await insist(lambda: store.append([event(number)])))  # noqa: B023 - awaited at once

        writing = [asyncio.create_task(write(range(start, 400, 4))) for start in range(4)]
        broken = 0
        while not all(task.done() for task in writing):
            broken += await asyncio.to_thread(break_sessions, ask, named)
            await asyncio.sleep(0.02)
        await asyncio.gather(*writing)
        events = await insist(lambda: store.read_events(limit=1000))
        assert broken > 3
        assert [each.seq for each in events] == list(range(1, 401))
        assert {each.id for each in events} == {event(number).id for number in range(400)}
        # One whose answer was lost with its connection is told apart by its id, and not again.
        assert {each.seq for each in answered} <= {each.seq for each in events}


async def test_m4_a_server_that_restarts_loses_nothing(cluster):
    """Five times under writes, also by a crash: the store comes back by itself."""
    async with open_store(cluster.address, poller=True) as store:
        done = 0

        async def write():
            nonlocal done
            for number in range(100_000):
                await insist(lambda: store.append([event(number)]))  # noqa: B023 - awaited at once
                done = number + 1

        writing = asyncio.create_task(write())
        for mode in ("fast", "immediate", "fast", "immediate", "fast", None):
            enough = done + 20
            await until(lambda: done >= enough or writing.done())  # noqa: B023 - awaited at once
            if mode is not None:
                await asyncio.to_thread(cluster.stop, mode)
                await asyncio.to_thread(cluster.start)
        assert not writing.done()
        writing.cancel()
        await asyncio.wait([writing])
        await store.save_states([])  # what was begun is written now
        events = await store.read_events(limit=100_000)
        assert [each.seq for each in events] == list(range(1, len(events) + 1))
        assert {event(number).id for number in range(done)} <= {each.id for each in events}


async def test_p5_the_lock_comes_back_with_the_session(named, ask):
    """A poller whose session broke polls on, and another one is still sent away."""
    async with open_store(named, poller=True) as store:
        await store.append([event(1)])
        assert break_sessions(ask, named) >= 1
        await insist(lambda: store.append([event(2)]))
        with pytest.raises(AlreadyRunningError, match=r"session \d+\).* events --follow"):
            async with open_store(named, poller=True):
                pass
    async with open_store(named, poller=True) as store:
        assert await store.last_seq() == 2


async def test_p5_a_poller_whose_place_was_taken_writes_nothing(named, ask):
    """It lost the lock with its session, another one took it: its next write is refused."""
    async with open_store(named, poller=True) as first:
        await first.append([event(1)])
        break_sessions(ask, named)
        async with open_store(named, poller=True) as second:
            with pytest.raises(AlreadyRunningError):
                await insist(lambda: first.append([event(2)]))
            assert [each.seq for each in await second.append([event(3)])] == [2]
            assert [each.id for each in await second.read_events()] == [event(1).id, event(3).id]


async def test_p5_a_session_of_ours_that_the_server_takes_for_alive_is_ended(postgres_address):
    """After a broken network the server may hold the old one, and its lock, for a while."""
    async with open_store(postgres_address):
        pass
    address = postgres.parse(postgres_address)
    lock = postgres.PollerLock(address.place)
    with closing(lock.connect(address)) as old, closing(lock.connect(address)) as new:
        assert new.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            old.execute("SELECT 1")


async def test_m2_a_transaction_that_stands_still_is_ended(named, monkeypatch):
    """A paused process does not keep others from recording, and has written nothing of it."""
    monkeypatch.setattr(postgres, "STALLED_AFTER", "200ms")
    async with open_store(named) as paused, open_store(named) as other:
        begun, release = threading.Event(), threading.Event()

        def pause(connection):
            eventlog.append(connection, [event(1)])
            begun.set()
            release.wait(30)

        stuck = asyncio.create_task(paused._writer.run(pause))
        await asyncio.to_thread(begun.wait, 30)
        async with asyncio.timeout(10):
            assert [each.seq for each in await other.append([event(2)])] == [1]
        release.set()
        with pytest.raises(StoreUnavailableError):
            await stuck
        assert [each.seq for each in await paused.append([event(1)])] == [2]
        assert [each.id for each in await other.read_events()] == [event(2).id, event(1).id]


async def test_what_is_answered_is_on_disk_whatever_the_server_is_set_to(postgres_server):
    """A server that answers first and writes later is told to write first."""
    with database(postgres_server) as address:
        with psycopg.connect(address, autocommit=True) as session:
            name = session.info.dbname
            session.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        async with open_store(address, poller=True) as store:
            said = await store._writer.run(
                lambda connection: connection.exec_driver_sql("SHOW synchronous_commit").scalar()
            )
            assert said == "on"


async def test_a_reader_that_may_not_write_reads(postgres_address, ask):
    """A user with nothing but SELECT can look at the log; a write is refused with the cure."""
    async with open_store(postgres_address, poller=True) as store:
        await store.append([event(1)])
    name = f"reader_{postgres_address[-12:]}"
    (place,) = ask("SELECT current_schema()")[0]
    ask(f"CREATE ROLE {name} LOGIN")
    try:
        ask(f"GRANT USAGE ON SCHEMA {place} TO {name}")
        ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA {place} TO {name}")
        async with open_store(f"{postgres_address}&user={name}") as store:
            assert len(await store.read_events()) == 1
            with pytest.raises(StoreError, match=r"permission denied.*; use the user that owns"):
                await store.write_cursor("me", 1)
    finally:
        ask(f"DROP OWNED BY {name}")
        ask(f"DROP ROLE {name}")
