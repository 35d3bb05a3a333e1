"""The single writer: what it shares, and what it keeps apart."""

import asyncio
import sqlite3
import threading

import pytest
from msgspec.structs import replace
from sqlalchemy import event as engine_events

from bellbuoy.errors import StoreError, StoreUnavailableError
from bellbuoy.stores import writer
from tests.stores.samples import NOW, event, incident, known, page, state, visit

PAGE = page().key


@pytest.fixture
def commits(sql):
    """The transactions that the store commits from now on."""
    seen: list[object] = []
    engine_events.listen(sql._engine, "commit", seen.append)
    return seen


async def hold(sql):
    """Keep the writer busy until the returned function is called."""
    release = threading.Event()
    busy = asyncio.create_task(sql._writer.run(lambda _: release.wait(30)))
    await asyncio.sleep(0)

    def let_go():
        release.set()
        return busy

    return let_go


async def test_visits_that_wait_share_a_transaction(sql, commits):
    """Two hundred at most; each is answered for itself."""
    release = await hold(sql)
    pages = [page(f"https://{number}.example") for number in range(writer.MOST_JOBS)]
    waiting = [
        asyncio.create_task(sql.commit(visit(None, None, event(1, of=of), of=of))) for of in pages
    ]
    await asyncio.sleep(0)
    release()
    answers = await asyncio.gather(*waiting)
    assert sum(map(len, answers)) == writer.MOST_JOBS
    assert len(commits) < 20


async def test_a_visit_alone_is_committed_alone(sql, commits):
    """It does not wait for company."""
    await sql.commit(visit(None, None, event(1)))
    assert len(commits) == 1


async def test_a_long_transaction_is_closed_early(sql, commits, monkeypatch):
    """So that other processes can write; what did not fit is still written, in order."""
    monkeypatch.setattr(writer, "LONGEST", 0.0)
    release = await hold(sql)
    waiting = [asyncio.create_task(sql.append([event(number)])) for number in range(5)]
    await asyncio.sleep(0)
    release()
    answers = await asyncio.gather(*waiting)
    assert [each.seq for (each,) in answers] == [1, 2, 3, 4, 5]
    assert len(commits) == 1 + 5


async def test_one_failing_visit_does_not_fail_the_others(sql):
    """A text that no database can hold fails its own visit and leaves nothing of it."""
    release = await hold(sql)
    bad = known(incident(title="half a character: \ud800"), page_key="https://bad.example")
    of = page("https://bad.example")
    waiting = [
        asyncio.create_task(sql.commit(visit(None, known(incident()), event(1)))),
        asyncio.create_task(sql.commit(visit(None, bad, event(2), of=of))),
        asyncio.create_task(sql.append([event(3)])),
    ]
    await asyncio.sleep(0)
    release()
    good, failed, other = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(failed, StoreError)
    assert [each.seq for each in (*good, *other)] == [1, 2]
    assert await sql.load_states([of.key]) == {}
    assert (await sql.load_known(PAGE)).incidents


async def test_a_bug_in_one_job_is_reported_as_itself(sql):
    """What is no fault of the database is not dressed up as one."""
    with pytest.raises(AttributeError):
        await sql.commit(visit(None, "not what is known"))
    assert await sql.append([event(1)])


async def test_a_visit_is_answered_after_its_commit(sql, ask):
    """Whoever asks the file right after the answer finds it there."""
    for number in range(20):
        await sql.append([event(number)])
        assert ask("SELECT max(seq) FROM event") == [(number + 1,)]


async def test_a_commit_that_fails_is_answered_to_everyone_in_it(sql, monkeypatch):
    """Nothing of the transaction is there, and the next one works."""
    # On a busy machine three jobs may be more than one transaction has time for.
    monkeypatch.setattr(writer, "LONGEST", 30.0)
    release = await hold(sql)
    waiting = [asyncio.create_task(sql.append([event(number)])) for number in range(3)]
    await asyncio.sleep(0)

    seen = []

    def refuse(connection):
        seen.append(connection)
        if len(seen) == 2:  # the first one is of the job that kept the writer busy
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error

    engine_events.listen(sql._engine, "commit", refuse)
    release()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, StoreError) for answer in answers)
    assert await sql.read_events() == ()
    assert [each.seq for each in await sql.append([event(9)])] == [1]


async def test_p2_when_sqlite_gives_up_the_transaction_nobody_in_it_is_answered_well(sql):
    """Some errors roll back everything so far: those before fail too, those behind are written."""

    def give_up(connection):
        connection.connection.driver_connection.execute("ROLLBACK")
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    release = await hold(sql)
    waiting = [
        asyncio.create_task(sql.append([event(1)])),
        asyncio.create_task(sql._writer.run(give_up)),
        asyncio.create_task(sql.append([event(3)])),
    ]
    await asyncio.sleep(0)
    release()
    before, at, behind = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(before, StoreUnavailableError)
    assert isinstance(at, StoreUnavailableError)
    assert [each.id for each in await sql.read_events()] == [each.id for each in behind]
    assert [each.id for each in behind] == [event(3).id]


async def test_p9_the_writer_has_no_task_that_could_die(sql):
    """Nobody can cancel it from outside, so nobody waits for ever."""
    release = await hold(sql)
    waiting = [asyncio.create_task(sql.append([event(number)])) for number in range(3)]
    await asyncio.sleep(0)
    busy = release()
    assert asyncio.all_tasks() == {*waiting, busy, asyncio.current_task()}
    assert [each.seq for (each,) in await asyncio.gather(*waiting)] == [1, 2, 3]


async def test_a_caller_cancelled_before_its_turn_writes_nothing(sql):
    """And those behind it are written."""
    release = await hold(sql)
    first, second = (asyncio.create_task(sql.append([event(number)])) for number in (1, 2))
    await asyncio.sleep(0)
    third = asyncio.create_task(sql.append([event(3)]))
    await asyncio.sleep(0)
    third.cancel()
    with pytest.raises(asyncio.CancelledError):
        await third
    release()
    await asyncio.gather(first, second)
    assert [each.id for each in await sql.read_events()] == [event(1).id, event(2).id]


async def test_a_caller_cancelled_in_its_turn_leaves_all_or_nothing(sql):
    """Whenever it is cancelled, the events and the knowledge of its visit are both there or not."""
    before = await sql.load_known(PAGE)
    for number in range(30):
        now = replace(before, gaps=number + 1)
        task = asyncio.create_task(sql.commit(visit(before, now, event(number))))
        for _ in range(number % 6):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.wait([task])
        await sql.save_states([state()])  # comes after it, in the writer's order
        before = await sql.load_known(PAGE)
        held = {each.id for each in await sql.read_events()}
        assert (event(number).id in held) == (before.gaps == number + 1)


async def test_closing_writes_what_waits(database):
    """And a store that is closed takes no more."""
    from bellbuoy.stores.opening import open_store

    async with open_store(str(database)) as opened:
        waiting = [asyncio.create_task(opened.append([event(number)])) for number in range(300)]
        await asyncio.sleep(0)
    assert all(task.done() and task.result() for task in waiting)
    with pytest.raises(StoreError, match="closed"):
        await opened.save_states([state()])
    async with open_store(str(database)) as opened:
        assert await opened.last_seq() == 300
        assert await opened.prune(NOW) == 0
