"""What stands now, as it is gathered from the store and the scheduler."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bellbuoy.config import Config, Watched
from bellbuoy.errors import StoreUnavailableError, Unreadable
from bellbuoy.model.delivery import Attempt, DeliveryStatus
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind, IncidentStatus
from bellbuoy.model.known import Known
from bellbuoy.model.leases import DISPATCHER, Role, Worker, receiver_lease, shard
from bellbuoy.notifiers import Receiver
from bellbuoy.observer import VisitDone
from bellbuoy.stocktaking import LONGEST_NAME, Stocktaking, count_workers
from bellbuoy.stores import Outgoing, Visit
from bellbuoy.stores.memory import MemoryStore
from bellbuoy.telemetry.stock import COMPONENTS_A_PAGE, WorkersNow
from tests.stores.samples import NOW, component, delivery, event, incident, known, page, state

PAGES = [(page(), state(read_at=NOW))]


class CountingStore(MemoryStore):
    """Counts how often components are read; `refuses` makes it refuse."""

    def __init__(self):
        super().__init__()
        self.reads = 0
        self.refuses = False

    async def components(self, page_key):
        """As every store."""
        self.reads += 1
        if self.refuses:
            raise StoreUnavailableError("a store", "it is away")
        return await super().components(page_key)


def config(*globs, receivers=()):
    """The one page is watched, for these components."""
    return Config(
        watched=(Watched(page=page(), components=globs),), receivers=receivers, store="memory:"
    )


def hook(name):
    """A receiver of this name."""
    return Receiver(name=name, kind="webhook", settings=None)


def parts(*components):
    """What is known of the page: these components."""
    return Known(page_key=page().key, components={one.id: one for one in components})


async def keep(store, facts):
    """As if a visit had found this."""
    before = await store.load_known(page().key)
    await store.commit(Visit(page=page(), state=state(), before=before, known=facts))


def visited(outcome):
    """The end of a poll."""
    return VisitDone(page_key=page().key, provider="acme", outcome=outcome, seconds=0.1)


async def test_a_page_is_told_with_what_is_open_and_its_components():
    """Groups are headings; closed incidents are history."""
    store = CountingStore()
    open_one = incident("i1", status=IncidentStatus.INVESTIGATING, impact=Impact.MAJOR)
    over = incident("i2", status=IncidentStatus.RESOLVED)
    facts = known(open_one, over)
    shown = [
        component("a", name="API", group="Core", status=ComponentStatus.DEGRADED),
        component("b", name="Web", group=None, status=ComponentStatus.OPERATIONAL),
        component("g", name="Core", group=None, is_group=True, status=ComponentStatus.DEGRADED),
    ]
    await keep(store, replace(facts, components={one.id: one for one in shown}))
    stock = await Stocktaking(config(), store).take(PAGES, now=NOW)
    (now,) = stock.pages
    assert now.incidents == {(IncidentKind.INCIDENT, Impact.MAJOR): 1}
    assert now.components == {ComponentStatus.DEGRADED: 1, ComponentStatus.OPERATIONAL: 1}
    assert [(one.id, one.name) for one in now.shown] == [("a", "Core/API"), ("b", "Web")]
    assert (now.page, now.every, now.health) == (page().key, page().every, PAGES[0][1].health)


@pytest.mark.parametrize(
    "health",
    [
        {"read_at": NOW, "unreadable": Unreadable.NETWORK},
        {"read_at": NOW - timedelta(minutes=11)},
        {"read_at": None},
    ],
    ids=["unreadable", "too old", "never read"],
)
async def test_components_are_unknown_while_their_page_does_not_tell_of_now(health):
    """What it said before is no green of now; it is told again when the page is read."""
    store = CountingStore()
    healthy = component("a", name="API", group=None, status=ComponentStatus.OPERATIONAL)
    ill = component("b", name="Web", group=None, status=ComponentStatus.MAJOR_OUTAGE)
    await keep(store, parts(healthy, ill))
    taker = Stocktaking(config(), store)
    stock = await taker.take([(page(), state(**health))], now=NOW)
    (blind,) = stock.pages
    assert blind.components == {ComponentStatus.UNKNOWN: 2}
    assert [one.status for one in blind.shown] == [ComponentStatus.UNKNOWN] * 2
    (seen,) = (await taker.take(PAGES, now=NOW)).pages
    assert seen.components == {ComponentStatus.OPERATIONAL: 1, ComponentStatus.MAJOR_OUTAGE: 1}


async def test_components_are_read_again_only_after_a_change():
    """Figures every few seconds cost the store no query for each page."""
    store = CountingStore()
    await keep(store, parts(component("a", status=ComponentStatus.OPERATIONAL)))
    taker = Stocktaking(config(), store)
    for _ in range(3):
        await taker.take(PAGES, now=NOW)
    taker.visit_done(visited("not modified"))
    await taker.take(PAGES, now=NOW)
    assert store.reads == 1
    await keep(store, parts(component("a", status=ComponentStatus.MAJOR_OUTAGE)))
    taker.visit_done(visited("changed"))
    stock = await taker.take(PAGES, now=NOW)
    assert store.reads == 2
    assert stock.pages[0].components == {ComponentStatus.MAJOR_OUTAGE: 1}


async def test_what_changes_while_it_is_read_is_read_again():
    """A visit that ends just then is not forgotten."""
    taker = None

    class Racing(CountingStore):
        async def components(self, page_key):
            found = await super().components(page_key)
            if self.reads == 1:
                taker.visit_done(visited("changed"))
            return found

    store = Racing()
    taker = Stocktaking(config(), store)
    await taker.take(PAGES, now=NOW)
    await taker.take(PAGES, now=NOW)
    assert store.reads == 2


async def test_p2_a_store_that_cannot_be_read_leaves_the_pages_and_is_asked_again():
    """What memory holds is still told."""
    store = CountingStore()
    await keep(store, parts(component("a", status=ComponentStatus.OPERATIONAL)))
    taker = Stocktaking(config(receivers=(hook("ops"),)), store)
    store.refuses = True
    stock = await taker.take(PAGES, now=NOW, unready=("why",), is_offline=True)
    assert (stock.last_seq, stock.receivers) == (None, ())
    assert stock.pages[0].health == PAGES[0][1].health
    assert (stock.unready, stock.is_offline) == (("why",), True)
    store.refuses = False
    stock = await taker.take(PAGES, now=NOW)
    assert stock.pages[0].components == {ComponentStatus.OPERATIONAL: 1}
    assert stock.last_seq == 0


async def test_receivers_are_told_with_what_waits_and_whether_they_are_disabled():
    """Every receiver of the config, also one that never got anything."""
    store = MemoryStore()
    (one,) = await store.append([event(1)])
    await store.dispatch("dispatcher", 1, Outgoing(new=(delivery(one),)))
    await store.disable("away", Attempt(at=NOW, seconds=0.1, outcome="410"))
    receivers = (hook("ops"), hook("away"))
    stock = await Stocktaking(config(receivers=receivers), store).take(PAGES, now=NOW)
    ops, away = stock.receivers
    assert (ops.name, ops.deliveries, ops.oldest) == (
        "ops",
        {DeliveryStatus.WAITING: 1},
        delivery(one).created_at,
    )
    assert not ops.is_disabled
    assert (away.deliveries, away.oldest, away.is_disabled) == (Counter(), None, True)
    assert stock.last_seq == 1


async def test_j8_of_many_components_those_that_the_operator_asked_for_are_shown():
    """First these, then the others by their ids, so that the choice stays the same."""
    store = MemoryStore()
    many = [component(f"{number:04}", name=f"Edge {number}", group=None) for number in range(3000)]
    await keep(store, parts(*reversed(many)))
    stock = await Stocktaking(config("edge 29*"), store).take(PAGES, now=NOW)
    (now,) = stock.pages
    ids = [one.id for one in now.shown]
    assert sum(now.components.values()) == 3000
    assert len(ids) == COMPONENTS_A_PAGE
    assert ids[:2] == ["0029", "0290"]
    everything = await Stocktaking(config(), store).take(PAGES, now=NOW)
    assert everything.pages[0].shown[0].id == "0000"


@pytest.mark.parametrize("name", ["x" * 5000, "two\nlines\x1b[31m"])
async def test_x6_a_name_is_one_short_line(name):
    """It becomes a label."""
    store = MemoryStore()
    await keep(store, parts(component("a", name=name, group=None)))
    stock = await Stocktaking(config(), store).take(PAGES, now=NOW)
    (shown,) = stock.pages[0].shown
    assert len(shown.name) <= LONGEST_NAME
    assert shown.name.isprintable()


async def test_p2_a_look_that_is_broken_off_leaves_nothing_out():
    """Whatever ended it, what was not read is read the next time."""

    class Hanging(CountingStore):
        async def components(self, page_key):
            if not asked.is_set():
                asked.set()
                await asyncio.Event().wait()
            return await super().components(page_key)

    asked = asyncio.Event()
    store = Hanging()
    await keep(store, parts(component("a", status=ComponentStatus.OPERATIONAL)))
    taker = Stocktaking(config(), store)
    first = asyncio.create_task(taker.take(PAGES, now=NOW))
    await asked.wait()
    second = asyncio.create_task(taker.take(PAGES, now=NOW))
    await asyncio.sleep(0)
    first.cancel()
    stock = await second
    assert stock.pages[0].components == {ComponentStatus.OPERATIONAL: 1}


async def test_r6_a_store_that_is_away_ends_no_incident():
    """Absent is none, so what was counted last is told until it can be counted again."""

    class Away(CountingStore):
        async def open_incidents(self, page_keys=None):
            if self.refuses:
                raise StoreUnavailableError("a store", "it is away")
            return await super().open_incidents(page_keys)

    store = Away()
    await keep(store, known(incident("i1")))
    taker = Stocktaking(config(), store)
    before = await taker.take(PAGES, now=NOW)
    store.refuses = True
    after = await taker.take(PAGES, now=NOW)
    assert before.pages[0].incidents
    assert after.pages[0].incidents == before.pages[0].incidents


async def test_pages_that_others_poll_are_not_read():
    """Each process shows its own, so that all of them together show each once."""
    store = CountingStore()
    await keep(store, parts(component("a", status=ComponentStatus.OPERATIONAL)))
    await keep(store, known(incident("i1")))
    taker = Stocktaking(config(receivers=(hook("ops"),)), store)
    stock = await taker.take((), now=NOW)
    assert store.reads == 0
    assert stock.pages == ()
    assert [one.name for one in stock.receivers] == ["ops"]
    assert stock.last_seq == 0


async def test_a_page_that_others_changed_is_read_again():
    """It is ours now, and was theirs."""
    store = CountingStore()
    await keep(store, parts(component("a", status=ComponentStatus.OPERATIONAL)))
    taker = Stocktaking(config(), store)
    await taker.take(PAGES, now=NOW)
    await keep(store, parts(component("a", status=ComponentStatus.DEGRADED)))
    taker.changed(page().key)
    stock = await taker.take(PAGES, now=NOW)
    assert stock.pages[0].components == {ComponentStatus.DEGRADED: 1}


async def test_workers_are_counted_by_role_and_leases_by_what_they_are_for():
    """Those alive, and what one of them holds."""
    store = MemoryStore(is_shared=True)
    for id, roles in (("one", tuple(Role)), ("two", (Role.WEB,))):
        await store.renew(Worker(id=id, name=id, roles=roles, version="1", started_at=NOW))
    await store.claim("one", dict.fromkeys([shard(1), shard(2), DISPATCHER, receiver_lease("a")]))
    roster = await store.roster()
    assert count_workers(roster, "one") == WorkersNow(
        alive={Role.POLL: 1, Role.DELIVER: 1, Role.WEB: 2}, shards=2, deliveries=2
    )
    assert count_workers(roster, "two").shards == 0
