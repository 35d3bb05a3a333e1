"""From the log to deliveries, over both stores."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from bellbuoy.delivery import dispatcher as room
from bellbuoy.delivery.dispatcher import READER
from bellbuoy.errors import StoreUnavailableError
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import DeliveryStatus, Matcher, Occasion
from bellbuoy.routing.routes import Route
from bellbuoy.stores.memory import MemoryStore
from bellbuoy.stores.opening import open_store
from tests.delivery.scenes import EVERYTHING, Heard, Scene, hold_open, hook, life, stop
from tests.event_samples import AT, component_event, incident_event, page_event
from tests.virtual_time import now, run_virtual

BOTH = (Route(name="all", to=("ops", "web")),)


@pytest.fixture(params=["memory", "sqlite"])
async def it(request, tmp_path):
    """A scene over each store; its clock stands still."""
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/bellbuoy.db"
    async with open_store(url) as store:
        yield Scene(store, clock=lambda: AT)


async def queue(it, receiver="ops"):
    """What waits for a receiver, as (incident, update, rule), in the order of the log."""
    deliveries = await it.store.deliveries(receiver=receiver, limit=10_000)
    events = {event.seq: event for event in await it.store.read_events(limit=10_000)}
    return [
        (events[each.seq].incident.id, events[each.seq].update.id, _rule(each))
        for each in sorted(deliveries, key=lambda each: each.seq)
    ]


def _rule(delivery):
    is_welcome = delivery.occasion is Occasion.OPEN
    return f"{delivery.rule} (already open)" if is_welcome else delivery.rule


async def test_r1_each_event_is_one_delivery_per_receiver_however_often_it_is_read(it):
    """A dispatcher that begins again after a crash writes nothing twice."""
    for _ in range(3):
        await it.record(*life("i1", 3))
    dispatcher = it.dispatcher()
    assert await dispatcher.catch_up() == await dispatcher.catch_up() == 3
    assert await queue(it) == [("i1", f"u{n}", "all") for n in range(3)]
    assert await it.store.read_cursor(READER) == 3


async def test_only_what_a_route_tells_is_delivered_and_every_no_has_its_reason(it):
    """The observer hears why a receiver was not told, and `explain` can say so."""
    routes = (Route(name="github", to=("ops",), when=Matcher(providers=("github",))),)
    dispatcher = it.dispatcher(routes=routes)
    await dispatcher.begin()
    await it.store.append([*life("i1", 1), component_event()])
    await dispatcher.catch_up()
    assert not await it.store.deliveries()
    assert [(w.receiver, w.reason) for w in it.heard.withholdings] == [
        ("ops", "another provider"),
        ("ops", "a kind that was not asked for"),
    ]


async def test_a_new_receiver_on_a_new_log_is_told_everything(it):
    """What the first look finds is recorded after `begin`: nothing of it is missed."""
    dispatcher = it.dispatcher()
    await dispatcher.begin()
    await it.store.append([*life("i1", 1), page_event(), page_event(EventKind.PAGE_READABLE)])
    await dispatcher.catch_up()
    assert len(await it.store.deliveries()) == 3


async def test_a_new_receiver_on_an_old_log_hears_what_is_open_and_what_comes(it):
    """The past is not repeated: one message for each open incident, its newest."""
    await it.record(*life("old", 3), *life("open", 2))
    await hold_open(it.store, "open")
    await it.store.append(life("open", 1, first=2))
    dispatcher = it.dispatcher(hook("ops"), hook("web"), routes=BOTH)
    await dispatcher.begin()
    await it.store.append(life("open", 1, first=3))
    await dispatcher.catch_up()
    assert await queue(it, "web") == [("open", "u2", "all (already open)"), ("open", "u3", "all")]
    assert [update for _, update, _ in await queue(it)][-2:] == ["u2", "u3"]
    assert len(await queue(it)) == 7
    again = it.dispatcher(hook("ops"), hook("web"), routes=BOTH)
    await again.catch_up()
    assert len(await queue(it, "web")) == 2


async def test_a_crash_while_a_receiver_begins_loses_and_repeats_nothing(it, monkeypatch):
    """Killed after its first deliveries and before it is noted: the next start finds the same."""
    await it.record(*life("open", 2))
    await hold_open(it.store, "open")

    async def killed(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(it.store, "write_cursor", killed, raising=False)
        with pytest.raises(RuntimeError):
            await it.dispatcher(hook("ops"), hook("web"), routes=BOTH).begin()
    await it.store.append(life("open", 1, first=2))
    dispatcher = it.dispatcher(hook("ops"), hook("web"), routes=BOTH)
    await dispatcher.catch_up()
    assert [update for _, update, _ in await queue(it, "web")] == ["u1", "u2"]
    assert [update for _, update, _ in await queue(it)] == ["u0", "u1", "u2"]


async def test_c8_what_is_open_is_told_by_the_newest_event_that_the_route_tells(it):
    """An edit that is for the log only does not hide the incident; filters hold."""
    edited = incident_event(EventKind.INCIDENT_EDITED, incident="open", update="u1", body="edit")
    late = incident_event(EventKind.INCIDENT_UPDATED, incident="open", update="u2", late=True)
    await it.record(*life("open", 2), edited, late)
    await hold_open(it.store, "open", "never-recorded")
    routes = (*EVERYTHING, Route(name="github", to=("web",), when=Matcher(providers=("github",))))
    routes = (*routes, Route(name="late", to=("log",), late=True))
    await it.dispatcher(*map(hook, ("ops", "web", "log")), routes=routes).begin()
    assert await queue(it, "log") == [("open", "u2", "late (already open)")]
    assert await queue(it, "web") == []


async def test_an_open_incident_of_more_events_than_one_read_is_told_by_its_newest(it, monkeypatch):
    """A long outage has hundreds of updates."""
    monkeypatch.setattr(room, "BATCH", 3)
    await it.record(*life("open", 8))
    await hold_open(it.store, "open")
    await it.dispatcher(hook("ops"), hook("web"), routes=BOTH).begin()
    assert await queue(it, "web") == [("open", "u7", "all (already open)")]


async def test_a_receiver_that_was_there_before_hears_first_what_it_missed(it):
    """Recorded but not yet dispatched when we died: it comes first, before the new one begins."""
    await it.record(*life("i1", 1))
    await it.store.append(life("i1", 2, first=1))
    await it.dispatcher(hook("ops"), hook("web"), routes=BOTH).begin()
    assert [update for _, update, _ in await queue(it)] == ["u0", "u1", "u2"]
    assert await queue(it, "web") == []


async def test_a_receiver_that_began_keeps_no_old_event_from_being_dropped(it):
    """Neither one that is told nothing, nor one that was taken out of the config."""
    quiet = (*EVERYTHING, Route(name="github", to=("web",), when=Matcher(providers=("github",))))
    dispatcher = it.dispatcher(hook("ops"), hook("web"), routes=quiet)
    await dispatcher.begin()
    await it.store.append(life("i1", 5))
    await dispatcher.catch_up()
    for delivery in await it.store.deliveries(status=DeliveryStatus.WAITING):
        await it.store.settle(replace(delivery, status=DeliveryStatus.DONE))
    assert await it.store.prune(AT + timedelta(days=1)) == 5


async def test_couriers_are_woken_when_there_is_something_for_them(it):
    """And only then, and only those for whom it is."""
    woken = []
    routes = (*EVERYTHING, Route(name="pages", to=("pager",), when=Matcher(kinds=("page",))))
    receivers = (hook("ops"), hook("pager"))
    dispatcher = it.dispatcher(*receivers, routes=routes, wake=woken.append)
    await dispatcher.begin()
    await it.store.append([component_event()])
    await dispatcher.catch_up()
    assert not woken
    await it.store.append(life("i1", 3))
    await dispatcher.catch_up()
    assert woken == [{"ops"}]


async def test_deliveries_and_the_cursor_are_one_transaction(it, monkeypatch):
    """A dispatch that fails leaves both as they were, and the next one has everything."""
    await it.record(*life("i1", 1))
    await it.store.append(life("i1", 2, first=1))
    real = it.store.dispatch

    async def full(*_):
        raise StoreUnavailableError("the disk is full")

    monkeypatch.setattr(it.store, "dispatch", full, raising=False)
    with pytest.raises(StoreUnavailableError):
        await it.dispatcher().catch_up()
    monkeypatch.setattr(it.store, "dispatch", real, raising=False)
    assert await it.store.read_cursor(READER) == 1
    await it.dispatcher().catch_up()
    assert [update for _, update, _ in await queue(it)] == ["u0", "u1", "u2"]


async def test_large_backlogs_are_dispatched_in_bounded_steps(it, monkeypatch):
    """Memory holds one batch, whatever waits."""
    monkeypatch.setattr(room, "BATCH", 10)
    sizes = []
    real = it.store.dispatch

    async def dispatch(reader, seq, outgoing):
        sizes.append(len(outgoing.new))
        await real(reader, seq, outgoing)

    monkeypatch.setattr(it.store, "dispatch", dispatch, raising=False)
    await it.record(*life("i1", 35))
    assert sizes == [0, 10, 10, 10, 5]


class Flaky(MemoryStore):
    """A store that refuses for a while."""

    refuses = False

    async def read_events(self, **rest):
        """Refuse if told to."""
        if self.refuses:
            raise StoreUnavailableError("input/output error")
        return await super().read_events(**rest)


@asynccontextmanager
async def running(dispatcher):
    """A dispatcher that follows the log."""
    task = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        await stop(task)


def test_it_follows_the_log_and_waits_for_a_store_that_refuses():
    """It tells of the trouble once, and nothing recorded meanwhile is lost."""

    async def situation():
        heard = Heard()
        it = Scene(Flaky(), heard=heard, clock=now)
        async with running(it.dispatcher()):
            await asyncio.sleep(1)
            await it.store.append(life("i1", 1))
            await asyncio.sleep(1)
            assert len(await it.store.deliveries()) == 1
            it.store.refuses = True
            await it.store.append(life("i1", 1, first=1))
            await asyncio.sleep(3600)
            it.store.refuses = False
            await asyncio.sleep(10)
            assert len(await it.store.deliveries()) == 2
        levels = [happened.level for happened in heard.told("the dispatcher waits")]
        assert levels == ["error", "info"]

    run_virtual(situation())


def test_deliveries_of_one_lane_are_in_the_order_of_the_log():
    """R3 begins here: the numbers rise."""

    async def situation():
        it = Scene(MemoryStore())
        await it.record(*life("i1", 20))
        deliveries = await it.store.deliveries()
        assert all(new.seq > old.seq for new, old in pairwise(deliveries))
        assert len({each.lane for each in deliveries}) == 1

    run_virtual(situation())
