"""From one store to another: nothing lost, and killed anywhere."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bellbuoy.errors import AlreadyRunningError, CursorError, StoreError
from bellbuoy.stores import exported, sqlite, unfinished
from bellbuoy.stores.cursors import format_cursor, parse_cursor
from bellbuoy.stores.exported import Mark
from bellbuoy.stores.exporting import export
from bellbuoy.stores.opening import open_database, open_store
from tests import postgres
from tests.stores.moving import exported_to, fill, imported_from
from tests.stores.samples import NOW, event, page, state, worker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path) -> Path:
    """Where an export may be made."""
    return tmp_path / "bellbuoy.jsonl"


def whole(address: str) -> None:
    """See that a store is sound and answers as the one did that was filled."""
    asyncio.run(_whole(address))


async def _whole(address: str) -> None:
    async with open_store(address, poller=True) as store:
        assert await store.check() == ()
        assert [each.seq for each in await store.search_events("storung 2")] == [3]
        assert await store.read_cursor("console") == 2**63 - 1
        ((waiting, _),) = await store.due_deliveries("ops", NOW)
        assert waiting.seq == 1
        known = await store.load_known("https://2.example")
        assert known.incidents["i1"].updates[1].body == "Found it."
        assert known.incidents["i2"].title == "Überstanden\n\u2028 ✓"
        (new,) = await store.append([event(77)])
        assert new.seq == 5


async def test_nothing_is_lost_on_the_way_to_postgresql_and_back(
    database, postgres_address, tmp_path
):
    """Every row of every table is the same there and here again, and so is the log."""
    log = await asyncio.to_thread(fill, str(database))
    first = await asyncio.to_thread(exported_to, str(database), tmp_path / "1.jsonl")
    await asyncio.to_thread(imported_from, tmp_path / "1.jsonl", postgres_address)
    second = await asyncio.to_thread(exported_to, postgres_address, tmp_path / "2.jsonl")
    back = tmp_path / "back.db"
    await asyncio.to_thread(imported_from, tmp_path / "2.jsonl", str(back))
    third = await asyncio.to_thread(exported_to, str(back), tmp_path / "3.jsonl")
    assert first == second == third
    for address in (postgres_address, str(back)):
        await asyncio.to_thread(whole, address)
        async with open_store(address) as store:
            assert parse_cursor(format_cursor(log, 3), store.log_id) == 3


async def test_a_new_log_refuses_the_places_of_the_old_one(shared, tmp_path, file):
    """A copy that goes on beside its original gives the same numbers to other events."""
    log = await asyncio.to_thread(fill, shared)
    await asyncio.to_thread(exported_to, shared, file)
    copy = str(tmp_path / "copy.db")
    for _ in range(2):
        await asyncio.to_thread(imported_from, file, copy, new_log=True)
    async with open_store(copy) as store:
        assert await store.last_seq() == 4
        with pytest.raises(CursorError):
            parse_cursor(format_cursor(log, 3), store.log_id)
    with pytest.raises(StoreError, match="not empty"):
        await asyncio.to_thread(imported_from, file, copy)


async def test_an_export_is_the_store_at_one_instant(shared, tmp_path, file):
    """What is recorded while it runs is wholly left out."""
    await asyncio.to_thread(fill, shared)
    before = await asyncio.to_thread(exported_to, shared, file)
    async with open_store(shared, poller=True) as store:
        loop = asyncio.get_running_loop()

        def record(done: int, _total: int) -> None:
            new = event(100 + done, of=page("https://meanwhile.example"))
            asyncio.run_coroutine_threadsafe(store.append([new]), loop).result(30)

        def run() -> None:
            with open_database(shared) as database, file.open("wb") as stream:
                export(database, stream, "x", record)

        await asyncio.to_thread(run)
        assert await store.last_seq() > 4
    assert file.read_bytes() == before
    assert await asyncio.to_thread(exported_to, shared, tmp_path / "after") != before


async def test_a_store_with_something_in_it_is_no_place_for_an_import(shared, tmp_path, file):
    """It is left as it is; the same export again is no harm once it is all there."""
    await asyncio.to_thread(fill, str(tmp_path / "from.db"))
    await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), file)
    async with open_store(shared) as store:
        await store.append([event(1)])
    with pytest.raises(StoreError, match=r"is not empty: it holds 0 pages and 1 events.*--store"):
        await asyncio.to_thread(imported_from, file, shared)
    async with open_store(shared) as store:
        assert await store.last_seq() == 1
    other = str(tmp_path / "to.db")
    for _ in range(2):
        await asyncio.to_thread(imported_from, file, other)
    await asyncio.to_thread(whole, other)


async def test_a_log_of_which_everything_was_dropped_is_not_empty(sql, tmp_path, file):
    """Its numbers were given, and may be known to readers."""
    await asyncio.to_thread(fill, str(tmp_path / "from.db"))
    await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), file)
    await sql.append([event(1, observed_at=NOW)])
    assert await sql.prune(NOW.replace(year=NOW.year + 1)) == 1
    with pytest.raises(AlreadyRunningError):
        await asyncio.to_thread(imported_from, file, sql.place)
    await sql.close()
    copied = tmp_path / "copied.db"
    sqlite.copy(Path(sql.place), copied)
    with pytest.raises(StoreError, match="not empty"):
        await asyncio.to_thread(imported_from, file, str(copied))


async def test_an_empty_store_can_be_moved_too(shared, tmp_path, file):
    """It stays the same log, before its first number."""
    async with open_store(shared) as store:
        log = store.log_id
    await asyncio.to_thread(exported_to, shared, file)
    await asyncio.to_thread(imported_from, file, str(tmp_path / "to.db"))
    async with open_store(str(tmp_path / "to.db"), poller=True) as store:
        assert (store.log_id, await store.last_seq()) == (log, 0)


async def test_half_a_store_is_opened_by_nobody_until_the_same_import_ends_it(
    shared, tmp_path, file, monkeypatch
):
    """Neither to poll nor to read; another export does not go on from there."""
    monkeypatch.setattr(exported, "ROWS", 3)
    await asyncio.to_thread(fill, str(tmp_path / "from.db"))
    await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), file)
    async with open_store(str(tmp_path / "from.db")) as store:
        await store.write_cursor("another reader", 1)
    other = tmp_path / "other.jsonl"
    await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), other)

    def stop(done: int, _total: int) -> None:
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(imported_from, file, shared, stop)
    for poller in (True, False):
        with pytest.raises(StoreError, match=r"is not whole.*after 2\d rows.*store import"):
            async with open_store(shared, poller=poller):
                pass
    with pytest.raises(StoreError, match="is not whole"):
        await asyncio.to_thread(exported_to, shared, tmp_path / "half.jsonl")
    with pytest.raises(StoreError, match=r"other\.jsonl is not the export whose first 2\d rows"):
        await asyncio.to_thread(imported_from, other, shared)
    done: list[int] = []
    await asyncio.to_thread(imported_from, file, shared, lambda n, _: done.append(n))
    assert done[0] > 20
    await asyncio.to_thread(whole, shared)


@pytest.mark.parametrize("when", ["first", "last"])
async def test_whoever_writes_beside_an_import_is_found_out(shared, tmp_path, file, when):
    """One that had the empty store open before: its rows never pass for moved ones."""
    await asyncio.to_thread(fill, str(tmp_path / "from.db"))
    await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), file)
    async with open_store(shared) as other:
        loop = asyncio.get_running_loop()

        def disturb(done: int, total: int) -> None:
            if when == "first" and done < 10:
                wish = other.append([event(1000 + done)])
            elif when == "last" and done == total:
                wish = other.save_states([state("https://beside.example")])
            else:
                return
            asyncio.run_coroutine_threadsafe(wish, loop).result(30)

        def run() -> None:
            imported_from(file, shared, disturb)

        with pytest.raises(StoreError, match="another process wrote"):
            await asyncio.to_thread(run)
    with pytest.raises(StoreError, match="is not whole"):
        async with open_store(shared, poller=True):
            pass


@pytest.mark.parametrize("when", ["before", "during"])
async def test_p5_a_worker_that_is_there_is_to_be_stopped_first(shared, tmp_path, file, when):
    """It would go on with the log as it knew it; once it is gone the same import ends."""
    await asyncio.to_thread(fill, str(tmp_path / "from.db"))
    await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), file)
    async with open_store(shared) as other:
        loop = asyncio.get_running_loop()

        def come(done: int = 0, total: int = 0) -> None:
            if done == total:
                asyncio.run_coroutine_threadsafe(other.renew(worker("one")), loop).result(30)

        def run() -> None:
            if when == "before":
                come()
            imported_from(file, shared, come)

        with pytest.raises(AlreadyRunningError, match=r"is in use: stop one\.example:1"):
            await asyncio.to_thread(run)
        await other.retire("one")
    await asyncio.to_thread(imported_from, file, shared)
    await asyncio.to_thread(whole, shared)


async def test_of_two_imports_into_one_store_one_ends(shared, file, tmp_path):
    """Each batch says from where it goes on, so no row is written twice."""
    async with open_store(shared):
        pass
    one, two, three = (Mark(n, str(n)) for n in (1, 2, 3))

    def run() -> None:
        with open_database(shared, poller=True) as database:
            with database.writing.begin() as connection:
                unfinished.begin(connection, one)
                unfinished.move(connection, "x", one, two)
            for late in (
                lambda connection: unfinished.move(connection, "x", one, three),
                lambda connection: unfinished.end(connection, "x", one),
            ):
                with (
                    pytest.raises(AlreadyRunningError, match="another process imports into x"),
                    database.writing.begin() as connection,
                ):
                    late(connection)
            with database.writing.begin() as connection:
                assert unfinished.find(connection) == two
                unfinished.end(connection, "x", two)
                assert unfinished.find(connection) is None

    await asyncio.to_thread(run)


async def test_a_damaged_event_is_carried_as_it_is(tmp_path, file):
    """It keeps its place, and `check` names it there as here."""
    import sqlite3
    from contextlib import closing

    await asyncio.to_thread(fill, str(tmp_path / "from.db"))
    with closing(sqlite3.connect(tmp_path / "from.db")) as connection, connection:
        connection.execute("UPDATE event SET facts = x'c1ff' WHERE seq = 2")
    await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), file)
    await asyncio.to_thread(imported_from, file, str(tmp_path / "to.db"))
    async with open_store(str(tmp_path / "to.db")) as store:
        problems = "\n".join(await store.check())
        assert "event.facts" in problems
        assert [each.seq for each in await store.search_events("storung")] == [4, 3, 1]


def killed(address: str, file: Path, step: int) -> int:
    """The exit code of an import that kills itself at this step."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.stores.killed_import", address, str(file), str(step)],
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
    return done.returncode


@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_p1_an_import_killed_anywhere_goes_on_to_the_same_rows(
    kind, request, tmp_path, file, full_profile
):
    """Killed at a statement or a commit of a process of its own, and begun again until it ends.

    The same step kills it anew each time, so one store sees two kills.
    """
    await asyncio.to_thread(fill, str(tmp_path / "from.db"))
    wanted = await asyncio.to_thread(exported_to, str(tmp_path / "from.db"), file)
    server = request.getfixturevalue("postgres_server") if kind == "postgresql" else None
    steps = range(1, 600, 11) if full_profile else (3, 60, 150, 250)
    for step in steps:
        if server is None:
            survived = await _kill_and_resume(str(tmp_path / f"{step}.db"), file, step, wanted)
        else:
            with postgres.schema(server) as address:
                survived = await _kill_and_resume(address, file, step, wanted)
        if survived:
            assert step > 250
            break


async def _kill_and_resume(address: str, file: Path, step: int, wanted: bytes) -> bool:
    """Whether that step never came."""
    first = code = await asyncio.to_thread(killed, address, file, step)
    if code:
        code = await asyncio.to_thread(killed, address, file, step)
    await asyncio.to_thread(imported_from, file, address)
    again = file.with_suffix(".again")
    assert await asyncio.to_thread(exported_to, address, again) == wanted
    await asyncio.to_thread(whole, address)
    return first == 0


MANY = """
import sys
from bellbuoy.platform import max_rss_bytes
from bellbuoy.stores.exported import Export
from bellbuoy.stores.exporting import export
from bellbuoy.stores.importing import load
from bellbuoy.stores.opening import open_database
what, address, file = sys.argv[1:]
told = lambda done, total: None
with open_database(address, poller=what == "import", unfinished_too=True) as database:
    if what == "export":
        with open(file, "wb") as stream:
            export(database, stream, file, told)
    else:
        with open(file, "rb") as stream:
            load(database, Export(stream, file), told)
print(max_rss_bytes())
"""


def record_many(address: str, number: int) -> None:
    """Record events of some length, many in one transaction."""
    from bellbuoy.stores import eventlog

    with open_database(address) as database:
        for first in range(0, number, 2000):
            some = range(first, min(first + 2000, number))
            with database.writing.begin() as connection:
                eventlog.append(
                    connection,
                    [event(n, about=f"i{n // 5}", title=f"Elevated errors {n}") for n in some],
                )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_many_events_take_no_more_memory_than_few(kind, request, tmp_path, full_profile):
    """Two hundred thousand in the full profile: they stream through, both ways."""

    def most_bytes(number: int) -> dict[str, int]:
        folder = tmp_path / str(number)
        folder.mkdir()
        record_many(str(folder / "from.db"), number)
        found = {}
        with postgres.schema(request.getfixturevalue("postgres_server")) as place:
            there = place if kind == "postgresql" else str(folder / "to.db")
            for what, address in (
                ("export", str(folder / "from.db")),
                ("import", there),
                ("export", there),
            ):
                done = subprocess.run(
                    [sys.executable, "-c", MANY, what, address, str(folder / "x.jsonl")],
                    check=True,
                    capture_output=True,
                    text=True,
                    cwd=ROOT,
                    timeout=300,
                )
                found[f"{what} {address == there}"] = int(done.stdout)
        return found

    few, many = most_bytes(2000), most_bytes(200_000 if full_profile else 8_000)
    for what, size in many.items():
        assert size < few[what] + 8 * 1024 * 1024, (what, few[what], size)
