"""P7 on PostgreSQL: from one version to the next."""

import asyncio
import zlib
from unittest.mock import ANY

import psycopg
import pytest
from sqlalchemy import inspect

from bellbuoy.errors import AlreadyRunningError, LeaseLostError, StoreError, StoreNewerError
from bellbuoy.model.leases import Holding, Roster, shard
from bellbuoy.stores import migrations, postgres
from bellbuoy.stores.opening import open_store
from tests.postgres import schema
from tests.stores.older import make_postgres
from tests.stores.samples import event, worker
from tests.stores.test_migrations import next_version

__all__ = ["next_version"]


def engine(address):
    """To look, and to take steps."""
    parsed = postgres.parse(address)
    return postgres.engine(lambda: postgres.connect(parsed), postgres.WRITES, size=1)


def tables(address):
    """All that the database says of the tables that it holds."""
    looking = engine(address)
    found = inspect(looking)
    told = {
        name: (
            [{**each, "type": repr(each["type"])} for each in found.get_columns(name)],
            found.get_pk_constraint(name),
            sorted(map(repr, found.get_indexes(name))),
            found.get_unique_constraints(name),
        )
        for name in found.get_table_names()
        if name != "alembic_version"
    }
    looking.dispose()
    return told


def columns(address, table) -> list[str]:
    """The columns of a table."""
    with psycopg.connect(address) as session:
        return [each.name for each in session.execute(f"SELECT * FROM {table}").description]


async def make(address):
    """A store with two events."""
    async with open_store(address) as store:
        await store.append([event(1), event(2)])


async def test_p7_the_steps_lead_to_the_tables_of_a_new_store(postgres_server):
    """Taken one by one from nothing, they make what is made at once."""
    with schema(postgres_server) as new, schema(postgres_server) as stepped:
        await make(new)
        stepping = engine(stepped)
        with stepping.begin() as connection:
            migrations.upgrade(connection)
        stepping.dispose()
        assert tables(stepped) == tables(new)
        assert len(tables(new)) > 8


async def test_p7_an_older_store_is_brought_up_to_date_once(postgres_address, next_version):
    """By the first of several that start together; nothing is lost."""
    await make(postgres_address)
    next_version()
    openings = [asyncio.to_thread(postgres.opened(postgres_address).__enter__) for _ in range(4)]
    for opened in await asyncio.gather(*openings):
        await opened.close()
    async with open_store(postgres_address, poller=True) as store:
        assert await store.last_seq() == 2
    assert "colour" in columns(postgres_address, "event")


async def test_p7_a_step_that_fails_changes_nothing(postgres_address, next_version):
    """The tables are as they were, and so is the version."""
    await make(postgres_address)
    before = tables(postgres_address)
    next_version(more="op.execute('INSERT INTO no_such_table VALUES (1)')")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"is as it was: .*no_such_table"):
            async with open_store(postgres_address, poller=True):
                pass
    assert tables(postgres_address) == before


async def test_p7_a_newer_store_is_refused(postgres_address):
    """An older Bellbuoy leaves it alone and says who can read it."""
    await make(postgres_address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "HEAD", "0000")
        for poller in (False, True):
            with pytest.raises(StoreNewerError, match="newer Bellbuoy"):
                async with open_store(postgres_address, poller=poller):
                    pass
    async with open_store(postgres_address) as store:
        assert await store.last_seq() == 2


async def test_p7_a_store_with_live_workers_is_not_migrated(postgres_address, next_version):
    """They are named, one sign of life is enough; once they have gone the step is taken."""
    async with open_store(postgres_address, poller=True) as older:
        await older.renew(worker("a"))
        await older.renew(worker("b"))
        next_version()
        for poller in (False, True):
            with pytest.raises(AlreadyRunningError) as caught:
                async with open_store(postgres_address, poller=poller):
                    pass
            assert str(caught.value).endswith(
                "has schema 0004 and cannot be brought to 0005 while it is in use: "
                "stop a.example:1, b.example:1, then start this again"
            )
        assert await older.append([event(3)])
        await older.retire("a")
        with pytest.raises(AlreadyRunningError, match=r"stop b\.example:1, then"):
            async with open_store(postgres_address):
                pass
        await older.retire("b")
    async with open_store(postgres_address) as store:
        assert await store.last_seq() == 1
    assert "colour" in columns(postgres_address, "event")


async def test_p7_a_worker_of_an_unknown_kind_counts_as_well(postgres_address, next_version):
    """What it says of itself is not readable: it is named by its id."""
    async with open_store(postgres_address) as older:
        await older.renew(worker("a"))
    next_version()
    with psycopg.connect(postgres_address) as session:
        session.execute("UPDATE worker SET facts = '\\x80', id = '4b1d'")
    with pytest.raises(AlreadyRunningError, match="stop 4b1d, then"):
        async with open_store(postgres_address):
            pass


async def test_p7_m2_a_worker_that_slept_through_a_migration_writes_nothing(
    postgres_address, next_version, monkeypatch
):
    """Its leases are nobody's when it wakes, and it can neither take others nor be alive."""
    async with open_store(postgres_address, poller=True) as asleep:
        await asleep.renew(worker("one"))
        leases = await asleep.claim("one", {shard(1): None, "dispatcher": None})
        with psycopg.connect(postgres_address) as session:
            session.execute("UPDATE worker SET until = 0")
        next_version()
        async with open_store(postgres_address):
            pass
        monkeypatch.undo()
        for lease in leases:
            with pytest.raises(LeaseLostError):
                await asleep.under(lease).append([event(1)])
        with pytest.raises(StoreNewerError, match="newer Bellbuoy"):
            await asleep.renew(worker("one"))
        roster = await asleep.roster()
        with pytest.raises(StoreNewerError, match="newer Bellbuoy"):
            await asleep.claim("one", {**roster.holdings, shard(2): None})
        assert await asleep.roster() == Roster(
            at=ANY, members=roster.members, holdings=roster.holdings
        )
        assert roster.holdings == {shard(1): Holding(None, 1), "dispatcher": Holding(None, 1)}
        assert not roster.members[0].is_live
        assert await asleep.last_seq() == 0


async def test_p7_nobody_begins_to_work_while_it_is_migrated(postgres_address):
    """A worker that starts meanwhile waits for the end, and then sees the new version."""
    async with open_store(postgres_address, poller=True) as store:
        with psycopg.connect(postgres_address) as migrating:
            migrating.execute("LOCK TABLE log, lease, worker IN EXCLUSIVE MODE")
            migrating.execute("UPDATE alembic_version SET version_num = '0099'")
            waiting = [
                asyncio.create_task(act)
                for act in (store.renew(worker("one")), store.claim("one", {shard(1): None}))
            ]
            await asyncio.sleep(0.2)
            assert not any(task.done() for task in waiting)
            migrating.commit()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in outcomes] == [StoreNewerError] * 2
        roster = await store.roster()
        assert (roster.members, roster.holdings) == ((), {})


async def test_p7_a_store_in_use_by_a_poller_without_leases_is_not_migrated(postgres_address):
    """Before schema 0004 a poller held a lock of its session, and was the only one."""
    make_postgres(postgres_address, "0003")
    with psycopg.connect(postgres_address, autocommit=True) as older:
        (place,) = older.execute("SELECT current_schema()").fetchone()
        key = (int.from_bytes(b"bell", "big"), zlib.crc32(place.encode()) - 2**31)
        older.execute("SELECT pg_advisory_lock(%s::int, %s::int)", key)
        for poller in (False, True):
            with pytest.raises(AlreadyRunningError, match="stop the older Bellbuoy that polls"):
                async with open_store(postgres_address, poller=poller):
                    pass
        assert older.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)
    async with open_store(postgres_address) as store:
        assert await store.last_seq() == 3
