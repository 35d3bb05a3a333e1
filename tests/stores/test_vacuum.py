"""Giving room back."""

import asyncio
from secrets import token_hex

import psycopg
import pytest

from bellbuoy.errors import AlreadyRunningError, StoreError
from bellbuoy.stores.opening import open_store
from bellbuoy.stores.vacuum import vacuum
from tests.stores.moving import exported_to, fill
from tests.stores.samples import DAY, NOW, event


async def record_and_drop(address: str) -> None:
    """Fill it up with events, of which hardly one stays."""
    async with open_store(address) as store:
        old = NOW - 100 * DAY
        many = [event(n, title=f"Elevated errors {n} " * 5, observed_at=old) for n in range(600)]
        await store.append(many)
        await store.append([event(1000, title="A kept one")])
        assert await store.prune(NOW - DAY) == 600


def test_a_file_gets_smaller_and_keeps_all_its_rows(database, tmp_path):
    """What was dropped leaves the disk, from the file and from its log."""
    asyncio.run(record_and_drop(str(database)))
    rows = exported_to(str(database), tmp_path / "before")
    done = vacuum(f"sqlite:///{database}")
    assert done.place == str(database)
    assert done.after < done.before / 2
    assert done.after == database.stat().st_size
    assert exported_to(str(database), tmp_path / "after") == rows

    async def look() -> None:
        async with open_store(str(database)) as store:
            assert await store.check() == ()
            assert [each.seq for each in await store.search_events("kept")] == [601]
            assert await store.search_events("elevated") == ()

    asyncio.run(look())


async def test_p5_a_file_that_is_polled_with_is_left_alone(database):
    """A `watch` would have to wait for the whole file to be written anew."""
    async with open_store(str(database), poller=True):
        with pytest.raises(AlreadyRunningError, match="stop the other one"):
            await asyncio.to_thread(vacuum, str(database))


async def test_a_reader_beside_it_goes_on(database):
    """What it holds open is not taken from under it."""
    await record_and_drop(str(database))
    async with open_store(str(database)) as reader:
        assert len(await reader.read_events()) == 1
        await asyncio.to_thread(vacuum, str(database))
        assert len(await reader.read_events()) == 1
        assert await reader.check() == ()


async def test_postgresql_is_vacuumed_beside_a_poller(postgres_address):
    """Its statistics are new, no other table is touched, and the poller writes on."""
    with psycopg.connect(postgres_address, autocommit=True) as session:
        session.execute("CREATE TABLE photos (id int)")
    async with open_store(postgres_address, poller=True) as poller:
        await record_and_drop(postgres_address)
        done = await asyncio.to_thread(vacuum, postgres_address)
        assert done.before > 0
        assert done.after > 0
        assert "options" not in done.place
        assert await poller.append([event(2000)])
    with psycopg.connect(postgres_address) as session:
        rows = session.execute(
            "SELECT relname, reltuples FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = to_regnamespace(current_schema()::text)"
        )
        counted = dict(rows.fetchall())
    assert counted["event"] == 1
    assert counted["event_words"] == 1
    assert counted["photos"] == -1


def test_a_user_who_may_not_vacuum_is_told(postgres_address, postgres_server, request):
    """The server would only warn, and do nothing."""
    fill(postgres_address)
    role = f"test_{token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as session:
        schema = postgres_address.rpartition("%3D")[2]
        session.execute(f"CREATE ROLE {role} LOGIN")
        request.addfinalizer(lambda: _drop_role(postgres_server, role))
        session.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        session.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
    other = postgres_address.replace("postgresql://", f"postgresql://{role}@", 1)
    with pytest.raises(StoreError, match=r"vacuum.*use the user that owns the tables"):
        vacuum(other)


def _drop_role(server: str, role: str) -> None:
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(f"DROP OWNED BY {role}")
        session.execute(f"DROP ROLE {role}")
