"""`receivers`: are they reached, and what did they not take?"""

import asyncio
import json
from contextlib import contextmanager
from threading import Thread

import pytest
from msgspec.structs import replace

from bellbuoy.config.load import load_config
from bellbuoy.delivery.dispatcher import Dispatcher
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import Attempt, DeliveryStatus
from bellbuoy.observer import Observer
from bellbuoy.stores.opening import open_store
from tests.cli.pretend import NOW, event
from tests.notifiers.fakes.slack import SlackFake

CONFIG = """
providers: [openai]
store: bell.db
display: {timezone: Europe/Berlin}
receivers:
  log: {kind: file, path: log.jsonl}
  ops: {kind: file, path: ops.jsonl}
routes: [{to: [log, ops]}]
"""
TRIED = Attempt(at=NOW, seconds=0.1, outcome="HTTP 400: no\x1b[31m such channel")


def ask(home, question):
    """Open the store of a home, ask it something, and return the answer."""

    async def opened():
        async with open_store(f"sqlite:///{home}/bell.db") as store:
            return await question(store)

    return asyncio.run(opened())


@pytest.fixture
def here(home):
    """A home where `ops` took nothing of two events and wants no more, and `log` waits for both."""
    path = home / "bellbuoy.yaml"
    path.write_text(CONFIG)
    config = load_config(str(path), env={})

    async def happen(store):
        dispatcher = Dispatcher(
            store,
            config.routes,
            config.landscape,
            config.receivers,
            now=lambda: NOW,
            observer=Observer(),
        )
        await dispatcher.begin()
        await store.append([event(n, EventKind.INCIDENT_OPENED) for n in (1, 2)])
        await dispatcher.catch_up()
        for each in await store.deliveries(receiver="ops"):
            await store.settle(
                replace(each, status=DeliveryStatus.DEAD, attempts=each.seq, last=TRIED)
            )
        await store.disable("ops", TRIED)

    ask(home, happen)
    return home


def standing(call):
    """What `receivers list --json` says, by name."""
    done = call("receivers", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {each.pop("name"): each for each in json.loads(done.stdout)}


@pytest.mark.usefixtures("here")
def test_every_receiver_is_listed_with_what_it_has_not_taken(call):
    """On a line each, or as JSON with every key."""
    assert call("receivers", "list").stdout.splitlines() == [
        "log (file): 2 waiting, 0 held, 0 dead",
        "ops (file): 0 waiting, 0 held, 2 dead, wants no more (410)",
    ]
    assert standing(call) == {
        "log": {"kind": "file", "waiting": 2, "held": 0, "dead": 0, "wants_no_more": False},
        "ops": {"kind": "file", "waiting": 0, "held": 0, "dead": 2, "wants_no_more": True},
    }


def test_without_receivers_it_says_so(call, home, here):
    """An empty answer would look like a fault."""
    (home / "bare.yaml").write_text("providers: [openai]\nstore: bell.db\n")
    done = call("receivers", "list", "--config", "bare.yaml")
    assert (done.stdout, done.stderr) == ("", "there are no receivers in the config\n")


@pytest.mark.usefixtures("here")
def test_what_is_dead_is_shown_with_what_it_is_about_and_why(call):
    """Newest first; the receiver's words steer no terminal."""
    newest, oldest = call("receivers", "dead").stdout.splitlines()
    assert newest == (
        "event-2/ops  2026-02-23 17:09:30 CET  incident.opened openai/incidents/i2  "
        "after 2 attempts: HTTP 400: no [31m such channel"
    )
    assert oldest.startswith("event-1/ops  ")
    assert "  after 1 attempt: " in oldest
    done = call("receivers", "dead", "log")
    assert (done.stdout, done.stderr) == ("", "nothing is dead\n")
    _, first = json.loads(call("receivers", "dead", "ops", "--json").stdout)
    assert {**first, "reason": ""} == {
        "id": "event-1/ops",
        "receiver": "ops",
        "kind": "incident.opened",
        "subject": "openai/incidents/i1",
        "at": "2026-02-23T16:09:30Z",
        "attempts": 1,
        "reason": "",
    }


@pytest.mark.parametrize(
    "words", [("dead", "opps"), ("revive", "opps"), ("test", "opps")], ids=" ".join
)
@pytest.mark.usefixtures("here")
def test_a_name_that_is_no_receiver_is_refused_with_those_that_are(words, call):
    """One line, exit code 2."""
    done = call("receivers", *words)
    assert done.returncode == 2
    assert done.stderr == (
        "bellbuoy: 'opps' is not a receiver (did you mean 'ops'?); known are log, ops\n"
    )


def test_the_dead_of_a_receiver_that_left_the_config_are_still_shown(call, home, here):
    """They are nowhere else."""
    (home / "bellbuoy.yaml").write_text(CONFIG.replace("ops: {", "new: {").replace("ops]", "new]"))
    assert len(call("receivers", "dead", "ops").stdout.splitlines()) == 2


def test_n1_what_is_revived_waits_again_and_its_receiver_is_told_again(call, here):
    """One by its id, then all; a receiver that wanted no more is told again from now on."""
    done = call("receivers", "revive", "ops", "event-2/ops")
    assert done.stderr == "ops is told again from now on\n"
    assert done.stdout == "1 delivery waits again\n"
    done = call("receivers", "revive", "ops")
    assert (done.stdout, done.stderr) == ("1 delivery waits again\n", "")
    assert standing(call)["ops"]["waiting"] == 2
    assert call("receivers", "revive", "ops").stdout == "0 deliveries wait again\n"
    waiting = ask(here, lambda store: store.deliveries(receiver="ops"))
    assert {(each.status, each.attempts) for each in waiting} == {(DeliveryStatus.WAITING, 0)}


@pytest.mark.usefixtures("here")
def test_an_id_that_is_not_dead_changes_nothing(call):
    """Also not whether the receiver is told again."""
    done = call("receivers", "revive", "ops", "event-9/ops")
    assert done.returncode == 2
    assert done.stderr == (
        "bellbuoy: 'event-9/ops' is not dead at ops; `bellbuoy receivers dead ops` lists what is\n"
    )
    assert standing(call)["ops"]["wants_no_more"]


@pytest.mark.parametrize("words", [("list",), ("dead",), ("revive", "ops")], ids=" ".join)
def test_without_a_store_it_exits_with_3(words, call, home):
    """And makes none."""
    (home / "bellbuoy.yaml").write_text(CONFIG)
    assert call("receivers", *words).returncode == 3
    assert not (home / "bell.db").exists()


def test_a_receiver_is_tried_without_a_store_and_without_its_routes(call, home):
    """Three marked messages of a made-up provider, and what came back."""
    (home / "bellbuoy.yaml").write_text(
        CONFIG.replace("[log, ops]}", "[log, ops], when: {providers: openai, impacts: none}}")
    )
    done = call("receivers", "test", "ops")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(" in ")[0] for line in lines] == [
        "ops  incident.opened: taken",
        "ops  incident.updated: taken",
        "ops  incident.resolved: taken",
    ]
    told = [json.loads(line) for line in (home / "ops.jsonl").read_text().splitlines()]
    assert [one["subject"].partition("/")[0] for one in told] == ["bellbuoy-test"] * 3
    assert all("TEST" in one["data"]["incident"]["title"] for one in told)
    assert not (home / "log.jsonl").exists()
    assert not (home / "bell.db").exists()


def test_a_receiver_that_does_not_take_it_exits_with_1(call, home):
    """Each step says what was wrong."""
    (home / "blocked").write_text("")
    (home / "bellbuoy.yaml").write_text(CONFIG.replace("ops.jsonl", "blocked/ops.jsonl"))
    done = call("receivers", "test", "ops", "--json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["outcome"] for line in lines} == {"not taken"}
    assert all(f"{home}/blocked" in line["detail"] for line in lines)


@contextmanager
def in_a_thread(fake):
    """A pretend service in a loop of its own, because a command has its own, too."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(fake.__aenter__(), loop).result(10)
        yield fake
        asyncio.run_coroutine_threadsafe(fake.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_chat_shows_one_marked_message_that_ends(call, home):
    """Over the real way to it: posted, edited, and at last resolved; the message has its name."""
    with in_a_thread(SlackFake()) as slack:
        settings = json.dumps({"kind": "slack", **slack.settings()})
        (home / "bellbuoy.yaml").write_text(f"receivers: {{chat: {settings}}}\n")
        done = call("receivers", "test", "chat")
        assert done.returncode == 0, done.stdout
        assert slack.complaints == []
        assert "TEST: a made-up incident" in slack.root()
        assert "Resolved" in slack.root()
    assert all(", message " in line for line in done.stdout.splitlines())
