"""A worker's life among others, in virtual time: alive, cut off, paused, gone."""

import asyncio

import pytest
from msgspec.structs import replace

from bellbuoy.errors import (
    AlreadyRunningError,
    LeaseLostError,
    StoreNewerError,
    StoreUnavailableError,
)
from bellbuoy.model.leases import SHARDS, Lease, Role, Worker, shard, shard_of
from bellbuoy.observer import Happened, Observer
from bellbuoy.platform import process_mark
from bellbuoy.stores.memory import MemoryStore
from bellbuoy.workers.membership import Membership
from tests.virtual_time import START, now, run_virtual

WORK = {Role.POLL: tuple(map(shard, range(SHARDS)))}


class Hands(Observer):
    """Does the work, and remembers what it was told."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.told: list[str] = []
        self.pokes: list[str] = []
        self.lapses = 0
        self.slow = 0.0
        self.refuses = False

    async def gained(self, leases) -> None:
        """Begin."""
        if self.refuses:
            raise StoreUnavailableError("away")
        self.held.update(lease.name for lease in leases)

    def lost(self, names) -> None:
        """End."""
        self.held.difference_update(names)

    async def let_go(self, names) -> None:
        """End, softly."""
        await asyncio.sleep(self.slow)
        self.held.difference_update(names)

    def lapsed(self) -> None:
        """Count."""
        self.lapses += 1

    def poked(self, page_key) -> None:
        """Take down."""
        self.pokes.append(page_key)

    def heard(self, roster) -> None:
        """Nothing to divide."""

    def happened(self, details: Happened) -> None:
        """Take down."""
        self.told.append(details.what)


class Refusing:
    """A store that can be away, and whose answers can get lost."""

    def __init__(self, store) -> None:
        self.store = store
        self.is_away = False
        self.loses_answers = False
        self.error = StoreUnavailableError("the server is away")

    def __getattr__(self, name):
        method = getattr(self.store, name)
        if not asyncio.iscoroutinefunction(method):
            return method

        async def called(*args, **kwargs):
            if self.is_away:
                raise self.error
            answer = await method(*args, **kwargs)
            if self.loses_answers and name == "claim":
                self.loses_answers = False
                raise StoreUnavailableError("the answer got lost")
            return answer

        return called


class Crew:
    """Several workers over one store."""

    def __init__(self) -> None:
        self.store = MemoryStore(is_shared=True, now=now)
        self.hands: dict[str, Hands] = {}
        self.doors: dict[str, Refusing] = {}
        self.members: dict[str, Membership] = {}
        self.tasks: dict[str, asyncio.Task] = {}

    async def join(self, id: str, **more) -> Membership:
        """A worker comes and runs."""
        said = {"name": id, "roles": (Role.POLL,), "version": "1", "started_at": START}
        self.hands[id] = hands = Hands()
        self.doors[id] = door = Refusing(self.store)
        self.members[id] = member = Membership(door, Worker(id=id, **(said | more)), hands)
        await member.join(hands, WORK)
        self.tasks[id] = asyncio.create_task(member.run())
        return member

    async def kill(self, id: str) -> None:
        """It is gone, and says nothing."""
        self.tasks[id].cancel()
        await asyncio.gather(self.tasks[id], return_exceptions=True)

    def sizes(self) -> dict[str, int]:
        """How many leases each works on."""
        return {id: len(hands.held) for id, hands in self.hands.items()}


def among(situation) -> None:
    """Run a situation with a crew."""

    async def run() -> None:
        crew = Crew()
        try:
            await situation(crew)
        finally:
            for id in crew.tasks:
                await crew.kill(id)

    run_virtual(run())


def test_the_first_worker_has_everything_at_once():
    """When it has joined, it works on every shard."""

    async def situation(crew):
        await crew.join("a")
        assert crew.sizes() == {"a": SHARDS}

    among(situation)


def test_a_second_worker_gets_half_softly():
    """What the first one lets go ends there before it begins here."""

    async def situation(crew):
        await crew.join("a")
        crew.hands["a"].slow = 3.0
        await crew.join("b")
        for _ in range(200):
            await asyncio.sleep(0.1)
            assert not crew.hands["a"].held & crew.hands["b"].held
        assert crew.sizes() == {"a": SHARDS // 2, "b": SHARDS // 2}

    among(situation)


def test_three_workers_share_evenly():
    """One apart at most."""

    async def situation(crew):
        for id in "abc":
            await crew.join(id)
        await asyncio.sleep(30)
        assert sorted(crew.sizes().values()) == [85, 85, 86]

    among(situation)


def test_m1_the_share_of_a_worker_that_died_is_taken_within_16_seconds():
    """Its sign of life counts for 15 s, and the others look when it is over."""

    async def situation(crew):
        for id in "abc":
            await crew.join(id)
        await asyncio.sleep(30)
        await crew.kill("b")
        await asyncio.sleep(16)
        assert crew.sizes()["a"] + crew.sizes()["c"] == SHARDS

    among(situation)


def test_m2_a_worker_that_was_cut_off_stops_before_others_begin():
    """It hears nothing of them, but it knows how long its sign of life counts."""

    async def situation(crew):
        cut = await crew.join("a")
        await crew.join("b")
        await asyncio.sleep(20)
        lease = cut.writing(next(iter(crew.hands["a"].held)))
        crew.doors["a"].is_away = True
        while crew.sizes()["b"] == SHARDS // 2:
            was_current, lapses = cut.is_current(), crew.hands["a"].lapses
            await asyncio.sleep(0.1)
        assert not was_current
        assert lapses == 1
        with pytest.raises(LeaseLostError):
            await lease.save_states([])

    among(situation)


def test_m2_a_worker_that_comes_back_learns_what_it_lost():
    """In one line, and then it gets a share like everybody."""

    async def situation(crew):
        cut = await crew.join("a")
        await crew.join("b")
        await asyncio.sleep(20)
        crew.doors["a"].is_away = True
        await asyncio.sleep(60)
        crew.doors["a"].is_away = False
        await asyncio.sleep(2)
        told = [each for each in crew.hands["a"].told if "taken over" in each]
        assert len(told) == 1
        assert told[0].startswith(f"worker a: others have taken over {SHARDS // 2} of its leases (")
        assert " for 6" in told[0]
        await asyncio.sleep(30)
        assert cut.is_current()
        assert crew.sizes() == {"a": SHARDS // 2, "b": SHARDS // 2}

    among(situation)


def test_m4_a_store_that_was_away_takes_nothing_from_anybody():
    """Nobody else was there to take over, so all goes on as it was, after one line."""

    async def situation(crew):
        alone = await crew.join("a")
        crew.doors["a"].is_away = True
        await asyncio.sleep(60)
        assert not alone.is_current()
        crew.doors["a"].is_away = False
        await asyncio.sleep(2)
        assert alone.is_current()
        assert crew.sizes() == {"a": SHARDS}
        assert crew.hands["a"].told == [
            "cannot show a sign of life: the server is away",
            "worker a: shows signs of life again",
        ]

    among(situation)


def test_a_claim_whose_answer_got_lost_is_found_again():
    """The store says that it is ours, so it is."""

    async def situation(crew):
        await crew.join("a")
        crew.tasks["a"].cancel()
        await crew.store.retire("a")
        crew.hands["a"].held.clear()
        crew.doors["a"].loses_answers = True
        hands = crew.hands["a"]
        member = Membership(crew.doors["a"], crew.members["a"].worker, hands)
        crew.members["a"] = member
        with pytest.raises(StoreUnavailableError):
            await member.join(hands, WORK)
        assert crew.sizes() == {"a": 0}
        await member.renew()
        assert crew.sizes() == {"a": SHARDS}

    among(situation)


def test_what_could_not_be_begun_is_tried_again():
    """The states of its pages could not be read just then."""

    async def situation(crew):
        await crew.join("a")
        await crew.join("b")
        crew.hands["b"].refuses = True
        await asyncio.sleep(20)
        assert crew.sizes()["b"] == 0
        crew.hands["b"].refuses = False
        await asyncio.sleep(20)
        assert crew.sizes() == {"a": SHARDS // 2, "b": SHARDS // 2}

    among(situation)


def test_a_worker_that_retires_is_followed_at_once():
    """Its leases are free, and the next sign of life of another takes them."""

    async def situation(crew):
        await crew.join("a")
        await crew.join("b")
        await asyncio.sleep(20)
        await crew.kill("a")
        await crew.members["a"].leave()
        await asyncio.sleep(5.5)
        assert crew.sizes()["b"] == SHARDS
        with pytest.raises(LeaseLostError, match="another worker has taken over: shard 000"):
            crew.members["a"].writing(shard(0))

    among(situation)


def test_who_starts_again_after_a_crash_does_not_wait():
    """What its predecessor on this machine held is free, since that is seen not to run."""

    async def situation(crew):
        seen, number, began = process_mark().rsplit(" ", 2)
        await crew.join("a", process=f"{seen} {number} {int(began) - 1}")
        await crew.kill("a")
        await crew.join("b", process=process_mark())
        assert crew.sizes()["b"] == SHARDS
        assert [one.worker.id for one in (await crew.store.roster()).members] == ["b"]

    among(situation)


@pytest.mark.parametrize(("first", "second"), [(False, True), (True, False), (True, True)])
def test_who_shares_with_nobody_is_refused_beside_others(first, second):
    """A watch of some of the pages would leave the others of its share unpolled."""

    async def situation(crew):
        await crew.join("a", is_alone=first)
        with pytest.raises(AlreadyRunningError, match=r"another Bellbuoy polls with memory \(a\)"):
            await crew.join("b", is_alone=second)
        roster = await crew.store.roster()
        assert [one.worker.id for one in roster.members] == ["a"]
        assert crew.sizes()["a"] == SHARDS

    among(situation)


def test_who_only_shows_pages_is_never_refused():
    """It polls nothing, so it takes nothing from anybody."""

    async def situation(crew):
        await crew.join("a", is_alone=True)
        await crew.join("b", roles=(Role.WEB,))
        await asyncio.sleep(20)
        assert crew.sizes() == {"a": SHARDS, "b": 0}

    among(situation)


def test_a_newer_store_ends_a_worker():
    """What a newer Bellbuoy has changed must not be written by an older one."""

    async def situation(crew):
        await crew.join("a")
        crew.doors["a"].error = StoreNewerError("written by a newer Bellbuoy")
        crew.doors["a"].is_away = True
        await asyncio.sleep(6)
        with pytest.raises(StoreNewerError):
            await crew.tasks["a"]

    among(situation)


def test_a_poke_reaches_whoever_polls_the_page():
    """It alone, with its next sign of life, once."""

    async def situation(crew):
        await crew.join("a")
        await crew.join("b")
        await asyncio.sleep(20)
        url = "https://status.example"
        await crew.store.poke(url)
        await asyncio.sleep(12)
        owner, other = ("a", "b") if shard_of(url) in crew.hands["a"].held else ("b", "a")
        assert crew.hands[owner].pokes == [url]
        assert crew.hands[other].pokes == []

    among(situation)


def test_signs_of_life_that_are_shown_keep_it_from_lapsing():
    """Neither while it lives, nor when it has left in order."""

    async def situation(crew):
        member = await crew.join("a")
        await asyncio.sleep(120)
        await crew.kill("a")
        await member.leave()
        await asyncio.sleep(60)
        assert crew.hands["a"].lapses == 0

    among(situation)


def test_only_the_first_to_be_offline_is_news():
    """And only the last to be back."""

    async def situation(crew):
        a = await crew.join("a")
        b = await crew.join("b")
        assert not await a.set_offline(is_offline=True)
        assert await b.set_offline(is_offline=True)
        assert await a.set_offline(is_offline=False)
        assert not await b.set_offline(is_offline=False)

    among(situation)


def test_what_is_written_is_written_under_the_lease_that_is_held():
    """In the epoch in which it was got."""

    async def situation(crew):
        member = await crew.join("a")
        assert member.writing(shard(7))._lease == Lease(shard(7), 1)
        await crew.kill("a")
        await member.leave()
        again = await crew.join("a", name="a again")
        assert again.writing(shard(7))._lease == Lease(shard(7), 2)
        assert replace(again.worker, name="a") == member.worker

    among(situation)
