"""P7 on PostgreSQL: from one version to the next."""

import asyncio

import psycopg
import pytest
from sqlalchemy import inspect

from bellbuoy.errors import AlreadyRunningError, StoreError, StoreNewerError
from bellbuoy.stores import migrations, postgres
from bellbuoy.stores.opening import open_store
from tests.postgres import schema
from tests.stores.samples import event
from tests.stores.test_migrations import next_version

__all__ = ["next_version"]


def engine(address):
    """To look, and to take steps."""
    parsed = postgres.parse(address)
    return postgres.engine(lambda: postgres.connect(parsed), size=1, writes=True)


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
    openings = [
        asyncio.to_thread(postgres.opened(postgres_address, poller=False).__enter__)
        for _ in range(4)
    ]
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


async def test_p7_a_store_in_use_by_an_older_poller_is_not_migrated(postgres_address, next_version):
    """A reader of a newer version takes no step under a running poller; alone it does."""
    async with open_store(postgres_address, poller=True) as older:
        next_version()
        for poller in (False, True):
            with pytest.raises(AlreadyRunningError, match="stop that one"):
                async with open_store(postgres_address, poller=poller):
                    pass
        assert await older.append([event(3)])
    async with open_store(postgres_address) as store:
        assert await store.last_seq() == 1
    assert "colour" in columns(postgres_address, "event")
