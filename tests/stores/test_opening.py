"""Which address means which store, and how a new database comes to be."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bellbuoy import platform
from bellbuoy.errors import StoreCorruptError, StoreError, StoreUnavailableError
from bellbuoy.platform import LockedError
from bellbuoy.stores import sqlite
from bellbuoy.stores.opening import open_store, sqlite_path
from tests.stores.samples import event


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("sqlite:////var/lib/bellbuoy/bellbuoy.db", "/var/lib/bellbuoy/bellbuoy.db"),
        ("/var/lib/bellbuoy/bellbuoy.db", "/var/lib/bellbuoy/bellbuoy.db"),
        ("/odd/100% #1 ä?.db", "/odd/100% #1 ä?.db"),
        ("sqlite:///here.db", f"{Path.cwd()}/here.db"),
        ("here.db", f"{Path.cwd()}/here.db"),
    ],
)
def test_an_address_means_a_file(address, path):
    """As an SQLAlchemy style address or as a plain path."""
    assert str(sqlite_path(address)) == path


@pytest.mark.parametrize(
    "address",
    [
        *("", ":memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://x.db"),
        *("sqlite:////x.db?mode=ro", "mysql://u:secret@host/db", "http://x", "a\0b"),
    ],
)
async def test_an_address_that_means_nothing_is_refused(address):
    """With what to write instead, and without a password."""
    with pytest.raises(StoreError) as caught:
        async with open_store(address):
            pass
    assert "memory:" in str(caught.value) or "sqlite:////" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["bellbuoy.db", "100% #1 ä?&.db", "sp ace.db"])
async def test_a_new_database_is_made_with_its_directories(tmp_path, name):
    """For its owner alone, whatever its name, and with no other file left."""
    path = tmp_path / "new" / "deep" / name
    async with open_store(str(path)) as store:
        await store.append([event(1)])
        log_id = store.log_id
        assert store.place == str(path)
    assert [each.name for each in path.parent.iterdir()] == [name]
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    async with open_store(f"sqlite:///{path}" if "?" not in name else str(path)) as store:
        assert store.log_id == log_id
        assert await store.last_seq() == 1


async def test_p3_the_name_of_a_new_database_is_put_on_disk(tmp_path, monkeypatch):
    """The directories that hold the new names are synchronised."""
    synced: list[Path] = []
    monkeypatch.setattr(platform, "sync_directory", synced.append)
    async with open_store(str(tmp_path / "a" / "b" / "bellbuoy.db")):
        assert {tmp_path, tmp_path / "a", tmp_path / "a" / "b"} <= set(synced)


async def test_two_that_make_the_same_database_share_it(database):
    """Whoever is second takes what the first one made."""
    opened = [open_store(str(database)) for _ in range(2)]
    stores = await asyncio.gather(*(each.__aenter__() for each in opened))
    assert stores[0].log_id == stores[1].log_id
    for each in opened:
        await each.__aexit__(None, None, None)


async def test_a_database_made_by_another_meanwhile_is_not_replaced(database, monkeypatch):
    """The name is given only if it is free, also where there are no hard links."""
    async with open_store(str(database)) as store:
        log_id = store.log_id
        sqlite._create(database)

        def no_links(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(os, "link", no_links)
        sqlite._create(database)
    async with open_store(str(database)) as store:
        assert store.log_id == log_id
    assert [each.name for each in database.parent.iterdir()] == [database.name]
    database.unlink()
    async with open_store(str(database)) as store:
        assert store.log_id != log_id


async def test_a_database_that_cannot_be_made_is_unavailable(tmp_path):
    """A file stands where its directory should be."""
    (tmp_path / "file").write_text("")
    for poller in (False, True):
        with pytest.raises(StoreUnavailableError, match="file"):
            async with open_store(str(tmp_path / "file" / "bellbuoy.db"), poller=poller):
                pass


async def test_a_lock_that_cannot_be_taken_is_unavailable(database):
    """Something else stands where the lock file should be."""
    database.with_name(database.name + ".lock").mkdir(parents=True)
    with pytest.raises(StoreUnavailableError, match="lock"):
        async with open_store(str(database), poller=True):
            pass


async def test_errors_of_those_who_use_a_store_pass_as_they_are(address):
    """Only what the database throws is the store's."""
    for error in (OSError("of somebody else"), LockedError()):
        with pytest.raises(type(error)) as caught:
            async with open_store(address, poller=True):
                raise error
        assert caught.value is error


@pytest.mark.parametrize("step", ["os.fsync", "os.link", "sqlite._build", "sqlite.sync_names"])
async def test_p1_a_crash_while_a_database_is_made_leaves_none_or_a_whole_one(database, step):
    """Killed before or in the middle of any step, the next start finds no half-made file."""
    database.parent.mkdir()
    script = (
        "import os\n"
        "from pathlib import Path\n"
        "from bellbuoy.stores import sqlite\n"
        f"{step} = lambda *_: os._exit(9)\n"
        f"sqlite.prepare(Path({str(database)!r}), locked=True)"
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script], timeout=60)
    assert done.returncode == 9
    async with open_store(str(database), poller=True) as store:
        assert await store.check() == ()
        assert await store.append([event(1)])


async def test_a_directory_is_not_a_database(tmp_path):
    """It is left alone."""
    with pytest.raises(StoreError):
        async with open_store(str(tmp_path)):
            pass


async def test_a_database_of_another_program_is_left_alone(database):
    """A SQLite file that is not ours is refused, and gets no table of ours."""
    import sqlite3
    from contextlib import closing

    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE photos (id)")
    before = database.read_bytes()
    with pytest.raises(StoreError, match="not one of Bellbuoy's"):
        async with open_store(str(database)):
            pass
    assert database.read_bytes() == before


async def test_a_file_that_vanished_is_not_made_anew(sql, database):
    """While it is in use, a missing file is an error of the next connection, not a new database."""
    sql._engine.dispose()
    database.rename(database.with_suffix(".away"))
    with pytest.raises(StoreUnavailableError):
        await sql.read_events()
    assert not database.exists()
    database.with_suffix(".away").rename(database)
    assert await sql.read_events() == ()


async def test_p4_an_empty_file_is_no_new_database(database):
    """We never leave one, so somebody emptied it: it is refused, with what to do."""
    database.parent.mkdir()
    database.touch()
    with pytest.raises(StoreCorruptError, match="bellbuoy store backup"):
        async with open_store(str(database)):
            pass
    assert database.stat().st_size == 0


async def test_p4_a_log_without_its_database_is_no_new_database(database):
    """A write-ahead log beside a missing file means that the file was taken away."""
    database.parent.mkdir()
    database.with_name(database.name + "-wal").write_bytes(b"left over")
    with pytest.raises(StoreCorruptError, match="missing"):
        async with open_store(str(database)):
            pass
    assert not database.exists()


@pytest.mark.parametrize("module", ["opening", "cursors", "memory"])
def test_what_is_heavy_is_imported_when_it_is_needed(module):
    """Neither SQLAlchemy for an address, nor Alembic for a database that is up to date."""
    script = f"import sys, bellbuoy.stores.{module}; print('sqlalchemy' in sys.modules)"
    assert _python(script) == "False"


def test_alembic_is_not_imported_for_a_new_or_current_database(database):
    """It costs more than all the rest of opening."""
    script = (
        "import asyncio, sys\n"
        "from bellbuoy.stores.opening import open_store\n"
        "async def main():\n"
        "    for poller in (True, False):\n"
        f"        async with open_store({str(database)!r}, poller=poller): pass\n"
        "asyncio.run(main())\n"
        "print('sqlalchemy' in sys.modules, 'alembic' in sys.modules)"
    )
    assert _python(script) == "True False"


def _python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()


@pytest.mark.parametrize("is_there", [False, True])
async def test_an_sqlite_without_full_text_is_refused_in_one_line(database, monkeypatch, is_there):
    """Before anything is made or touched, and it says what is missing."""
    from bellbuoy.stores import sqlite

    if is_there:
        async with open_store(str(database)):
            pass
    monkeypatch.setattr(sqlite, "_PROBE", "CREATE VIRTUAL TABLE probe USING fts99(words)")
    with pytest.raises(StoreError, match="FTS5") as refused:
        async with open_store(str(database), poller=True):
            pass
    assert "\n" not in str(refused.value)
    assert database.exists() is is_there
