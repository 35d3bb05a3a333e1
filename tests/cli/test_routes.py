"""`routes`: who would be told, and who would have been."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bellbuoy.events import EventKind, to_json
from bellbuoy.model.facts import IncidentStatus
from tests.cli.pretend import event
from tests.cli.test_log import record

CONFIG = """
providers: [openai]
store: bell.db
display: {timezone: Europe/Berlin}
receivers:
  log: {kind: file, path: log.jsonl}
  pager: {kind: file, path: pager.jsonl}
routes:
  - {name: all, to: log}
  - {name: critical, to: pager, when: {impacts: critical}}
"""
NOW = datetime.now(UTC)


def happened(number, kind, hours, incident=1, **more):
    """An event so many hours ago, in an incident of this number."""
    one = event(number, kind, **more)
    status = IncidentStatus.RESOLVED if kind is EventKind.INCIDENT_RESOLVED else one.update.status
    facts = replace(one.incident, id=f"i{incident}", status=status)
    update = replace(one.update, status=status)
    return replace(one, incident=facts, update=update, observed_at=NOW - timedelta(hours=hours))


@pytest.fixture
def here(home):
    """A home where an incident began three days ago and ended an hour ago, and one came between."""
    (home / "bellbuoy.yaml").write_text(CONFIG)
    record(
        str(home / "bell.db"),
        happened(1, EventKind.INCIDENT_OPENED, 72),
        happened(2, EventKind.INCIDENT_OPENED, 30, incident=2),
        happened(3, EventKind.INCIDENT_RESOLVED, 1, title="Old \x1b[31mtrouble"),
    )
    return home


def test_each_route_says_what_it_decides_of_an_event(call, home, here):
    """From a file with one event on each line, as `events --json` prints them."""
    (home / "events.json").write_bytes(to_json(event(1)) + b"\n\n")
    done = call("routes", "test", "--event", "events.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "incident.updated openai/incidents/i1",
        "  log, route all: told: every condition holds",
        "  pager, route critical: not told: an impact that was not asked for",
    ]
    lines = call("routes", "test", "--event", "events.json", "--json").stdout.splitlines()
    assert json.loads(lines[1]) == {
        "event": "event-1",
        "receiver": "pager",
        "route": "critical",
        "told": False,
        "reason": "an impact that was not asked for",
        "due_at": None,
        "by": "",
    }


def test_what_is_told_later_is_told_with_the_hour_in_the_zone_of_the_config(call, home):
    """Quiet hours, as the person reads the clock."""
    (home / "bellbuoy.yaml").write_text(
        CONFIG.replace("{name: all, to: log}", "{to: log, quiet: '17:00-19:00'}")
    )
    (home / "event.json").write_bytes(to_json(event(1)))
    done = call("routes", "test", "--event", "event.json")
    assert "  log, route routes.0: told at 2026-02-23 19:00:00 CET: quiet hours\n" in done.stdout


def test_nobody_told_is_exit_code_1(call, home):
    """A check in CI can ask: would anybody hear of this?"""
    (home / "bellbuoy.yaml").write_text(CONFIG.replace("  - {name: all, to: log}\n", ""))
    (home / "event.json").write_bytes(to_json(event(1)))
    assert call("routes", "test", "--event", "event.json").returncode == 1
    (home / "bare.yaml").write_text("providers: [openai]\n")
    done = call("routes", "test", "--event", "event.json", "--config", "bare.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("there are no routes in the config")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "--event: event.json: No such file or directory"),
        (b"\n", "--event: event.json holds no event; `bellbuoy events --json` prints some"),
        (b"{}", "--event: event.json, line 1: is not an event: "),
        (b"\xff\xfe", "--event: event.json, line 1: is not an event: "),
        (to_json(event(1)) + b"\nno", "--event: event.json, line 2: is not an event: "),
    ],
)
def test_what_is_no_event_is_refused_with_its_line(content, said, call, home, here):
    """One line, exit code 2."""
    if content is not None:
        (home / "event.json").write_bytes(content)
    done = call("routes", "test", "--event", "event.json")
    assert done.returncode == 2
    assert done.stderr.startswith(f"bellbuoy: {said}")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_from_elsewhere_steers_no_terminal(call, home, here):
    """Its words are printed as words."""
    (home / "event.json").write_bytes(to_json(event("1\x1b[31m")))
    done = call("routes", "test", "--event", "event.json")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout


def test_the_past_is_told_as_these_routes_would_have(call, home, here):
    """How many messages each receiver would have had, and why not the rest."""
    done = call("routes", "replay")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "3 events",
        "log: 3 messages with 3 events",
        "pager: 0 messages with 0 events",
        "  not told of 3: an impact that was not asked for",
    ]


def test_a_shorter_past_knows_who_was_told_before_it(call, home, here):
    """The end of what began three days ago is told."""
    done = call("routes", "replay", "--since", "2d", "--receiver", "log")
    first, last = done.stdout.splitlines()
    assert first.endswith("  OpenAI: Elevated errors -- Identified")
    assert last.endswith("  OpenAI: Old [31mtrouble -- Resolved")
    assert first[20:23] in {"CET", "CES"}


def test_a_quiet_receiver_is_said_to_be_quiet(call, here):
    """An empty answer would look like a fault."""
    done = call("routes", "replay", "--receiver", "pager")
    assert done.stdout == "pager would not have been told of anything\n"


def test_the_json_holds_every_message(call, home, here):
    """With the events in it, so that two configs can be compared by a program."""
    held = CONFIG.replace("to: log}", "to: log, hold: 90d}")
    (home / "new.yaml").write_text(held)
    new = json.loads(call("routes", "replay", "--json", "--config", "new.yaml").stdout)
    assert new["receivers"]["log"] == {
        "messages": [],
        "withheld": {"it ended while the route held it back": 2},
        "held": 1,
    }
    old = json.loads(call("routes", "replay", "--json", "--receiver", "log").stdout)
    assert old["events"] == 3
    assert list(old["receivers"]) == ["log"]
    first = old["receivers"]["log"]["messages"][0]
    assert first["events"] == [
        {
            "id": "event-1",
            "kind": "incident.opened",
            "subject": "openai/incidents/i1",
            "route": "all",
            "occasion": "event",
        }
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "0"], "--since: '0' is not a length of time above zero"),
        (["--since", "99999999999999d"], "--since: 8.64e+18 s is not between 1 s and 3650 d"),
        (["--receiver", "pagr"], "--receiver: 'pagr' is not a receiver (did you mean 'pager'?)"),
    ],
)
def test_what_makes_no_sense_is_refused(words, said, call, here):
    """One line, exit code 2."""
    done = call("routes", "replay", *words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"bellbuoy: {said}")
    assert len(done.stderr.splitlines()) == 1


def test_without_a_store_there_is_no_past(call, home):
    """Exit code 3, and no store is made."""
    (home / "bellbuoy.yaml").write_text(CONFIG)
    assert call("routes", "replay").returncode == 3
    assert not (home / "bell.db").exists()
