"""P5: several processes on one store, and waiting for each other's events."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bellbuoy.errors import AlreadyRunningError, StoreUnavailableError
from bellbuoy.stores import sql as sql_module
from bellbuoy.stores import sqlite
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.opening import open_store
from tests.stores.older import fixture, make_postgres
from tests.stores.samples import event, known, page, visit

BESIDE = """
import asyncio, sys
from bellbuoy.errors import AlreadyRunningError
from bellbuoy.stores.opening import open_store
from tests.stores.samples import event

async def main():
    try:
        async with open_store(sys.argv[1], poller=True):
            print("polls")
    except AlreadyRunningError as error:
        print(error)
    async with open_store(sys.argv[1]) as store:
        print([each.seq for each in await store.read_events()])
        await store.write_cursor("beside", 1)
        print([each.seq for each in await store.append([event(2)])])

asyncio.run(main())
"""


def beside(address) -> list[str]:
    """What another process sees and does."""
    done = subprocess.run(
        [sys.executable, "-c", BESIDE, address],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    return done.stdout.splitlines()


async def test_p5_others_read_and_write_beside_the_one_who_polls(shared):
    """A short write of theirs and ours both arrive; a second poller is sent away from a file."""
    async with open_store(shared, poller=True) as poller:
        await poller.append([event(1)])
        polls, read, wrote = await asyncio.to_thread(beside, shared)
        if poller.is_shared:
            assert polls == "polls"
        else:
            assert poller.place in polls
            assert "bellbuoy events --follow" in polls
        assert (read, wrote) == ("[1]", "[2]")
        assert await poller.read_cursor("beside") == 1
        assert [each.seq for each in await poller.append([event(2), event(3)])] == [3]


OPENS = """
import asyncio, sys
from bellbuoy.stores import sql  # so that they begin together
from bellbuoy.stores.opening import open_store

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    async with open_store(sys.argv[1]) as store:
        print("alembic" in sys.modules, await store.last_seq())

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_p7_of_ten_processes_that_open_an_older_store_one_migrates(kind, database, request):
    """They begin together; one takes the steps, and all go on."""
    if kind == "postgresql":
        address = request.getfixturevalue("postgres_address")
        make_postgres(address, "0003")
    else:
        address = str(database)
        database.parent.mkdir()
        shutil.copy(fixture("0003"), database)
    command = [sys.executable, "-c", OPENS, address]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as held:
        ten = [held.enter_context(subprocess.Popen(command, **pipes)) for _ in range(10)]
        assert {each.stdout.readline() for each in ten} == {"ready\n"}
        for each in ten:
            each.stdin.write("\n")
            each.stdin.flush()
        said = sorted(each.communicate(timeout=60)[0] for each in ten)
    assert said == ["False 3\n"] * 9 + ["True 3\n"]


@pytest.fixture
def unlogged(database) -> Path:
    """A file that other means put back, so it has no write-ahead log yet."""
    sqlite.prepare(database, locked=False)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    return database


async def test_p7_a_file_without_a_log_is_waited_for_while_another_writes_it(unlogged, monkeypatch):
    """The log is begun by whoever comes first, and nobody is sent away meanwhile."""
    with closing(sqlite3.connect(unlogged, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waited = []
        monkeypatch.setattr(sqlite, "sleep", lambda _: waited.append(other.execute("ROLLBACK")))
        async with open_store(str(unlogged)) as store:
            assert await store.last_seq() == 0
        assert len(waited) == 1


def test_p7_a_file_without_a_log_that_never_gets_free_is_told_of(unlogged):
    """Waiting has an end."""
    with closing(sqlite3.connect(unlogged, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="database is locked"), mapped("here"):
            sqlite.connect(unlogged, patience=0.05).connect()


async def test_p5_the_lock_goes_with_the_poller(database):
    """Whoever comes after it may poll; a lock file left behind is no lock."""
    for _ in range(2):
        async with open_store(str(database), poller=True):
            with pytest.raises(AlreadyRunningError):
                async with open_store(str(database), poller=True):
                    pass
        assert database.with_name(database.name + ".lock").exists()


async def test_p5_stores_in_memory_are_each_their_own():
    """Nobody shares them, so nobody is sent away."""
    async with open_store("memory:", poller=True) as one, open_store("memory:", poller=True) as two:
        assert one.log_id != two.log_id


async def test_p5_two_writers_lose_nothing(shared):
    """Many writes from two stores in one place at once: all arrive, numbers are unique."""
    async with open_store(shared, poller=True) as one, open_store(shared) as two:
        answers = await asyncio.gather(
            *(store.append([event(n, of=of)]) for n in range(100) for store, of in _both(one, two))
        )
        seqs = [each.seq for (each,) in answers]
        assert sorted(seqs) == list(range(1, 201))
        assert await one.read_events() == await two.read_events()


def _both(one, two):
    return (one, page("https://one.example")), (two, page("https://two.example"))


async def test_p5_a_reader_sees_one_instant(shared):
    """Events and knowledge are read as one commit left them, while another one writes."""
    of = page()
    async with open_store(shared, poller=True) as poller, open_store(shared) as other:

        async def write():
            before = await poller.load_known(of.key)
            for number in range(1, 60):
                now = known(gaps=number, entries={str(number): "x"})
                await poller.commit(visit(before, now, event(number)))
                before = now

        writing = asyncio.create_task(write())
        while not writing.done():
            found = await other.load_known(of.key)
            assert found.entries == ({str(found.gaps): "x"} if found.gaps else {})
        await writing


async def test_an_event_of_another_process_is_noticed(database, monkeypatch):
    """Without a bell between processes, the log is looked at again and again."""
    monkeypatch.setattr(sql_module, "_LOOK_EVERY", 0.02)
    async with open_store(str(database), poller=True) as poller, open_store(str(database)) as other:
        waiting = asyncio.create_task(other.wait_for_events(0))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await poller.append([event(1)])
        async with asyncio.timeout(5):
            await waiting


async def test_looking_for_events_of_others_is_rare():
    """At most once a second, so that waiting costs nothing."""
    assert sql_module._LOOK_EVERY == 1.0
