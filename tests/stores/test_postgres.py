"""What is PostgreSQL's own: many pollers, sessions that break, notices, who waits for whom."""

import asyncio
import threading
from contextlib import AsyncExitStack
from functools import partial

import psycopg
import pytest

from bellbuoy.errors import LeaseLostError, StoreError, StoreUnavailableError
from bellbuoy.model.leases import Holding, Lease, shard
from bellbuoy.stores import eventlog, leases, postgres, postgres_notices
from bellbuoy.stores import sql as sql_module
from bellbuoy.stores.opening import open_store
from tests.postgres import database, schema
from tests.stores.samples import component, event, incident, known, page, visit, worker


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
    """Each has its own log."""
    with schema(postgres_server) as here, schema(postgres_server) as there:
        async with open_store(here, poller=True) as one, open_store(there, poller=True) as two:
            await one.append([event(1)])
            assert await two.last_seq() == 0
            assert one.log_id != two.log_id


async def test_two_that_make_the_same_tables_share_them(postgres_address):
    """Whoever is second waits, and takes what the first one made."""
    async with AsyncExitStack() as held:
        openings = [
            asyncio.to_thread(postgres.opened(postgres_address).__enter__) for _ in range(4)
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


async def test_m4_who_came_back_writes_under_its_lease(named, ask):
    """A lease is no session's: it is held until another worker takes it, and not longer."""
    async with open_store(named, poller=True) as first, open_store(named, poller=True) as second:
        (lease,) = await first.claim("one", {shard(1): None})
        mine = first.under(lease)
        assert break_sessions(ask, named) >= 1
        await insist(lambda: mine.append([event(1)]))
        assert await second.claim("two", {shard(1): Holding("one", 1)})
        break_sessions(ask, named)
        with pytest.raises(LeaseLostError):
            await insist(lambda: mine.append([event(2)]))
        assert [each.id for each in await insist(second.read_events)] == [event(1).id]


async def test_a_sign_of_life_waits_for_nobody_who_writes(named):
    """Though another worker stands still in the middle of a write."""
    async with open_store(named) as slow, open_store(named) as quick:
        (lease,) = await slow.claim("slow", {shard(1): None})
        begun, release = threading.Event(), threading.Event()

        def dawdle(connection):
            leases.check(connection, lease)
            begun.set()
            release.wait(30)

        writing = asyncio.create_task(slow._writer.run(dawdle))
        await asyncio.to_thread(begun.wait, 30)
        waiting = asyncio.create_task(quick.append([event(1)]))
        async with asyncio.timeout(10):
            await quick.renew(worker("quick"))
            await slow.renew(worker("slow"))
            assert await quick.claim("quick", {shard(1): Holding("slow", 1), shard(2): None}) == (
                Lease(shard(2), 1),
            )
            await quick.release("quick", [shard(2)])
        assert not waiting.done()
        release.set()
        await asyncio.gather(writing, waiting)


async def test_a_lease_that_is_written_under_is_let_go_after_it(named):
    """Others at once; it, as soon as what is being written is written."""
    async with open_store(named) as store, open_store(named) as other:
        held = await store.claim("one", {shard(1): None, shard(2): None})
        begun, release = threading.Event(), threading.Event()

        def dawdle(connection):
            leases.check(connection, held[0])
            begun.set()
            release.wait(30)
            leases.check(connection, held[1])

        writing = asyncio.create_task(store._writer.run(dawdle))
        await asyncio.to_thread(begun.wait, 30)
        retiring = asyncio.create_task(store.retire("one"))
        async with asyncio.timeout(10):
            while (await other.roster()).holdings[shard(2)].owner is not None:  # noqa: ASYNC110 - another session's
                await asyncio.sleep(0.01)
        assert (await other.roster()).holdings[shard(1)].owner == "one"
        release.set()
        with pytest.raises(LeaseLostError):
            await writing
        await retiring
        assert (await other.roster()).holdings[shard(1)] == Holding(None, 1)


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


@pytest.mark.parametrize(
    ("default", "said"), [("off", "on"), ("local", "local"), ("on", "on"), ("remote_apply",) * 2]
)
async def test_what_is_answered_is_on_disk_whatever_the_server_is_set_to(
    postgres_address, ask, default, said
):
    """A server that answers first and writes later is told to write first; else it is left."""
    name = f"lazy_{postgres_address[-12:]}"
    ask(f"CREATE ROLE {name} SUPERUSER LOGIN")
    try:
        ask(f"ALTER ROLE {name} SET synchronous_commit = {default}")
        async with open_store(f"{postgres_address}&user={name}", poller=True) as store:
            for writer in (store._writer, store._leasing):
                found = await writer.run(
                    lambda connection: connection.exec_driver_sql(
                        "SHOW synchronous_commit"
                    ).scalar()
                )
                assert found == said
    finally:
        ask(f"DROP OWNED BY {name}")
        ask(f"DROP ROLE {name}")


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
