"""Many workers that want the same at the same time, on a real PostgreSQL."""

import asyncio
import random
import threading
from collections import defaultdict
from contextlib import AsyncExitStack
from functools import partial

import psycopg
import pytest

from bellbuoy.errors import LeaseLostError
from bellbuoy.model.delivery import Matcher, Silence
from bellbuoy.model.leases import Lease, shard
from bellbuoy.stores import Outgoing, eventlog, sql
from bellbuoy.stores.opening import open_store
from tests.conftest import PROFILE
from tests.stores.samples import (
    DAY,
    NOW,
    delivery,
    event,
    known,
    page,
    state,
    untold,
    visit,
    worker,
)

NAMES = [shard(number) for number in range(6)]
KEYS = [f"https://{number}.example" for number in range(6)]
SEEDS = range(20) if PROFILE == "full" else range(2)
STEPS = 40
XID = "SELECT pg_current_xact_id()::text"


async def open_all(held: AsyncExitStack, address: str, count: int):
    """As many workers' stores in one place, each with threads and sessions of its own."""
    return [await held.enter_async_context(open_store(address, poller=True)) for _ in range(count)]


async def test_m2_of_ten_who_claim_the_same_leases_each_is_got_by_one(postgres_address):
    """Ten at once, again and again: first leases that nobody ever had, then each other's."""
    async with AsyncExitStack() as held:
        stores = await open_all(held, postgres_address, 10)
        for turn in range(1, 21):
            seen = (await stores[0].roster()).holdings
            wanted = {name: seen.get(name) for name in random.sample(NAMES, len(NAMES))}
            taken = await asyncio.gather(
                *(store.claim(str(number), wanted) for number, store in enumerate(stores))
            )
            got = sorted((lease.name, lease.epoch) for each in taken for lease in each)
            assert got == [(name, turn) for name in NAMES]
            holdings = (await stores[0].roster()).holdings
            assert {name: int(holding.owner) for name, holding in holdings.items()} == {
                lease.name: number for number, each in enumerate(taken) for lease in each
            }


async def test_two_who_write_the_same_rows_crosswise_come_one_after_the_other(postgres_address):
    """Each writes first what the other one writes last."""
    begun = {"a": threading.Event(), "b": threading.Event()}

    def crosswise(connection, first, last):
        eventlog.write_cursor(connection, first, 1)
        begun[first].set()
        begun[last].wait(0.3)  # in vain: the other one has not begun
        eventlog.write_cursor(connection, last, 1)

    async with open_store(postgres_address) as one, open_store(postgres_address) as two:
        await asyncio.gather(
            one._writer.run(partial(crosswise, first="a", last="b")),
            two._writer.run(partial(crosswise, first="b", last="a")),
        )


async def test_what_concerns_leases_has_a_transaction_of_its_own(postgres_address):
    """So what one of them waits for is held by nobody who waits for it."""
    async with open_store(postgres_address) as store:
        numbers = await asyncio.gather(
            *(store._leasing.run(lambda it: it.exec_driver_sql(XID).scalar()) for _ in range(5))
        )
    assert len(set(numbers)) == 5


async def test_new_leases_are_made_in_the_order_of_their_names(postgres_address):
    """Two who make the same ones wait for each other in one direction only."""
    a, b = NAMES[:2]
    make = "INSERT INTO lease (name, epoch) VALUES (%s, 0)"
    with psycopg.connect(postgres_address) as other, psycopg.connect(postgres_address) as third:
        async with open_store(postgres_address) as store:
            other.execute(make, (a,))
            claiming = asyncio.create_task(store.claim("one", {b: None, a: None}))
            await waits(third)
            third.execute("SET LOCAL lock_timeout = '2s'")
            third.execute(make, (b,))  # nobody holds it
            third.rollback()
            other.rollback()
            assert await claiming == (Lease(a, 1), Lease(b, 1))


async def test_what_somebody_holds_is_passed_over(postgres_address):
    """Whoever forgets the dead, and whoever takes pokes, waits for nobody."""
    async with open_store(postgres_address) as store:
        await store.renew(worker("dead"))
        await store.renew(worker("gone"))
        await store.poke(KEYS[0])
        await store.poke(KEYS[1])
        with psycopg.connect(postgres_address) as other:
            other.execute("UPDATE worker SET until = 0")
            other.commit()
            other.execute("SELECT FROM worker WHERE id = 'dead' FOR UPDATE")
            other.execute("SELECT FROM poke WHERE page_key = %s FOR UPDATE", (KEYS[0],))
            async with asyncio.timeout(10):
                await store.take_pokes(KEYS)
                roster = await store.renew(worker("one"))
        assert [each.worker.id for each in roster.members] == ["dead", "one"]
        assert roster.pokes == (KEYS[0],)


async def waits(session) -> None:
    """Return when somebody waits in this session's database for a row of `lease`."""
    asked = """
        SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
        AND query LIKE 'INSERT INTO lease%' AND datname = current_database()
    """
    async with asyncio.timeout(20):
        while session.execute(asked).fetchone() == (0,):
            session.rollback()
            await asyncio.sleep(0.01)


class Rival:
    """A worker that does at random what workers do, also with leases that it has lost."""

    def __init__(self, id: str, store: sql.SqlStore, seed: int, story: "Story") -> None:
        self.id = id
        self.store = store
        self.story = story
        self.chance = random.Random(f"{seed} {id}")
        self.leases = []

    async def live(self) -> None:
        """Do many things, one after the other."""
        acts = [self.claim, self.claim, *[self.write] * 4, self.meddle, self.meddle, self.release]
        for _ in range(STEPS):
            await self.chance.choice(acts)()

    async def claim(self) -> None:
        """Take leases, free ones and those of others."""
        seen = (await self.store.renew(worker(self.id))).holdings
        names = self.chance.sample(NAMES, 3)
        taken = await self.store.claim(self.id, {name: seen.get(name) for name in names})
        self.leases = [*self.leases, *taken][-8:]
        self.story.taken(self.id, taken, await self.store.last_seq())

    async def release(self) -> None:
        """Let some go, or all."""
        if self.chance.random() < 0.3:
            await self.store.retire(self.id)
        else:
            await self.store.release(self.id, self.chance.sample(NAMES, 3))

    async def write(self) -> None:
        """Write under several leases at once, so that they share a transaction."""
        wanted = [
            self._write_under(self.chance.choice(self.leases))
            for _ in range(10 * bool(self.leases))
        ]
        for outcome in await asyncio.gather(*wanted, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, LeaseLostError):
                raise outcome

    async def _write_under(self, lease) -> None:
        store, about = self.store.under(lease), f"{lease.name}:{lease.epoch}"
        new = event(self.chance.randrange(10**9), about=about)
        of = page(self.chance.choice(KEYS))
        writes = (
            lambda: store.append([new]),
            lambda: store.commit(visit(None, known(page_key=of.key, gaps=1), new, of=of)),
            lambda: store.save_states([state(key) for key in self.chance.sample(KEYS, 4)]),
            lambda: store.dispatch("dispatcher", 0, self._outgoing()),
            lambda: store.settle(*self._some_deliveries()),
            lambda: store.write_cursor(self.chance.choice("ab"), 0),
        )
        await self.chance.choice(writes)()

    async def meddle(self) -> None:
        """What needs no lease, or is done by hand: several things at once."""
        store = self.store
        silence = Silence(
            id=self.chance.choice("ab"), matcher=Matcher(), author="me", created_at=NOW,
            starts_at=NOW, ends_at=NOW,
        )  # fmt: skip
        acts = (
            lambda: store.poke(self.chance.choice(KEYS)),
            lambda: store.take_pokes(self.chance.sample(KEYS, 3)),
            lambda: store.renew(worker(self.id)),
            lambda: store.append([event(self.chance.randrange(10**9), about=None)]),
            lambda: store.forget_pages(self.chance.sample(KEYS, 4), untold),
            lambda: store.revive(self._some_deliveries()[0].id, NOW),
            lambda: store.add_silence(silence),
            lambda: store.prune(NOW - DAY),
        )
        await asyncio.gather(*(act() for act in self.chance.choices(acts, k=10)))

    def _some_deliveries(self):
        events = [event(number).numbered(1) for number in self.chance.sample(range(8), 4)]
        return [delivery(each, self.chance.choice(["ops", "dev"])) for each in events]

    def _outgoing(self) -> Outgoing:
        new = tuple(self._some_deliveries())
        told = tuple((each.receiver, self.chance.choice(KEYS), "routes.0") for each in new)
        return Outgoing(new=new, told=tuple(dict.fromkeys(told)))


class Story:
    """What was taken, and how far the log had come by then."""

    def __init__(self) -> None:
        self.owners = {}
        self.began = {}

    def taken(self, id: str, leases, last: int) -> None:
        """Nobody else was ever given the same epoch of a lease."""
        for lease in leases:
            key = (lease.name, lease.epoch)
            assert key not in self.owners
            self.owners[key], self.began[key] = id, last

    def judge(self, events) -> None:
        """After a lease was taken nothing was recorded under an earlier epoch of it."""
        recorded = defaultdict(list)
        for each in events:
            if each.incident is not None:
                name, _, epoch = each.incident.id.partition(":")
                recorded[name].append((each.seq, int(epoch)))
        assert recorded
        for (name, epoch), last in self.began.items():
            late = [(seq, under) for seq, under in recorded[name] if seq > last and under < epoch]
            assert late == []


@pytest.mark.parametrize("seed", SEEDS)
async def test_m2_rivals_neither_block_nor_overtake_each_other(postgres_address, seed):
    """No deadlock, no epoch with two owners, nothing recorded under a lease that was lost."""
    story = Story()
    async with AsyncExitStack() as held, asyncio.timeout(100):
        stores = await open_all(held, postgres_address, 5)
        rivals = [Rival(str(n), store, seed, story) for n, store in enumerate(stores)]
        await asyncio.gather(*(rival.live() for rival in rivals))
        story.judge(await stores[0].read_events(limit=1_000_000))
    assert len(story.owners) > 20
