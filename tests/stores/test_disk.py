"""P2 to P4: a disk that is full, a power cut, a damaged file."""

import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import event as engine_events

from bellbuoy.errors import StoreCorruptError, StoreError, StoreUnavailableError
from bellbuoy.stores import Outgoing
from bellbuoy.stores.opening import open_store
from tests.stores.samples import (
    DAY,
    NOW,
    delivery,
    event,
    incident,
    known,
    page,
    state,
    update,
    visit,
)

PAGE = page().key


def full_disk(name):
    """What SQLite raises, with its code."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = getattr(sqlite3, name)
    return error


@pytest.mark.parametrize("fault", ["SQLITE_FULL", "SQLITE_IOERR_WRITE"])
async def test_p2_every_write_says_that_the_disk_refuses_and_recovers(sql, fault):
    """Each writing method raises StoreUnavailableError, writes nothing, and works again after."""
    (one,) = await sql.append([event(1)])
    await sql.dispatch("dispatcher", 1, Outgoing(new=(delivery(one),)))
    writes = {
        "commit": lambda: sql.commit(visit(None, known(incident()), event(2))),
        "save_states": lambda: sql.save_states([state()]),
        "append": lambda: sql.append([event(3)]),
        "write_cursor": lambda: sql.write_cursor("console", 1),
        "dispatch": lambda: sql.dispatch("dispatcher", 2, Outgoing(new=(delivery(one, "dev"),))),
        "settle": lambda: sql.settle(delivery(one, attempts=1)),
        "remember_reference": lambda: sql.remember_reference("ops", one.lane, "m"),
    }
    refusing = True

    def refuse(_connection, _cursor, statement, *_):
        if refusing and statement.startswith(("INSERT", "UPDATE")):
            raise full_disk(fault)

    engine_events.listen(sql._engine, "before_cursor_execute", refuse)
    before = _rows(sql.place)
    for write in writes.values():
        with pytest.raises(StoreUnavailableError, match="full"):
            await write()
        assert _rows(sql.place) == before
    refusing = False
    for write in writes.values():
        await write()
    assert await sql.last_seq() == 3


def _rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


async def test_p2_a_full_database_recovers_when_there_is_room_again(sql):
    """SQLite's own limit stands for the disk: it gives up the whole transaction, and comes back."""
    limits = engine_events.listens_for(sql._engine, "checkout")

    @limits
    def limit(connection, *_):
        connection.execute(f"PRAGMA max_page_count = {most}")

    most = 80
    written, refused = await _write_until_full(sql)
    assert 0 < written < 200
    assert isinstance(refused, StoreUnavailableError)
    assert len(await sql.read_events(limit=500)) == written
    assert await sql.check() == ()
    most = 1_000_000
    await sql.append([event(1000)])
    assert await sql.last_seq() == written + 1


async def _write_until_full(store):
    for number in range(200):
        of = page(f"https://{number}.example")
        long = incident(updates=(update(1, "x" * 5000),))
        try:
            await store.commit(visit(None, known(long, page_key=of.key), event(1, of=of), of=of))
        except StoreError as error:
            return number, error
    return 200, None


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 2 MB, if this system lets us mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_p2_a_full_disk_recovers_when_space_returns(small_disk):
    """For real: the file system is full, the store says so, and goes on once there is room."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 1_000_000)
    async with open_store(str(small_disk / "bellbuoy.db"), poller=True) as store:
        written, refused = await _write_until_full(store)
        assert isinstance(refused, StoreUnavailableError)
        assert 0 < written < 200
        assert len(await store.read_events()) == written
        with pytest.raises(StoreUnavailableError):
            await store.append([event(n, reason="x" * 10_000) for n in range(200)])
        ballast.unlink()
        await store.append([event(1000)])
        assert await store.last_seq() == written + 1
        assert await store.check() == ()
    async with open_store(str(small_disk / "bellbuoy.db"), poller=True) as store:
        assert await store.last_seq() == written + 1


async def test_p2_a_database_that_may_not_be_written_is_unavailable(sql):
    """Another process holds the write lock for longer than anybody waits."""
    from bellbuoy.stores import sqlite

    assert sqlite.BUSY_TIMEOUT >= 5
    sql._engine.dispose()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
        with closing(sqlite3.connect(sql.place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match="locked"):
                await sql.append([event(1)])
            assert await sql.read_events() == ()
    assert await sql.append([event(1)])


async def test_p3_every_connection_waits_for_the_disk(sql):
    """WAL and synchronous=FULL: what is committed is on disk before it is acknowledged."""
    with sql._engine.connect() as one, sql._engine.connect() as two:
        for connection in (one, two):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


WRITER = """
import asyncio, sys
from bellbuoy.stores.opening import open_store
from tests.stores.samples import event, incident, known, page, visit

async def main():
    async with open_store(sys.argv[1], poller=True) as store:
        async def one(number):
            of = page(f"https://{number}.example")
            now = known(incident(), page_key=of.key)
            await store.commit(visit(None, now, event(1, of=of), of=of))
            print(number, flush=True)
        for first in range(0, 100_000, 20):
            await asyncio.gather(*map(one, range(first, first + 20)))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 150])
async def test_p3_what_was_acknowledged_is_there_after_kill_9(database, lines):
    """A writer is killed after some acknowledgements: none is missing, nothing is half there."""
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WRITER, str(database)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    acknowledged = set()
    async with asyncio.timeout(60):
        for _ in range(lines):
            acknowledged.add(int(await writer.stdout.readline()))
        writer.send_signal(signal.SIGKILL)
        acknowledged.update(map(int, (await writer.stdout.read()).split()))
        await writer.wait()
    async with open_store(str(database), poller=True) as store:
        assert await store.check() == ()
        events = await store.read_events(limit=100_000)
        assert [each.seq for each in events] == list(range(1, len(events) + 1))
        there = {each.page.key for each in events}
        assert {f"https://{number}.example" for number in acknowledged} <= there
        assert set(await store.load_states(there)) == there
        for key in list(there)[:50]:
            assert (await store.load_known(key)).incidents == known(incident()).incidents


@pytest.fixture
async def sound(database):
    """The bytes of a sound database with something in every table that matters."""
    async with open_store(str(database), poller=True) as store:
        for number in range(60):
            of = page(f"https://{number}.example")
            now = known(incident(), incident("i2"), page_key=of.key)
            (one,) = await store.commit(visit(None, now, event(1, of=of), of=of))
            await store.dispatch("dispatcher", one.seq, Outgoing(new=(delivery(one),)))
    return database.read_bytes()


async def test_p4_flipped_bytes_are_never_taken_for_a_new_or_another_truth(
    sound, database, full_profile
):
    """Refused as damaged, found by `check`, or in a text: never empty, never a foreign error."""
    rng = random.Random(4)
    refused = 0
    for _ in range(400 if full_profile else 80):
        flipped = bytearray(sound)
        at = rng.randrange(len(sound))
        for place in range(at, min(at + rng.choice([1, 8, 64, 4096]), len(sound))):
            flipped[place] ^= rng.randrange(1, 256)
        refused += await _refuses_or_holds(database, bytes(flipped))
    assert refused > 20


async def test_p4_a_truncated_file_is_refused_with_a_hint(sound, database):
    """At whatever length it was cut: exit 3 and what to do, never a start from empty."""
    lengths = [1, 15, 16, 99, 100, 512, 4095, 4096, len(sound) // 2, len(sound) - 4096]
    for length in (*lengths, len(sound) - 1):
        database.write_bytes(sound[:length])
        with pytest.raises(StoreCorruptError, match="bellbuoy store backup"):
            async with open_store(str(database), poller=True):
                pass
        assert database.read_bytes() == sound[:length]


async def test_p4_another_kind_of_file_is_refused(database):
    """Text, or noise."""
    database.parent.mkdir()
    for content in (b"providers: [github]\n" * 300, random.Random(1).randbytes(9000)):
        database.write_bytes(content)
        with pytest.raises(StoreCorruptError, match=f"{database.name} is damaged"):
            async with open_store(str(database)):
                pass
        assert database.read_bytes() == content


async def test_p4_a_row_with_flipped_bytes_is_damage(sql, database, ask):
    """A blob that does not decode is named by `check`, and refused when it is read."""
    await sql.commit(visit(None, known(incident()), event(1)))
    ask("UPDATE event SET facts = x'c1ff'")
    ask("UPDATE incident SET facts = x'80'")
    with pytest.raises(StoreCorruptError, match="bellbuoy store backup"):
        await sql.read_events()
    with pytest.raises(StoreCorruptError):
        await sql.load_known(PAGE)
    problems = "\n".join(await sql.check())
    assert "event.facts" in problems
    assert "incident.facts" in problems


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE event_words_data SET block = x'00ff00ff' WHERE id > 10", "malformed"),
        ("DELETE FROM event_words_data WHERE id > 10", "malformed"),
        ("DELETE FROM event_words_docsize WHERE id < 3", "2 events cannot be found"),
        ("DELETE FROM event WHERE seq = 1", "1 events have only words"),
    ],
)
async def test_p4_damage_to_the_words_of_events_is_found(sql, ask, harm, said):
    """By `check`; what is read of them is refused, never taken for an answer."""
    await sql.append([event(n) for n in range(5)])
    assert await sql.check() == ()
    ask(harm)
    for _ in range(2):
        assert said in "\n".join(await sql.check())
    if said == "malformed":
        with pytest.raises(StoreCorruptError, match="bellbuoy store backup"):
            await sql.search_events("acme")
    assert len(await sql.latest_events()) >= 4


async def test_p4_a_damaged_event_leaves_the_log_in_its_time(sql, ask):
    """Pruning drops it with the others of its age, and then nothing is wrong any more."""
    await sql.append([event(n, observed_at=NOW + n * DAY) for n in range(3)])
    ask("UPDATE event SET facts = x'c1ff' WHERE seq = 1")
    assert await sql.check() != ()
    assert await sql.prune(NOW + 2 * DAY) == 2
    assert await sql.check() == ()
    assert [each.seq for each in await sql.search_events("acme")] == [3]


async def test_p4_a_database_without_its_log_is_damage(database, ask):
    """The identity of the log is part of it."""
    async with open_store(str(database)):
        pass
    ask("DELETE FROM log")
    with pytest.raises(StoreCorruptError, match="identity"):
        async with open_store(str(database)):
            pass


async def _refuses_or_holds(database, content):
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    database.write_bytes(content)
    try:
        async with open_store(str(database), poller=True) as store:
            with suppress(StoreError):
                await store.append([event(1)])
            problems = await store.check()
            assert problems or await store.last_seq() >= 60
            return bool(problems)
    except StoreError:
        assert database.stat().st_size >= len(content) - 4096
        return True
