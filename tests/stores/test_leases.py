"""Workers and leases, in every store: who is alive, who holds what, and who may still write."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bellbuoy.errors import LeaseLostError
from bellbuoy.model.delivery import Matcher, Silence
from bellbuoy.model.leases import (
    LEASE_FOR,
    Holding,
    Lease,
    Role,
    receiver_lease,
    shard,
    shard_of,
)
from bellbuoy.stores import Outgoing
from bellbuoy.stores.memory import MemoryStore
from tests.stores.samples import NOW, delivery, event, known, page, state, untold, visit, worker

A, B = shard(1), shard(2)


async def taken(store, id: str, *names: str) -> tuple[Lease, ...]:
    """Leases that a worker takes as they stand."""
    holdings = (await store.roster()).holdings
    return await store.claim(id, {name: holdings.get(name) for name in names})


async def test_who_shows_a_sign_of_life_is_alive(store):
    """For fifteen seconds by the store's clock, with what it says of itself."""
    roster = await store.renew(worker("one", watches="w", is_offline=True))
    (member,) = roster.members
    assert member.worker == worker("one", watches="w", is_offline=True)
    assert member.is_live
    assert member.until - roster.at == LEASE_FOR
    assert (await store.roster()).members == roster.members


async def test_workers_are_found_by_what_they_are_there_for(store):
    """Only those alive that have the role."""
    await store.renew(worker("b", roles=(Role.POLL,)))
    roster = await store.renew(worker("a", roles=(Role.WEB, Role.POLL)))
    assert [one.id for one in roster.live(Role.POLL)] == ["a", "b"]
    assert [one.id for one in roster.live(Role.WEB)] == ["a"]
    assert roster.live(Role.DELIVER) == ()


async def test_the_clock_of_the_store_is_right(store):
    """It is that of this machine here, so the two agree within a second."""
    at = (await store.roster()).at
    assert abs(at - datetime.now(UTC)) < timedelta(seconds=1)


async def test_a_sign_of_life_ends():
    """Fifteen seconds later a worker is not alive, and an hour after that nobody names it."""
    clock = [NOW]
    store = MemoryStore(is_shared=True, now=lambda: clock[0])
    await store.renew(worker("one"))
    clock[0] += LEASE_FOR
    assert [one.is_live for one in (await store.roster()).members] == [False]
    clock[0] += timedelta(hours=1, seconds=1)
    assert [one.worker.id for one in (await store.renew(worker("two"))).members] == ["two"]


async def test_a_lease_that_nobody_had_is_taken(store):
    """Its first epoch is 1."""
    assert await taken(store, "one", A, B) == (Lease(A, 1), Lease(B, 1))
    roster = await store.roster()
    assert roster.holdings == {A: Holding("one", 1), B: Holding("one", 1)}
    assert roster.held_by("one") == {A: Lease(A, 1), B: Lease(B, 1)}
    assert roster.held_by("two") == {}


async def test_a_lease_that_changed_hands_is_not_taken(store):
    """Two workers see the same free lease; one of them gets it."""
    assert await store.claim("one", {A: None}) == (Lease(A, 1),)
    assert await store.claim("two", {A: None}) == ()
    assert await store.claim("two", {A: Holding(None, 1)}) == ()
    assert await store.claim("two", {A: Holding("one", 1)}) == (Lease(A, 2),)
    assert await store.claim("three", {A: Holding("one", 1)}) == ()


async def test_a_lease_that_was_let_go_is_free(store):
    """Its owner alone can let it go, and its epoch goes on."""
    await taken(store, "one", A, B)
    await store.release("two", [A])
    await store.release("one", [A])
    assert (await store.roster()).holdings == {A: Holding(None, 1), B: Holding("one", 1)}
    assert await taken(store, "two", A) == (Lease(A, 2),)


async def test_who_retires_lets_everything_go(store):
    """And is not named any more."""
    await store.renew(worker("one"))
    await taken(store, "one", A, B)
    await store.retire("one")
    roster = await store.roster()
    assert roster.members == ()
    assert roster.holdings == {A: Holding(None, 1), B: Holding(None, 1)}


WRITES = {
    "commit": lambda store: store.commit(visit(None, known(), event(1))),
    "save_states": lambda store: store.save_states([state()]),
    "append": lambda store: store.append([event(1)]),
    "forget_pages": lambda store: store.forget_pages([], untold),
    "write_cursor": lambda store: store.write_cursor("reader", 1),
    "dispatch": lambda store: store.dispatch("dispatcher", 1, Outgoing()),
    "settle": lambda store: store.settle(delivery(event(1).numbered(1))),
    "revive": lambda store: store.revive("x", NOW),
    "enable": lambda store: store.enable("ops"),
    "remember_reference": lambda store: store.remember_reference("ops", "lane", "m"),
    "add_silence": lambda store: store.add_silence(
        Silence(id="s", matcher=Matcher(), starts_at=NOW, ends_at=NOW, author="me", created_at=NOW)
    ),
    "prune": lambda store: store.prune(NOW),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_m2_who_lost_a_lease_writes_nothing(store, write):
    """Whoever was paused wakes with an old epoch, and every write is refused."""
    (lease,) = await taken(store, "one", A)
    assert await store.claim("two", {A: Holding("one", 1)})
    with pytest.raises(LeaseLostError, match="another worker has taken over: shard 001"):
        await write(store.under(lease))
    assert await store.last_seq() == 0
    assert await store.load_states([page().key]) == {}
    assert await store.read_cursor("reader") is None


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_who_holds_a_lease_writes(store, write):
    """Under it everything is as without it."""
    (lease,) = await taken(store, "one", A)
    await write(store.under(lease))


async def test_what_is_dropped_under_a_lease_is_gone_for_all(store):
    """One store is behind it, whoever looks."""
    (lease,) = await taken(store, "one", A)
    await WRITES["add_silence"](store)
    await store.under(lease).prune(NOW + timedelta(days=1))
    assert await store.silences() == ()


async def test_who_let_a_lease_go_writes_nothing(store):
    """Though nobody has taken it yet: somebody may at any moment."""
    (lease,) = await taken(store, "one", A)
    await store.release("one", [A])
    with pytest.raises(LeaseLostError):
        await store.under(lease).append([event(1)])


async def test_one_lost_lease_does_not_fail_the_others(store):
    """Visits of several shards share a transaction; each stands for itself."""
    lost, kept = await taken(store, "one", A, B)
    await store.claim("two", {A: Holding("one", 1)})
    outcomes = await asyncio.gather(
        *(store.under(lease).append([event(n)]) for n, lease in enumerate((lost, kept), 1)),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], LeaseLostError)
    assert [each.seq for each in outcomes[1]] == [1]


async def test_numbers_go_on_under_any_lease(store):
    """There is one log, whoever writes."""
    one, two = await taken(store, "one", A, B)
    first = await store.under(one).append([event(1)])
    second = await store.under(two).append([event(2)])
    third = await store.append([event(3)])
    assert [each.seq for (each,) in (first, second, third)] == [1, 2, 3]


async def test_a_poke_waits_for_whoever_polls_the_page(store):
    """It is seen with the next sign of life, until it is taken."""
    await store.poke("https://a.example")
    await store.poke("https://a.example")
    await store.poke("https://b.example")
    assert (await store.renew(worker("one"))).pokes == ("https://a.example", "https://b.example")
    await store.take_pokes(["https://a.example"])
    assert (await store.renew(worker("one"))).pokes == ("https://b.example",)


def test_pages_of_a_host_are_of_one_shard():
    """Whatever their paths: a host is asked by one worker only."""
    one, two = (shard_of(f"https://status.example/{path}") for path in ("a", "b/c"))
    assert one == two
    assert len({shard_of(f"https://{n}.example") for n in range(1000)}) > 200
    assert receiver_lease("ops") != shard_of("https://ops.example")
