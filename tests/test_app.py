"""A whole monitor, asked how it is: ready, stuck, and what stands."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from bellbuoy.app import FLUSH_EVERY, App
from bellbuoy.config import Config
from bellbuoy.delivery.courier import Courier
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.delivery.heartbeat import Heartbeat
from bellbuoy.errors import FetchError, StoreUnavailableError, Unreadable
from bellbuoy.model.delivery import Beat
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind
from bellbuoy.notifiers import Receiver, file
from bellbuoy.polling.scheduler import Scheduler
from bellbuoy.routing.routes import Route
from bellbuoy.stores.memory import MemoryStore
from bellbuoy.telemetry.metrics import Metrics
from tests.detection.saying import component, incident, page_says, update
from tests.polling.scripted import Script, ScriptedNetwork, config, now, page
from tests.telemetry.scraped import samples, value
from tests.virtual_time import run_virtual

QUIET = page_says(stamp=0)


def asked(
    question: Callable[[App], Awaitable[None]],
    script: Script = lambda url, time: QUIET,
    settings: Config | None = None,
    **more: object,
) -> None:
    """Start a monitor in virtual time, and ask it."""

    async def situation() -> None:
        app = App(
            settings or config(page()),
            store=MemoryStore(),
            network=ScriptedNetwork(script),
            now=now,
            **more,
        )
        async with app:
            await question(app)

    run_virtual(situation())


def with_receiver(path: Path) -> Config:
    """A config in which every kind of task has something to do."""
    receiver = Receiver(name="out", kind="file", settings=file.Settings(path=path / "out.jsonl"))
    return replace(
        config(page()),
        receivers=(receiver,),
        routes=(Route(name="all", to=("out",)),),
        heartbeat=Beat(url="http://127.0.0.1:9/", every=60.0),
    )


def test_p9_a_monitor_is_ready_from_its_start_and_stays_so() -> None:
    """Before the first visit has ended, and for hours after it."""

    async def question(app: App) -> None:
        assert app.ready() == ()
        await asyncio.sleep(6 * 3600)
        assert app.ready() == ()
        app.request_stop()
        assert app.ready() == ("it is stopping",)
        assert app.stuck() == ()

    asked(question)


@pytest.mark.parametrize(
    ("task", "owner", "method"),
    [
        ("scheduler", Scheduler, "run"),
        ("flush", App, "_flush_regularly"),
        ("prune", App, "_prune_regularly"),
        ("heartbeat", Heartbeat, "run"),
        ("dispatcher", Dispatcher, "run"),
        ("courier", Courier, "run"),
        ("pulse", None, ""),
    ],
)
def test_p9_a_task_that_died_is_named_with_the_kind_of_its_error(
    task: str,
    owner: type | None,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Whatever kind of task it is; what the error says may be a secret, so it is not shown."""

    async def dies(*_: object) -> None:
        await asyncio.sleep(1)
        raise RuntimeError("the secret is hunter2")

    if owner is not None:
        monkeypatch.setattr(owner, method, dies)

    def pulse(lag: float) -> None:
        if owner is None:
            raise RuntimeError("the secret is hunter2")

    async def question(app: App) -> None:
        assert app.ready() == ()
        with pytest.raises(RuntimeError):
            await app.stopped()
        assert app.stuck() == (f"a task died: {task} (RuntimeError)",)
        assert app.ready() == (f"a task died: {task} (RuntimeError)", "it is stopping")

    asked(question, settings=with_receiver(tmp_path), pulse=pulse)


def test_p9_polling_that_stalls_is_not_ready() -> None:
    """No task died, but no visit ends any more."""

    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async def question(app: App) -> None:
        await asyncio.sleep(600)
        assert app.ready() == ()
        app._rounds.scheduler._visit = never
        await asyncio.sleep(230)
        assert app.ready() == ()
        await asyncio.sleep(120)
        (reason,) = app.ready()
        assert reason.startswith("polling stalled: no visit ended for ")
        assert app.stuck() == app.ready()

    asked(question)


def test_h15_that_our_network_is_away_is_no_reason() -> None:
    """Pages are visited, and every visit ends: that it failed is not our doing."""

    def script(url: str, time: float) -> object:
        raise FetchError(url, Unreadable.NETWORK, "no such host")

    async def question(app: App) -> None:
        await asyncio.sleep(7200)
        assert app.ready() == ()
        assert (await app.stock()).is_offline

    asked(question, script, config(*(page(number) for number in range(6))))


def test_p2_a_store_that_refuses_makes_unready_until_it_takes_a_write_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Known from the states that are written once a minute; no restart is asked for."""
    is_full = True
    save_states = MemoryStore.save_states

    async def full(self: MemoryStore, states: object) -> None:
        if is_full:
            raise StoreUnavailableError("a store", "the disk is full")
        await save_states(self, states)

    monkeypatch.setattr(MemoryStore, "save_states", full)
    metrics = Metrics([page()])

    async def question(app: App) -> None:
        nonlocal is_full
        await asyncio.sleep(3.5 * FLUSH_EVERY)
        assert app.ready() == ("the store refuses to be written",)
        assert app.stuck() == ()
        is_full = False
        await asyncio.sleep(FLUSH_EVERY)
        assert app.ready() == ()
        found = samples(metrics, await app.stock())
        assert value(found, "store_errors_total") == 2
        assert value(found, "ready") == 1

    asked(question, observer=metrics)


def test_p2_what_visits_wrote_since_makes_ready_again_although_nothing_is_left_to_flush(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A store that takes a visit takes writes, so no quiet page has to prove it first."""
    is_full = True
    save_states = MemoryStore.save_states

    async def full(self: MemoryStore, states: object) -> None:
        if is_full:
            raise StoreUnavailableError("a store", "the disk is full")
        await save_states(self, states)

    monkeypatch.setattr(MemoryStore, "save_states", full)

    async def question(app: App) -> None:
        nonlocal is_full
        await asyncio.sleep(3.5 * FLUSH_EVERY)
        assert app.ready() == ("the store refuses to be written",)
        is_full = False
        app._rounds.scheduler.take_dirty()
        await app._rounds.flush()
        assert app.ready() == ()

    asked(question)


def test_a_monitor_tells_its_figures() -> None:
    """From the visits to the text: what was counted, and what stands."""
    trouble = page_says(
        incident("a", update("1")), components=(component("c", "degraded"),), stamp=1
    )
    metrics = Metrics([page()])

    async def question(app: App) -> None:
        await asyncio.sleep(600)
        found = samples(metrics, await app.stock())
        labels = {"provider": page().provider.slug, "page": page().key}
        assert value(found, "page_up", **labels) == 1
        assert value(found, "polls_total", **labels, outcome="changed") >= 1
        assert value(found, "polls_total", **labels, outcome="not modified") >= 8
        assert value(found, "events_recorded_total", kind="incident.opened") == 1
        kind, impact = IncidentKind.INCIDENT.value, Impact.MAJOR.value
        assert value(found, "open_incidents", **labels, kind=kind, impact=impact) == 1
        degraded = ComponentStatus.DEGRADED.value
        assert value(found, "page_components", **labels, status=degraded) == 1
        assert value(found, "log_last_seq") >= 1
        assert value(found, "event_loop_lag_seconds_count") >= 1000

    asked(question, lambda url, time: trouble, observer=metrics, pulse=metrics.woke)


def test_a_monitor_whose_figures_nobody_asks_for_does_not_load_their_library() -> None:
    """`watch` has no /metrics, and starts as quickly as before."""
    code = "import sys, bellbuoy.app; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
