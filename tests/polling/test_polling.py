"""Whole monitors in virtual time: what is polled when, and what comes of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bellbuoy.app import App
from bellbuoy.config import Config
from bellbuoy.detection.cadence import BACKOFF_AT_MOST
from bellbuoy.errors import FetchError, StoreUnavailableError, Unreadable
from bellbuoy.events import Event
from bellbuoy.model.facts import Snapshot
from bellbuoy.observer import Happened, Observer, VisitDone
from bellbuoy.polling.poller import RECOGNISE_EVERY
from bellbuoy.stores.memory import MemoryStore
from tests.detection.saying import incident, page_says, update
from tests.event_schema import valid
from tests.polling.scripted import PlainFormat, ScriptedNetwork, config, now, page
from tests.stores.samples import event as sample
from tests.virtual_time import move_wall_clock, run_virtual

QUIET = page_says(stamp=0)
TROUBLE = page_says(incident("a", update("1")), stamp=1)


def monitored(
    settings: Config,
    network: ScriptedNetwork,
    *,
    seconds: float,
    store: MemoryStore | None = None,
    observer: Observer | None = None,
    during: Callable[[App], Awaitable[None]] | None = None,
) -> list[Event]:
    """Watch for some virtual seconds; the events that were recorded."""

    async def situation() -> list[Event]:
        log = store or MemoryStore()
        app = App(settings, store=log, network=network, now=now, observer=observer)
        async with app:
            if during is not None:
                await during(app)
            await app.stopped(seconds)
        events: list[Event] = []
        while batch := await log.read_events(after=len(events)):
            events += valid(batch)
        return events

    return run_virtual(situation())


def kinds(events: list[Event]) -> Counter[str]:
    """How often each kind was recorded."""
    return Counter(event.kind.value for event in events)


def test_a_new_incident_is_recorded_within_an_interval() -> None:
    """The whole pipe, from a page that changes to the log."""
    network = ScriptedNetwork(lambda url, time: TROUBLE if time > 200 else QUIET)
    (event,) = monitored(config(page()), network, seconds=400)
    assert event.kind == "incident.opened"
    assert event.seq == 1
    assert (event.observed_at - now_at(200)).total_seconds() <= 60.5


def now_at(seconds: float) -> object:
    """The wall clock of a virtual run after some seconds."""
    from datetime import timedelta

    from tests.virtual_time import START

    return START + timedelta(seconds=seconds)


def test_h1_a_frozen_etag_is_looked_through_within_the_hour() -> None:
    """A server that answers 304 for ever is asked without validators now and then."""
    network = ScriptedNetwork(
        lambda url, time: TROUBLE if time > 100 else QUIET, etag=lambda body, count: "frozen"
    )
    events = monitored(config(page()), network, seconds=2 * 3600)
    assert kinds(events) == {"incident.opened": 1}


def test_h1_while_an_incident_is_open_the_etag_is_trusted_for_minutes_only() -> None:
    """The end of an open incident may not wait for an hour."""
    network = ScriptedNetwork(lambda url, time: TROUBLE)
    monitored(config(page()), network, seconds=3600)
    times = network.unconditional[page().url]
    assert max(late - early for early, late in pairwise(times)) <= 400


def test_h2_an_etag_that_always_changes_costs_no_reading() -> None:
    """The body's hash says that nothing changed before anything is parsed."""
    format = PlainFormat()
    network = ScriptedNetwork(lambda url, time: QUIET, etag=lambda body, count: f'"{count}"')
    events = monitored(config(page(), format=format), network, seconds=6000)
    assert events == []
    assert network.asked[page().url] >= 100
    assert format.reads == 1


@pytest.mark.parametrize(
    "error",
    [
        FetchError("u", Unreadable.REFUSED, "503", status=503),
        FetchError("u", Unreadable.NETWORK, "no such host"),
        FetchError("u", Unreadable.NETWORK, "certificate expired; see ca_file"),
        FetchError("u", Unreadable.NETWORK, "connection reset"),
    ],
)
def test_h8_six_hours_of_trouble_are_one_unreadable_and_one_readable(error: FetchError) -> None:
    """Whatever fails, it is said once, and once more when it is over; and we look politely."""

    def script(url: str, time: float) -> Snapshot:
        if 600 < time < 600 + 6 * 3600:
            raise error
        return QUIET

    network = ScriptedNetwork(script)
    events = monitored(config(page()), network, seconds=8 * 3600)
    assert kinds(events) == {"page.unreadable": 1, "page.readable": 1}
    assert events[0].reason == error.reason
    said_after = (events[0].observed_at - now_at(600)).total_seconds()  # type: ignore[operator]
    assert said_after <= 300 + 2 * 60
    gaps = [late - early for early, late in pairwise(network.times[page().url])]
    assert max(gaps) <= BACKOFF_AT_MOST + 1
    assert network.asked[page().url] < 6 * 6 + 60 * 3


def test_s7_a_page_that_is_gone_says_so_once_and_ends_nothing() -> None:
    """404 is not "all resolved"."""

    def script(url: str, time: float) -> Snapshot:
        if time > 300:
            raise FetchError(url, Unreadable.GONE, "404", status=404)
        return TROUBLE

    store = MemoryStore()
    events = monitored(config(page()), ScriptedNetwork(script), seconds=3600, store=store)
    assert kinds(events) == {"incident.opened": 1, "page.unreadable": 1}
    assert run_virtual(store.open_incidents())[0][1].is_open


def test_s3_an_emptied_page_is_unreadable_and_resolves_nothing() -> None:
    """Everything that was there is gone: a fault, after three looks."""
    empty = page_says(components=(), stamp=2)
    network = ScriptedNetwork(lambda url, time: TROUBLE if time < 300 else empty)
    events = monitored(config(page()), network, seconds=1800)
    assert kinds(events) == {"incident.opened": 1, "page.unreadable": 1}
    assert events[1].reason == "emptied"


def test_h6_garbage_with_200_is_unreadable_never_all_clear() -> None:
    """A challenge page instead of the document."""
    network = ScriptedNetwork(
        lambda url, time: TROUBLE if time < 300 else b"<html>are you human?</html>"
    )
    events = monitored(config(page()), network, seconds=1800)
    assert kinds(events) == {"incident.opened": 1, "page.unreadable": 1}
    assert events[1].reason == "not the format"


def test_h15_our_own_outage_is_two_events_however_many_pages() -> None:
    """Two thousand pages, the network gone for an hour: offline, online, nothing else."""

    def script(url: str, time: float) -> Snapshot:
        if 600 < time < 4200:
            raise FetchError(url, Unreadable.NETWORK, "network is unreachable")
        return QUIET

    pages = [page(number, every=300) for number in range(2000)]
    events = monitored(config(*pages), ScriptedNetwork(script), seconds=6000)
    assert kinds(events) == {"monitor.offline": 1, "monitor.online": 1}


def test_h15_an_outage_that_the_store_shared_is_not_said_to_be_over() -> None:
    """A database behind the same uplink never heard that we were offline."""

    class Remote(MemoryStore):
        async def append(self, events):
            if 600 < asyncio.get_running_loop().time() < 1200:
                raise StoreUnavailableError("no route to host")
            return await super().append(events)

    def script(url: str, time: float) -> Snapshot:
        if 600 < time < 1200 or 2400 < time < 3000:
            raise FetchError(url, Unreadable.NETWORK, "no route to host")
        return QUIET

    pages = [page(number) for number in range(10)]
    events = monitored(config(*pages), ScriptedNetwork(script), seconds=4200, store=Remote())
    assert [event.kind for event in events] == ["monitor.offline", "monitor.online"]
    assert events[0].observed_at > now_at(2400)


def test_five_pages_out_of_reach_at_the_start_say_that_it_is_us() -> None:
    """What a first run without a network shows."""

    def script(url: str, time: float) -> Snapshot:
        raise FetchError(url, Unreadable.NETWORK, "name resolution failed")

    pages = [page(number) for number in range(5)]
    events = monitored(config(*pages), ScriptedNetwork(script), seconds=45)
    assert kinds(events) == {"monitor.offline": 1}


@pytest.mark.parametrize(("total", "hung"), [(100, 60), (1000, 900)])
def test_h16_hung_pages_do_not_keep_the_healthy_ones_waiting(total: int, hung: int) -> None:
    """Most of the pages hang: the others keep their interval."""

    async def never() -> Snapshot:
        await asyncio.sleep(3600)
        return QUIET

    def script(url: str, time: float) -> Snapshot | Awaitable[Snapshot]:
        number = int(url.removeprefix("https://status").removesuffix(".example"))
        return never() if number < hung else QUIET

    network = ScriptedNetwork(script)
    pages = [page(number, every=30) for number in range(total)]
    monitored(config(*pages), network, seconds=600)
    polls = [network.asked[one.url] for one in pages[hung:]]
    assert min(polls) >= 18, "of 20 intervals, the first may be spread and displaced"
    assert network.most_in_flight <= 100


def test_t1_a_machine_that_slept_looks_at_every_page_within_a_minute() -> None:
    """The monotonic clock stood still for eight hours."""
    network = ScriptedNetwork(lambda url, time: QUIET)
    pages = [page(number, every=3600) for number in range(200)]
    waking = 0.0

    async def sleep_and_wake(app: App) -> None:
        nonlocal waking
        await asyncio.sleep(120)
        move_wall_clock(8 * 3600)
        waking = asyncio.get_running_loop().time()

    monitored(config(*pages), network, seconds=70, during=sleep_and_wake)
    for one in pages:
        assert any(waking < time <= waking + 60 for time in network.times[one.url])


@pytest.mark.parametrize("step", [-3600, 3600, -10, 10])
def test_t2_a_clock_that_is_set_makes_no_storm_and_no_stall(step: float) -> None:
    """Intervals run on the monotonic clock."""
    network = ScriptedNetwork(lambda url, time: QUIET)

    async def set_clock(app: App) -> None:
        await asyncio.sleep(300)
        move_wall_clock(step)

    monitored(config(page()), network, seconds=300, during=set_clock)
    assert 9 <= network.asked[page().url] <= 12


def test_t3_ten_thousand_pages_start_evenly() -> None:
    """No second sees more than one and a half times the mean."""
    network = ScriptedNetwork(lambda url, time: QUIET)
    pages = [page(number) for number in range(10_000)]
    monitored(config(*pages, seats=1000), network, seconds=31)
    seconds = Counter(int(times[0]) for times in network.times.values())
    assert sum(seconds.values()) == 10_000
    assert max(seconds.values()) <= 1.5 * 10_000 / 30


def test_h5_a_held_page_is_not_asked_before_its_time() -> None:
    """Retry-After 600 means ten minutes, also for a page that is due every minute."""

    def script(url: str, time: float) -> Snapshot:
        raise FetchError(url, Unreadable.REFUSED, "429", status=429, retry_after=600)

    network = ScriptedNetwork(script)
    monitored(config(page()), network, seconds=1210 + 60)
    gaps = [late - early for early, late in pairwise(network.times[page().url])]
    assert all(gap >= 600 for gap in gaps)
    assert len(gaps) >= 1


def test_a_notice_without_a_status_does_not_keep_the_pace_up_for_ever() -> None:
    """A plain vendor feed never says that anything is over."""
    notice = page_says(incident("n", update("1", "unknown")), stamp=1)
    network = ScriptedNetwork(lambda url, time: notice if time > 100 else QUIET)
    events = monitored(config(page()), network, seconds=3600)
    assert kinds(events) == {"incident.opened": 1}
    assert network.asked[page().url] <= 62


def test_h5_what_a_host_asked_for_is_on_disk_at_once() -> None:
    """A kill -9 right after the answer must not make us forget it."""

    def script(url: str, time: float) -> Snapshot:
        raise FetchError(url, Unreadable.REFUSED, "429", status=429, retry_after=600)

    class Strict(MemoryStore):
        async def save_states(self, states):  # type: ignore[no-untyped-def]
            raise AssertionError("not with the minute's batch")

    store = Strict()

    async def look(app: App) -> None:
        await asyncio.sleep(2)
        (state,) = (await store.load_states([page().key])).values()
        assert state.health.held_until is not None

    monitored(config(page()), ScriptedNetwork(script), seconds=1, store=store, during=look)


def test_an_open_incident_is_looked_at_twice_as_often_and_no_more() -> None:
    """Faster while it matters."""
    network = ScriptedNetwork(lambda url, time: TROUBLE)
    monitored(config(page()), network, seconds=3600)
    gaps = [late - early for early, late in pairwise(network.times[page().url])]
    assert min(gaps) >= 29.9
    assert max(gaps) <= 31


def test_p2_a_store_that_fails_loses_no_event_and_recovers() -> None:
    """The visit is not kept, so neither are its validators; the next one tells it all."""

    class FullDisk(MemoryStore):
        full = True

        async def commit(self, visit):  # type: ignore[no-untyped-def]
            if self.full:
                raise StoreUnavailableError("no space left on device")
            return await super().commit(visit)

    store = FullDisk()

    async def free_space(app: App) -> None:
        await asyncio.sleep(500)
        store.full = False

    network = ScriptedNetwork(lambda url, time: TROUBLE)
    events = monitored(config(page()), network, seconds=500, store=store, during=free_space)
    assert kinds(events) == {"incident.opened": 1}


class Slow(MemoryStore):
    """A commit takes ten seconds, and what comes after it waits; `committing` counts them.

    So does an event of the monitor itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.committing = 0
        self.begun = asyncio.Event()
        self.turn = asyncio.Lock()

    async def commit(self, visit):  # type: ignore[no-untyped-def]
        """See `Store`."""
        async with self._slowly():
            return await super().commit(visit)

    async def append(self, events):  # type: ignore[no-untyped-def]
        """See `Store`."""
        async with self._slowly():
            return await super().append(events)

    async def save_states(self, states):  # type: ignore[no-untyped-def]
        """See `Store`."""
        async with self.turn:
            await super().save_states(states)

    @asynccontextmanager
    async def _slowly(self) -> AsyncIterator[None]:
        self.committing += 1
        self.begun.set()
        async with self.turn:
            await asyncio.sleep(10)
            self.committing -= 1
            yield


async def lapse_while_committing(app: App, store: Slow, until: float) -> int:
    """Have visits given up whenever something is being written; how often."""
    lapses = 0
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(1)
        if store.committing:
            lapses += 1
            app._rounds.lapsed()
    return lapses


def test_m1_a_visit_that_is_given_up_while_it_is_kept_is_not_forgotten() -> None:
    """Else the page that is told of as unreadable would never be told of as readable."""
    store = Slow()

    async def lapse(app: App) -> None:
        assert await lapse_while_committing(app, store, 3600) >= 20

    network = ScriptedNetwork(lambda url, time: b"garbage" if 60 < time < 1800 else QUIET)
    events = monitored(config(page()), network, seconds=1, store=store, during=lapse)
    assert kinds(events) == {"page.unreadable": 1, "page.readable": 1}


def test_m1_that_it_is_us_is_told_by_a_visit_that_is_given_up() -> None:
    """Nobody will notice a second time that all are out of reach, or back."""
    store = Slow()

    def script(url: str, time: float) -> Snapshot:
        if 100 < time < 1500:
            raise FetchError(url, Unreadable.NETWORK, "no route to host")
        return QUIET

    async def lapse(app: App) -> None:
        assert await lapse_while_committing(app, store, 3000) >= 20

    pages = [page(number) for number in range(20)]
    events = monitored(
        config(*pages), ScriptedNetwork(script), seconds=1, store=store, during=lapse
    )
    assert kinds(events) == {"monitor.offline": 1, "monitor.online": 1}


@pytest.mark.parametrize("is_running", [True, False])
def test_m1_what_a_visit_wrote_is_not_overwritten_with_what_was_before(
    is_running: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """States are written down, as now and then or at the end, while a commit takes its time."""
    monkeypatch.setattr("bellbuoy.app.FLUSH_EVERY", 10_000)
    store = Slow()

    network = ScriptedNetwork(lambda url, time: b"garbage" if 60 < time < 1800 else QUIET)

    async def situation() -> None:
        async with App(config(page()), store=store, network=network, now=now) as app:
            await asyncio.sleep(60)
            store.begun.clear()
            await store.begun.wait()
            if is_running:
                await app._rounds.flush()
                await asyncio.sleep(20)
        await asyncio.sleep(20)
        (event,) = await store.read_events()
        assert event.kind == "page.unreadable"
        states = await store.load_states([page().key])
        assert states[page().key].health.unreadable

    run_virtual(situation())


def test_m1_visits_that_are_given_up_begin_anew() -> None:
    """What was asked for under leases that count no more is asked for again, and told once."""

    async def slow(url: str, time: float) -> Snapshot:
        await asyncio.sleep(10)
        return TROUBLE if time > 100 else QUIET

    async def lapse(app: App) -> None:
        await asyncio.sleep(125)
        assert network.in_flight == 1
        app._rounds.lapsed()

    network = ScriptedNetwork(slow)
    events = monitored(config(page()), network, seconds=20, during=lapse)
    *_, given_up, anew = network.times[page().url]
    assert (round(given_up), round(anew)) == (120, 125)
    assert kinds(events) == {"incident.opened": 1}


def test_h3_validators_are_kept_only_with_the_data_they_vouch_for() -> None:
    """Nothing that could not be kept is ever asked about with its own ETag."""

    class Refusing(MemoryStore):
        async def commit(self, visit):  # type: ignore[no-untyped-def]
            raise StoreUnavailableError("input/output error")

    network = ScriptedNetwork(lambda url, time: TROUBLE)
    monitored(config(page()), network, seconds=600, store=Refusing())
    assert network.unconditional[page().url] == network.times[page().url]


class _BrokenVisits(Observer):
    def visit_done(self, details: VisitDone) -> None:
        raise RuntimeError("a bug")


@pytest.mark.parametrize("method", ["save_states", "prune", "read_cursor", "due_deliveries"])
def test_p9_a_background_task_that_dies_ends_the_app_with_its_error(
    method: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Flush, prune, dispatcher, worker: half a monitor looks like a quiet day, so there is none."""
    from bellbuoy.notifiers import Receiver, file
    from bellbuoy.routing.routes import Route

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(MemoryStore, method, broken)
    receiver = Receiver(
        name="out", kind="file", settings=file.Settings(path=tmp_path / "out.jsonl")
    )
    settings = replace(
        config(page()), receivers=(receiver,), routes=(Route(name="all", to=("out",)),)
    )
    network = ScriptedNetwork(lambda url, time: QUIET)
    with pytest.raises(RuntimeError, match="a bug"):
        monitored(settings, network, seconds=2 * 3600)


def test_p9_a_visit_that_breaks_ends_the_app_with_its_error() -> None:
    """An error nobody expected is not swallowed."""
    network = ScriptedNetwork(lambda url, time: QUIET)
    with pytest.raises(RuntimeError, match="a bug"):
        monitored(config(page()), network, seconds=300, observer=_BrokenVisits())


def test_s4_a_component_filter_that_matches_nothing_says_so_once() -> None:
    """With the page's own names; the scope is never widened in silence."""

    class Listening(Observer):
        said: list[str] = []  # noqa: RUF012 - one run

        def happened(self, details: Happened) -> None:
            self.said.append(details.what)

    settings = config(page())
    watched = tuple(replace(one, components=("Ap*", "Wep")) for one in settings.watched)
    network = ScriptedNetwork(lambda url, time: page_says(stamp=time))
    listening = Listening()
    monitored(replace(settings, watched=watched), network, seconds=600, observer=listening)
    (said,) = listening.said
    assert "no component is like Wep; there are: API" in said


def test_c3_a_noisy_page_is_marked_in_its_health() -> None:
    """Its edits end, and its health says why."""

    def script(url: str, time: float) -> Snapshot:
        return page_says(incident("a", update("1", body=f"now {time}")), stamp=time)

    store = MemoryStore()
    events = monitored(config(page()), ScriptedNetwork(script), seconds=3600, store=store)
    assert kinds(events)["incident.edited"] == 24
    (state,) = run_virtual(store.load_states([page().key])).values()
    assert state.health.noisy


def test_s1_a_vendor_that_changes_its_engine_is_one_move_and_no_incident() -> None:
    """All ids are new, sixty old incidents come with it, and what is open keeps its key."""
    before = page_says(incident("a", update("1", body="we look")), stamp=0)
    past = [incident(f"new{n}", update("x", "resolved"), started=-n) for n in range(1, 60)]
    opened = incident("01NEW", update("y", body="we look"))
    after = page_says(opened, *past, stamp=30)
    told_more = incident("01NEW", update("y", body="we look"), update("z", "resolved", minute=60))
    over = page_says(told_more, *past, stamp=60)

    def script(url: str, time: float) -> bytes:
        if time < 600:
            return msgspec.json.encode(before)
        return b"new:" + msgspec.json.encode(after if time < 3600 else over)

    store = MemoryStore()
    settings = config(page(), more=PlainFormat("engine", b"new:"))
    events = monitored(settings, ScriptedNetwork(script), seconds=2 * 3600, store=store)
    assert [event.kind for event in events] == [
        "incident.opened",
        "page.unreadable",
        "page.moved",
        "page.readable",
        "incident.resolved",
    ]
    assert "format: engine" in (events[2].reason or "")
    assert [event.incident.id for event in events if event.incident] == ["a", "a"]
    restarted = monitored(settings, ScriptedNetwork(script_of(over)), seconds=300, store=store)
    assert len(restarted) == len(events)


def test_s1_a_page_that_fails_right_after_it_was_found_moved_stays_moved() -> None:
    """What is kept at last is the new format; it is told once, and read as soon as it answers."""
    store = MemoryStore()
    settings = config(page(), more=PlainFormat("engine", b"new:"))

    async def script(url: str, time: float) -> bytes:
        is_told = "page.moved" in kinds(list(await store.read_events()))
        if is_told and time < 3600:
            raise FetchError(url, Unreadable.BLOCKED, "403", status=403)
        return (b"" if time < 600 else b"new:") + msgspec.json.encode(QUIET)

    monitored(settings, ScriptedNetwork(script), seconds=3000, store=store)
    (state,) = run_virtual(store.load_states([page().key])).values()
    assert (state.format, state.instead_of) == ("engine", "plain")
    assert state.health.failures > RECOGNISE_EVERY
    events = monitored(settings, ScriptedNetwork(script_of(QUIET)), seconds=3600, store=store)
    assert list(kinds(events)) == ["page.unreadable", "page.moved", "page.readable"]


def script_of(snapshot: Snapshot) -> Callable[[str, float], bytes]:
    """A page of the new engine that always says this."""
    return lambda url, time: b"new:" + msgspec.json.encode(snapshot)


def test_a_restart_repeats_nothing_and_misses_nothing() -> None:
    """The second run goes on where the first was."""
    store = MemoryStore()
    first = ScriptedNetwork(lambda url, time: TROUBLE if time > 100 else QUIET)
    assert kinds(monitored(config(page()), first, seconds=300, store=store)) == {
        "incident.opened": 1
    }
    over = page_says(incident("a", update("1"), update("2", "resolved", minute=5)), stamp=5)
    second = ScriptedNetwork(lambda url, time: TROUBLE if time < 100 else over)
    events = monitored(config(page()), second, seconds=300, store=store)
    assert [event.kind for event in events] == ["incident.opened", "incident.resolved"]


def test_a_page_taken_out_of_the_config_ends_its_incidents_for_the_log_only() -> None:
    """No longer watched is not resolved."""
    store = MemoryStore()
    network = ScriptedNetwork(lambda url, time: TROUBLE)
    monitored(config(page(0), page(1)), network, seconds=120, store=store)
    events = monitored(config(page(1)), network, seconds=120, store=store)
    (ended,) = [event for event in events if event.kind == "incident.withdrawn"]
    assert ended.page.key == page(0).key
    assert ended.is_log_only


def test_a_reader_that_never_comes_back_does_not_keep_the_log_for_ever() -> None:
    """A `watch` that was run once holds back what it did not print for a month, and no longer."""

    async def left_after(days: int) -> int:
        store = MemoryStore()
        old = now() - timedelta(days=days)
        await store.append([sample(number, observed_at=old) for number in (1, 2)])
        await store.write_cursor("console", 1)
        settings = replace(config(page(every=3600.0)), retention=86400.0)
        network = ScriptedNetwork(lambda url, time: QUIET)
        async with App(settings, store=store, network=network, now=now) as app:
            await app.stopped(2 * 3600)
        return len(await store.read_events())

    assert [run_virtual(left_after(days)) for days in (0, 2, 30, 32)] == [2, 1, 1, 0]
