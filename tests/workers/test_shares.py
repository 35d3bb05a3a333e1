"""Who takes what, and who lets go: laws over every roster."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.model.leases import Holding, Lease, Member, Role, Roster, Worker
from bellbuoy.workers.shares import Moves, moves

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NAMES = tuple(f"shard {n}" for n in range(20))


def member(id: str, *roles: Role, is_live: bool = True, is_alone: bool = False) -> Member:
    """A worker as the store knows it."""
    worker = Worker(
        id=id,
        name=id,
        roles=roles or (Role.POLL,),
        version="1",
        started_at=NOW,
        is_alone=is_alone,
    )
    until = NOW + timedelta(seconds=5 if is_live else -5)
    return Member(worker=worker, until=until, is_live=is_live)


def roster(*members: Member, held: dict[str, str] | None = None) -> Roster:
    """Who is there, and who holds which names."""
    holdings = {name: Holding(owner, 3) for name, owner in (held or {}).items()}
    return Roster(at=NOW, members=members, holdings=holdings)


def test_who_is_alone_takes_everything():
    """There is nobody to share with."""
    todo = moves(roster(member("a")), "a", Role.POLL, NAMES)
    assert set(todo.claim) == set(NAMES)
    assert todo.release == ()
    assert not todo.is_short


def test_who_comes_second_waits_for_the_first_to_let_go():
    """Nothing is free yet, so it is short; the first one lets half of its leases go."""
    there = roster(member("a"), member("b"), held=dict.fromkeys(NAMES, "a"))
    assert moves(there, "b", Role.POLL, NAMES).claim == {}
    assert moves(there, "b", Role.POLL, NAMES).is_short
    assert len(moves(there, "a", Role.POLL, NAMES).release) == 10


def test_what_a_dead_worker_held_is_free():
    """Its leases are claimed as they stand, with its name in them."""
    there = roster(member("a"), member("b", is_live=False), held=dict.fromkeys(NAMES, "b"))
    todo = moves(there, "a", Role.POLL, NAMES)
    assert todo.claim == dict.fromkeys(NAMES, Holding("b", 3))


def test_only_workers_of_the_role_share():
    """A worker that only shows pages takes no shard, and leaves no gap."""
    there = roster(member("a", Role.WEB), member("b", Role.POLL))
    assert moves(there, "a", Role.POLL, NAMES) == moves(roster(), "a", Role.POLL, NAMES)
    assert set(moves(there, "b", Role.POLL, NAMES).claim) == set(NAMES)


def test_who_shares_with_nobody_takes_all_and_lets_nothing_go():
    """Whoever else is there."""
    there = roster(member("a", is_alone=True), member("b"), held=dict.fromkeys(NAMES[:15], "a"))
    todo = moves(there, "a", Role.POLL, NAMES)
    assert set(todo.claim) == set(NAMES[15:])
    assert todo.release == ()


@st.composite
def rosters(draw) -> Roster:
    """Workers, alive or dead, that hold anything."""
    ids = sorted(draw(st.sets(st.sampled_from("abcdefgh"), min_size=1)))
    members = [member(id, is_live=draw(st.booleans())) for id in ids]
    held = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*ids, "gone"])))
    return roster(*members, held=held)


@given(rosters())
def test_nobody_takes_what_a_live_worker_holds(there):
    """And nobody lets go what it does not have."""
    live = {one.worker.id for one in there.members if one.is_live}
    for id in live:
        todo = moves(there, id, Role.POLL, NAMES)
        for name, seen in todo.claim.items():
            assert seen == there.holdings.get(name)
            assert seen is None or seen.owner not in live
        assert set(todo.release) <= set(there.held_by(id))
        assert not (todo.claim and todo.release)


@given(rosters())
def test_whatever_they_begin_with_they_end_with_even_shares(there):
    """Each in turn does its moves, as often as needed: all leases are held, one apart at most."""
    live = [one.worker.id for one in there.members if one.is_live]
    held = dict(there.holdings)
    for _ in range(3):
        for id in live:
            now = Roster(at=NOW, members=there.members, holdings=held)
            todo = moves(now, id, Role.POLL, NAMES)
            for name in todo.claim:
                held[name] = Holding(id, held.get(name, Holding(None, 0)).epoch + 1)
            for name in todo.release:
                held[name] = Holding(None, held[name].epoch)
    sizes = [sum(each.owner == id for each in held.values()) for id in live]
    if live:
        assert sum(sizes) == len(NAMES)
        assert max(sizes) - min(sizes) <= 1
        settled = Roster(at=NOW, members=there.members, holdings=held)
        for id in live:
            todo = moves(settled, id, Role.POLL, NAMES)
            assert todo == Moves()


def test_a_lease_is_held_in_an_epoch():
    """What a worker holds comes with the epoch in which it got it."""
    assert roster(held={"x": "a"}).held_by("a") == {"x": Lease("x", 3)}
