"""Several whole monitors over one store, in virtual time: who polls and who delivers."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from bellbuoy.app import App
from bellbuoy.delivery.dispatcher import HAS_BEGUN
from bellbuoy.errors import AlreadyRunningError, FetchError, StoreUnavailableError, Unreadable
from bellbuoy.model.leases import SHARDS, Role
from bellbuoy.observer import Happened, Observer
from bellbuoy.routing.routes import Route
from bellbuoy.stores.memory import MemoryStore
from tests.delivery.ears import Ears, listener
from tests.detection.saying import incident, page_says, update
from tests.event_samples import incident_event
from tests.polling.scripted import ScriptedNetwork, config, now, page
from tests.virtual_time import run_virtual

PAGES = tuple(page(number) for number in range(60))
QUIET = page_says(stamp=0)
TROUBLE = page_says(incident("a", update("1")), stamp=1)


def quiet(url, time):
    """Nothing ever happens."""
    return QUIET


class Log(Observer):
    """What a monitor said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def happened(self, details: Happened) -> None:
        """Take down."""
        self.said.append(details.what)


class Gone:
    """What is left of the store for a process that was killed."""

    def under(self, lease):
        """The same."""
        return self

    async def refuse(self, *_):
        """Nothing is written any more."""
        raise StoreUnavailableError("killed")

    retire = save_states = refuse


class Fleet:
    """Monitors over one store, each with a network of its own, so that it is seen who asks."""

    def __init__(self, stack: AsyncExitStack, script=quiet) -> None:
        self._stack = stack
        self.script = script
        self.store = MemoryStore(is_shared=True, now=now)
        self.ears = Ears(now)
        receiver = listener("ops")
        self.config = replace(
            config(*PAGES),
            receivers=(receiver,),
            routes=(Route(name="all", to=("ops",)),),
            notifiers={"ears": self.ears},
        )
        self.networks: list[ScriptedNetwork] = []
        self.logs: list[Log] = []
        self.apps: list[App] = []

    async def start(self, settings=None, **more) -> App:
        """One more of them."""
        self.networks.append(ScriptedNetwork(self.script))
        self.logs.append(Log())
        app = App(
            settings or self.config,
            store=self.store,
            network=self.networks[-1],
            observer=self.logs[-1],
            now=now,
            **more,
        )
        self.apps.append(app)
        return await self._stack.enter_async_context(app)

    async def kill(self, number: int) -> None:
        """One of them is gone in the middle of everything, and says nothing."""
        tasks = list(self.apps[number]._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # What closing would still write is refused.
        self.apps[number]._membership._store = Gone()

    def polled_since(self, time: float) -> list[set[str]]:
        """The pages that each asked since then."""
        return [
            {url for url, times in network.times.items() if times[-1] >= time}
            for network in self.networks
        ]


def among(situation, script=quiet) -> None:
    """Run a situation with a fleet."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            await situation(Fleet(stack, script))

    run_virtual(run())


def loop_time() -> float:
    """Virtual seconds since the start."""
    return asyncio.get_running_loop().time()


def test_each_page_is_polled_by_one_of_three():
    """All of them, each by one, in its own rhythm: sixty looks an hour at each."""

    async def situation(fleet):
        for _ in range(3):
            await fleet.start()
        await asyncio.sleep(120)
        began = loop_time()
        await asyncio.sleep(3600)
        shares = fleet.polled_since(began)
        assert all(shares)
        assert set().union(*shares) == {each.url for each in PAGES}
        assert sum(map(len, shares)) == len(PAGES)
        for each in PAGES:
            looks = sum(
                time >= began for network in fleet.networks for time in network.times[each.url]
            )
            assert 58 <= looks <= 62

    among(situation)


def test_m1_pages_of_a_worker_that_died_are_polled_again_within_30_seconds():
    """By the others, and by one of them only."""

    async def situation(fleet):
        for _ in range(3):
            await fleet.start()
        await asyncio.sleep(120)
        (orphans, *_) = fleet.polled_since(loop_time() - 60)
        await fleet.kill(0)
        died = loop_time()
        await asyncio.sleep(30)
        _, one, other = fleet.polled_since(died)
        assert orphans
        assert orphans <= one | other
        assert not one & other

    among(situation)


def test_a_worker_that_ends_hands_over_at_once():
    """Its states are written, and others go on within seconds."""

    async def situation(fleet):
        await fleet.start()
        await fleet.start()
        await asyncio.sleep(120)
        (left, _) = fleet.polled_since(loop_time() - 60)
        await fleet.apps[0].__aexit__(None, None, None)
        ended = loop_time()
        states = await fleet.store.load_states(left)
        assert all(states[url].health.read_at is not None for url in left)
        await asyncio.sleep(11)
        assert left <= fleet.polled_since(ended)[1]

    among(situation)


def test_what_happens_is_recorded_and_told_once_whoever_polls():
    """Workers come and go all the time; each page has one incident."""

    def script(url, time):
        return TROUBLE if time > 300 else QUIET

    async def situation(fleet):
        await fleet.start()
        await fleet.start()
        await asyncio.sleep(280)
        await fleet.kill(0)
        await fleet.start()
        await asyncio.sleep(120)
        await fleet.start()
        await asyncio.sleep(300)
        events = await fleet.store.read_events(limit=1000)
        assert sorted(event.page.key for event in events) == sorted(each.key for each in PAGES)
        told = [event.id for _, _, contents in fleet.ears.heard for _, event in contents]
        assert sorted(told) == sorted(event.id for event in events)

    among(situation, script)


def test_deliveries_go_on_when_their_courier_died():
    """What was recorded before and after is told by another worker."""

    def script(url, time):
        return TROUBLE if time > 300 else QUIET

    async def situation(fleet):
        await fleet.start(roles=(Role.DELIVER,))
        await fleet.start(roles=(Role.POLL,))
        await fleet.start(roles=(Role.DELIVER,))
        await asyncio.sleep(310)
        holder = next(
            number
            for number in (0, 2)
            if any(task.get_name() == "courier" for task in fleet.apps[number]._tasks)
        )
        await fleet.kill(holder)
        await asyncio.sleep(120)
        told = {event.id for _, _, contents in fleet.ears.heard for _, event in contents}
        assert told == {event.id for event in await fleet.store.read_events(limit=1000)}
        assert len(told) == len(PAGES)

    among(situation, script)


def test_m2_a_worker_that_takes_over_a_heap_of_events_stays_alive_and_tells_them_all():
    """To route them takes longer than a sign of life counts."""

    async def situation(fleet):
        events = [incident_event(incident=f"i{number}") for number in range(5000)]
        await fleet.store.append(events)
        await fleet.store.write_cursor("dispatcher", 0)
        await fleet.store.write_cursor("receiver ops", HAS_BEGUN)
        dispatch = MemoryStore.dispatch

        async def slowly(self, *given):
            await asyncio.sleep(5)
            await dispatch(self, *given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemoryStore, "dispatch", slowly)
            await fleet.start()
            await fleet.start()
            await asyncio.sleep(60)
            assert [app.ready() for app in fleet.apps] == [(), ()]
            assert set().union(*fleet.polled_since(0)) == {each.url for each in PAGES}
        await asyncio.sleep(3600)
        told = {event.id for _, _, contents in fleet.ears.heard for _, event in contents}
        assert told == {event.id for event in events}
        assert not any("taken over" in said for log in fleet.logs for said in log.said)

    among(situation)


def test_a_part_of_the_pages_is_watched_only_where_nobody_else_polls():
    """Else the other pages of its share would be polled by nobody."""

    async def situation(fleet):
        await fleet.start()
        partial = replace(fleet.config, watched=fleet.config.watched[:3], partial=True)
        with pytest.raises(AlreadyRunningError, match="where nobody else polls"):
            await fleet.start(partial)
        await asyncio.sleep(120)
        assert fleet.polled_since(loop_time() - 60)[0] == {each.url for each in PAGES}

    among(situation)


def test_once_looks_at_every_page_and_delivers():
    """As alone, and then it is over and has retired."""

    def script(url, time):
        return TROUBLE

    async def situation(fleet):
        app = await fleet.start(once=True)
        await app.stopped()
        assert fleet.polled_since(0)[0] == {each.url for each in PAGES}
        told = [event.page.key for _, _, contents in fleet.ears.heard for _, event in contents]
        assert sorted(told) == sorted(each.key for each in PAGES)
        await app.__aexit__(None, None, None)
        assert (await fleet.store.roster()).members == ()

    among(situation, script)


def test_while_configs_differ_nothing_is_forgotten():
    """A page that was removed is forgotten once every worker has the new config."""

    def script(url, time):
        return TROUBLE

    async def situation(fleet):
        await fleet.start()
        await asyncio.sleep(60)
        fewer = replace(fleet.config, watched=fleet.config.watched[1:])
        await fleet.start(fewer)
        await asyncio.sleep(60)
        gone = PAGES[0].key
        assert gone in await fleet.store.load_states([gone])
        said = [each for each in fleet.logs[1].said if "watches other pages" in each]
        assert len(said) == 1
        await fleet.apps[0].__aexit__(None, None, None)
        await asyncio.sleep(60)
        assert await fleet.store.load_states([gone]) == {}

    among(situation, script)


def test_m3_a_worker_that_lost_its_share_forgets_nothing():
    """It was cut off before it got to it, and knows neither the new config nor who has it."""

    def script(url, time):
        return TROUBLE

    async def situation(fleet):
        async def away(*_):
            raise StoreUnavailableError("the server is away")

        fleet.store.forget_pages = away
        fewer = replace(fleet.config, watched=fleet.config.watched[1:])
        old = await fleet.start(fewer)
        old._membership._store = SimpleNamespace(
            renew=away, under=fleet.store.under, place="", retire=away
        )
        await asyncio.sleep(20)
        await fleet.start()
        await asyncio.sleep(60)
        seen = await fleet.store.read_events(limit=1000)
        assert PAGES[0].key in {event.page.key for event in seen}
        del fleet.store.forget_pages
        await asyncio.sleep(60)
        assert PAGES[0].key in await fleet.store.load_states([PAGES[0].key])
        assert await fleet.store.read_events(limit=1000) == seen

    among(situation, script)


def test_m3_a_worker_that_hears_late_of_a_new_config_and_of_its_losses_goes_on():
    """Both come with one sign of life: it may forget, and has nothing to do it with."""

    async def situation(fleet):
        old = await fleet.start()
        fewer = replace(fleet.config, watched=fleet.config.watched[1:])
        paused = await fleet.start(fewer)
        await asyncio.sleep(60)

        async def away(*_):
            raise StoreUnavailableError("the server is away")

        membership = paused._membership
        membership._store = SimpleNamespace(renew=away, under=fleet.store.under)
        await old.__aexit__(None, None, None)
        other = await fleet.start(fewer)
        await asyncio.sleep(60)
        assert other._membership.roster.shards_of(other._membership.worker.id) == SHARDS
        membership._store = fleet.store
        await membership.renew()
        await asyncio.sleep(60)
        assert paused.ready() == other.ready() == ()
        assert all(fleet.polled_since(loop_time() - 60)[1:])

    among(situation)


def test_two_workers_that_reach_nothing_say_so_once():
    """It is us: one event when the first notices, one when the last is back."""

    def script(url, time):
        if 300 < time < 1500:
            raise FetchError(url, Unreadable.NETWORK, "no route to host")
        return QUIET

    async def situation(fleet):
        await fleet.start()
        await fleet.start()
        await asyncio.sleep(3000)
        kinds = [event.kind.value for event in await fleet.store.read_events(limit=1000)]
        assert kinds.count("monitor.offline") == 1
        assert kinds.count("monitor.online") == 1
        assert len(kinds) == 2

    among(situation, script)


def test_m4_while_the_store_is_away_nothing_is_asked_and_nobody_is_ready():
    """After fifteen seconds others may have taken over; when it is back, so are they."""

    async def situation(fleet):
        app = await fleet.start()
        await asyncio.sleep(120)
        renew = fleet.store.renew

        async def away(worker):
            raise StoreUnavailableError("the server is away")

        fleet.store.renew = away
        await asyncio.sleep(20)
        stopped = loop_time()
        await asyncio.sleep(100)
        assert fleet.polled_since(stopped)[0] == set()
        assert app.ready() == ("the store does not answer, so others may have taken over",)
        fleet.store.renew = renew
        await asyncio.sleep(70)
        assert fleet.polled_since(stopped)[0] == {each.url for each in PAGES}
        assert app.ready() == ()

    among(situation)


def test_m2_visits_in_flight_are_given_up_before_others_may_be_there():
    """A vendor that takes its time is asked by one, and once we may again it is asked anew."""
    away_at = 115.0

    async def hangs(url, time):
        """Every answer takes nineteen seconds, for a while."""
        if away_at < time < away_at + 60:
            await asyncio.sleep(19)
        return QUIET

    async def situation(fleet):
        await fleet.start()
        network = fleet.networks[0]
        await asyncio.sleep(away_at)
        renew = fleet.store.renew

        async def away(worker):
            raise StoreUnavailableError("the server is away")

        fleet.store.renew = away
        await asyncio.sleep(8)
        flying = {url for url, times in network.times.items() if times[-1] > away_at}
        assert network.in_flight == len(flying) > 0
        await asyncio.sleep(7)
        assert network.in_flight == 0
        await asyncio.sleep(60)
        fleet.store.renew = renew
        back = loop_time()
        await asyncio.sleep(3)
        assert flying <= fleet.polled_since(back)[0]

    among(situation, hangs)


def test_a_platform_is_asked_no_faster_by_many():
    """Its budget is divided by the workers alive."""

    async def situation(fleet):
        shares = []
        first = await fleet.start()
        first._membership._holder._divide = shares.append
        await fleet.start()
        await fleet.start()
        await asyncio.sleep(10)
        await fleet.kill(1)
        await asyncio.sleep(30)
        assert 3 in shares
        assert shares[-1] == 2

    among(situation)
