"""`explain`: who was told of an incident, who was not, and why."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from bellbuoy.config.load import load_config
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Attempt, DeliveryStatus
from bellbuoy.observer import Observer
from bellbuoy.stores.opening import open_store
from tests.cli.pretend import NOW, event

CONFIG = """
providers: [openai]
store: bell.db
display: {timezone: Europe/Berlin}
receivers:
  log: {kind: file, path: log.jsonl}
  pager: {kind: file, path: pager.jsonl}
  idle: {kind: file, path: idle.jsonl}
routes:
  - {name: everything, to: log}
  - {name: bar, to: pager, when: {impacts: critical, components: API}}
"""


@pytest.fixture
def here(home):
    """A home where two incidents happened, one of them with hostile words."""
    path = home / "bellbuoy.yaml"
    path.write_text(CONFIG)
    events = [
        event(1, EventKind.INCIDENT_OPENED, title="Database \x1b[31mis slow"),
        event(2, EventKind.INCIDENT_OPENED, title="Database is down"),
        event(3, EventKind.MAINTENANCE_SCHEDULED, title="Upgrade"),
    ]
    config = load_config(str(path), env={})

    async def happen():
        async with open_store(f"sqlite:///{home}/bell.db") as store:
            dispatcher = Dispatcher(
                store,
                config.routes,
                config.landscape,
                config.receivers,
                now=lambda: NOW,
                observer=Observer(),
            )
            await dispatcher.begin()
            await store.append(events)
            await dispatcher.catch_up()
            for each in await store.deliveries(receiver="log"):
                tried = Attempt(at=NOW, seconds=0.1, outcome="written \x1b[1m")
                done = replace(each, status=DeliveryStatus.DONE, attempts=2, last=tried)
                await store.settle(done)

    asyncio.run(happen())
    return home


@pytest.mark.usefixtures("here")
def test_each_receiver_has_its_line_with_time_route_and_reason(call):
    """Below the incident as it is now; in the time zone of the config."""
    done = call("explain", "i2")
    assert done.returncode == 0
    block, log, pager, idle = done.stdout.split("\n\n")
    assert block.startswith("[2026-02-23 17:09:30] Provider: OpenAI\n")
    assert log == (
        "log (file)\n  2026-02-23 17:09:30 CET  incident.opened        "
        "sent 2026-02-23 17:09:30 CET by route everything: 2 attempts: written [1m"
    )
    assert pager.endswith("withheld by route bar: an impact that was not asked for")
    assert idle.endswith("incident.opened        not asked for: no route leads to this receiver\n")


@pytest.mark.usefixtures("here")
def test_the_json_is_an_array_of_answers(call):
    """One for each event and receiver, with every key."""
    done = call("explain", "openai/incidents/i2", "--json")
    found = json.loads(done.stdout)
    assert [each["receiver"] for each in found] == ["log", "pager", "idle"]
    assert [each["outcome"] for each in found] == ["sent", "withheld", "not asked for"]
    assert [each["by_now"] for each in found] == [False, False, True]
    for each in found:
        assert each.keys() == {
            *("event", "receiver", "outcome", "rule", "at", "reason", "reference", "detail"),
            *("digest", "occasion", "attempts", "by_now"),
        }
        assert each["event"]["subject"] == "openai/incidents/i2"
        assert each["event"].keys() == {"seq", "id", "kind", "subject", "observed_at"}


@pytest.mark.usefixtures("here")
def test_where_nothing_was_written_down_todays_routes_are_asked(call):
    """Planned work that no route asks for."""
    done = call("explain", "Upgrade")
    assert (
        "not asked for by route everything, as it is now: a kind that was not asked for"
        in done.stdout
    )


@pytest.mark.usefixtures("here")
def test_a_text_that_means_none_or_several_is_told_in_one_line(call):
    """With the names to choose from, in which nothing steers a terminal."""
    done = call("explain", "database")
    assert done.returncode == 2
    assert done.stderr == (
        "bellbuoy: 'database' means 2 incidents; name one: openai/incidents/i2 (Database is down), "
        "openai/incidents/i1 (Database [31mis slow)\n"
    )
    done = call("explain", "no such words")
    assert done.returncode == 2
    assert done.stderr == (
        "bellbuoy: 'no such words' is no incident in the log; "
        "`bellbuoy events --kinds incident` shows all of them\n"
    )


@pytest.mark.usefixtures("here")
def test_hostile_words_reach_no_terminal(call):
    """Neither of the vendor, nor of the receiver."""
    done = call("explain", "i1")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


def test_without_receivers_it_says_so(call, home, here):
    """Nobody is told of anything."""
    (home / "bare.yaml").write_text("providers: [openai]\nstore: bell.db\n")
    done = call("explain", "i3", "--config", "bare.yaml")
    assert done.stdout == "nobody is told of anything: there are no receivers in the config\n"


def test_without_a_store_it_exits_with_3(call):
    """Reading makes no store."""
    assert call("explain", "i1", "--store", "none.db").returncode == 3
