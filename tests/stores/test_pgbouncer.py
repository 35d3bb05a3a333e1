"""M3: a PgBouncer between, which gives each transaction to whichever session is free."""

import asyncio
import threading
from urllib.parse import quote

import psycopg
import pytest

from bellbuoy.errors import LeaseLostError, StoreError, StoreUnavailableError
from bellbuoy.model.leases import Holding, shard
from bellbuoy.stores import postgres, postgres_notices
from bellbuoy.stores import sql as sql_module
from bellbuoy.stores.opening import is_there, open_store
from tests.stores.samples import event, known, page, visit, worker


@pytest.fixture
def direct(pooled_address, postgres_server) -> str:
    """The address of the same place, without a pooler."""
    user = psycopg.conninfo.conninfo_to_dict(pooled_address)["user"]
    sign = "&" if "?" in postgres_server else "?"
    return f"{postgres_server}{sign}options={quote(f'-csearch_path={user}')}"


async def until(condition):
    """Return when it is so."""
    while not condition():  # noqa: ASYNC110 - of threads and other processes
        await asyncio.sleep(0.01)


def settings(connection) -> tuple[str, str]:
    """What holds in this transaction: how long it may stand still, and when it is on disk."""
    asked = "SELECT current_setting('idle_in_transaction_session_timeout'), "
    return tuple(connection.exec_driver_sql(f"{asked} current_setting('synchronous_commit')").one())


def test_m3_a_pooler_is_seen(pooled_address, postgres_address):
    """Through it nothing is prepared and nothing is listened for; without it both are."""
    pooled, direct = postgres.parse(pooled_address), postgres.parse(postgres_address)
    with postgres.connect(pooled) as session:
        assert session.prepare_threshold is None
    with postgres.connect(direct) as session:
        assert session.prepare_threshold == 5
    assert postgres.connect_to_listen(pooled) is None
    with postgres.connect_to_listen(direct) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


async def test_m3_a_store_is_made_and_found_again(pooled_address):
    """In the schema of the user, who was given it by ALTER ROLE."""
    assert not is_there(pooled_address)
    async with open_store(pooled_address, poller=True) as store:
        await store.append([event(1)])
    assert is_there(pooled_address)
    async with open_store(pooled_address) as store:
        assert await store.last_seq() == 1
        assert await store.check() == ()


async def test_m3_every_transaction_says_what_it_needs(pooled_address, direct):
    """In whichever session it is, and nothing of it stays there for those who come next."""
    user = psycopg.conninfo.conninfo_to_dict(pooled_address)["user"]
    with psycopg.connect(direct, autocommit=True) as session:
        session.execute(f"ALTER ROLE {user} SET synchronous_commit = off")
    async with open_store(pooled_address) as one, open_store(pooled_address) as two:
        found = await asyncio.gather(
            *(writer.run(settings) for _ in range(20) for writer in (one._writer, two._leasing))
        )
    assert set(found) == {("10s", "on")}
    with psycopg.connect(pooled_address, autocommit=True) as session:
        assert session.execute("SHOW synchronous_commit").fetchone() == ("off",)
        assert session.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("0",)


async def test_m3_two_workers_write_through_it(pooled_address):
    """Hundreds of times the same statements, at once, in two sessions: all arrive in order."""
    async with (
        open_store(pooled_address, poller=True) as one,
        open_store(pooled_address, poller=True) as two,
    ):
        workers = []
        for number, store in enumerate((one, two), 1):
            await store.renew(worker(str(number)))
            (lease,) = await store.claim(str(number), {shard(number): None})
            workers.append((page(f"https://{number}.example"), store.under(lease)))

        async def write(of, store):
            before = None
            for number in range(60):
                now = known(page_key=of.key, gaps=number)
                await store.commit(visit(before, now, event(number, of=of), of=of))
                assert (await store.load_known(of.key)).gaps == number
                before = now

        await asyncio.gather(*(write(*each) for each in workers))
        events = await one.read_events()
        assert [each.seq for each in events] == list(range(1, 121))
        roster = await two.roster()
        assert [(each.worker.id, each.is_live) for each in roster.members] == [
            ("1", True),
            ("2", True),
        ]


async def test_m3_m2_a_paused_worker_writes_nothing_through_it(pooled_address, monkeypatch, caplog):
    """It stands still in the middle of a write, is ended, and its lease is another's meanwhile."""
    monkeypatch.setattr(postgres, "STALLED_AFTER", "200ms")
    async with open_store(pooled_address) as paused, open_store(pooled_address) as other:
        (lease,) = await paused.claim("one", {shard(1): None})
        begun, release = threading.Event(), threading.Event()

        def pause(connection):
            connection.exec_driver_sql("UPDATE log SET seq = 99")
            begun.set()
            release.wait(30)

        stuck = asyncio.create_task(paused._writer.run(pause))
        await asyncio.to_thread(begun.wait, 30)
        async with asyncio.timeout(20):
            (taken,) = await other.claim("two", {shard(1): Holding("one", 1)})
            assert [each.seq for each in await other.under(taken).append([event(1)])] == [1]
        release.set()
        with pytest.raises(StoreUnavailableError):
            await stuck
        with pytest.raises(LeaseLostError):
            await paused.under(lease).append([event(2)])
        assert [each.seq for each in await paused.read_events()] == [1]
    assert caplog.messages == []


async def test_m3_events_are_looked_for_where_none_can_be_heard_of(pooled_address, monkeypatch):
    """Once a second, here more often; and it is not tried again to listen."""
    monkeypatch.setattr(sql_module, "_LOOK_EVERY", 0.02)
    monkeypatch.setattr(postgres_notices, "AGAIN_AFTER", 0.0)
    tried = []
    connect = postgres.connect_to_listen
    monkeypatch.setattr(
        postgres, "connect_to_listen", lambda address: tried.append(address) or connect(address)
    )
    async with open_store(pooled_address) as reader, open_store(pooled_address) as writer:
        async with asyncio.timeout(20):
            for number in range(3):
                waiting = asyncio.create_task(reader.wait_for_events(number))
                await until(lambda: tried and reader._database._notices._opening.done())
                await writer.append([event(number)])
                await waiting
    assert len(tried) == 1


async def test_m3_who_is_connected_directly_hears_of_it_at_once(
    pooled_address, direct, monkeypatch
):
    """A notice passes the pooler in that direction."""
    monkeypatch.setattr(sql_module, "_LOOK_EVERY", 30)
    async with open_store(pooled_address) as writer, open_store(direct) as reader:
        async with asyncio.timeout(20):
            waiting = asyncio.create_task(reader.wait_for_events(0))
            await until(lambda: reader._database._notices._session is not None)
            await writer.append([event(1)])
            await waiting


async def test_m3_a_search_path_in_the_address_is_refused_with_the_cure(pooled_address):
    """The pooler takes no options."""
    with pytest.raises(StoreError, match=r"say them with ALTER ROLE .* SET search_path") as caught:
        async with open_store(f"{pooled_address}?options=-csearch_path%3Dother"):
            pass
    assert "pooled@" not in str(caught.value)
