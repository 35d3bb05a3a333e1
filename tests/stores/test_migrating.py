"""P7 by command: from every schema that was released, on both databases, by many at once."""

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from bellbuoy.errors import AlreadyRunningError, StoreError
from bellbuoy.stores import migrations, sqlite
from bellbuoy.stores.migrating import migrate
from bellbuoy.stores.opening import open_database, open_store
from tests.stores.older import VERSIONS, fixture, make_postgres

ROOT = Path(__file__).parents[2]
OLDER = tuple(version for version in VERSIONS if version != migrations.HEAD)


def put_file(version: str, path: Path) -> None:
    """A file as the Bellbuoy of that schema left it."""
    path.parent.mkdir(exist_ok=True)
    shutil.copy(fixture(version), path)


@pytest.fixture(params=["sqlite", "postgresql"])
def old_store(request, database):
    """Call it with a version: the address of a store that has that schema."""

    def make(version: str) -> str:
        if request.param == "sqlite":
            put_file(version, database)
            return str(database)
        address = request.getfixturevalue("postgres_address")
        make_postgres(address, version)
        return address

    return make


async def sound(address: str) -> None:
    """See that a fixture's rows are all there and answer today's questions."""
    async with open_store(address, poller=True) as store:
        assert await store.check() == ()
        assert store.log_id == "5c0e7a3d1b9f4826"
        assert [each.seq for each in await store.search_events("trouble ac")] == [2, 1]
        assert await store.read_cursor("console") == 2
        assert [key.key for _, key in await store.incidents()] == ["i2", "i1"]
        assert await store.disabled() == {"dev"}


@pytest.mark.parametrize("version", VERSIONS)
def test_p7_a_store_of_every_released_schema_is_brought_up_to_date(old_store, version):
    """It is said from which schema to which; the second time there is nothing to do."""
    address = old_store(version)
    done = migrate(address)
    assert (done.before, done.after) == (version, migrations.HEAD)
    assert (done.copy is not None) == ("://" not in address and version != migrations.HEAD)
    if done.copy is not None:
        assert sqlite.version(done.copy) == version
    again = migrate(address)
    assert (again.before, again.after, again.copy) == (migrations.HEAD, migrations.HEAD, None)
    asyncio.run(sound(address))


@pytest.mark.parametrize("version", OLDER[:1])
def test_p7_ten_processes_at_once_bring_it_up_to_date_once(old_store, version):
    """One takes the steps, the others wait; none fails, and nothing is twice."""
    address = old_store(version)
    script = (
        "import sys; from bellbuoy.stores.migrating import migrate; sys.stdin.read(1); "
        f"print(migrate({address!r}).after)"
    )
    command = [sys.executable, "-c", script]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    with ExitStack() as held:
        ten = [
            held.enter_context(
                subprocess.Popen(command, **pipes, text=True, cwd=ROOT, env=environment)
            )
            for _ in range(10)
        ]
        for process in ten:
            process.stdin.write("x")
            process.stdin.flush()
        for process in ten:
            out, err = process.communicate(timeout=100)
            assert (process.returncode, out.strip(), err) == (0, migrations.HEAD, "")
    asyncio.run(sound(address))


@pytest.mark.parametrize("version", OLDER[:1])
def test_p5_a_file_that_an_older_one_polls_with_is_left_alone(database, version):
    """Its poller would write into tables that it does not know."""
    put_file(version, database)
    with (
        sqlite.poller_lock(database),
        pytest.raises(AlreadyRunningError, match="stop that one, then start this again"),
    ):
        migrate(str(database))
    assert sqlite.version(database) == version
    assert not sqlite.copy_before(database, version).exists()


@pytest.mark.parametrize("version", OLDER[:1])
def test_p7_whoever_waited_for_another_one_takes_no_step(database, version, monkeypatch):
    """It looks again once it has the database for itself."""
    put_file(version, database)
    first_look = sqlite._version
    looks = []

    def look(path: Path) -> str:
        found = first_look(path)
        if not looks:
            looks.append(found)
            with open_database(str(database)):
                pass
            sqlite.copy_before(database, version).unlink()
        return found

    monkeypatch.setattr(sqlite, "_version", look)
    with open_database(str(database)):
        pass
    assert not sqlite.copy_before(database, version).exists()


def test_a_server_whose_version_is_unreadable_is_damaged(postgres_address):
    """It is not taken for a new one."""
    with open_database(postgres_address):
        pass
    with psycopg.connect(postgres_address, autocommit=True) as session:
        session.execute("UPDATE alembic_version SET version_num = 'x'")
    with pytest.raises(StoreError, match="not readable"):
        migrate(postgres_address)
