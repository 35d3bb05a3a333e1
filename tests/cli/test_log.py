"""`events` and `store`, over a real file."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from bellbuoy.events import EventKind
from bellbuoy.stores.opening import open_store
from tests.cli.pretend import event


@pytest.fixture
def store(tmp_path):
    """The path of a store with three events, one of them a maintenance."""
    path = tmp_path / "log.db"
    kinds = (EventKind.INCIDENT_OPENED, EventKind.MAINTENANCE_STARTED, EventKind.INCIDENT_EDITED)
    record(str(path), *(event(n, kind) for n, kind in enumerate(kinds)))
    return str(path)


def record(store, *events):
    """Append events to the log in a file; its id."""

    async def append():
        async with open_store(store) as opened:
            await opened.append(events)
            return opened.log_id

    return asyncio.run(append())


def ids(done):
    """The ids of the events that a command printed."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def test_the_log_is_read_in_order_from_a_place(store, call):
    """Every kind is printed, from the oldest or behind --after; the end says how to go on."""
    log = record(store)
    whole = call("events", "--json", "--store", store)
    assert ids(whole) == ["event-0", "event-1", "event-2"]
    assert whole.stderr == f"read up to {log}:3\n"
    assert ids(call("events", "--json", "--store", store, "--after", "2")) == ["event-2"]
    assert ids(call("events", "--json", "--store", store, "--after", f"{log}:2")) == ["event-2"]
    assert ids(call("events", "--json", "--store", store, "--kinds", "maintenance")) == ["event-1"]


@pytest.mark.parametrize("after", ["x:2", "two", "-1", "1:2:3"])
def test_a_place_that_is_none_or_of_another_log_is_refused(after, store, call):
    """A foreign or malformed place is a wrong command line."""
    done = call("events", "--json", "--store", store, f"--after={after}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_following_prints_what_is_recorded_next_and_stops_at_a_signal(store, environment, tmp_path):
    """--follow goes on beside another process that writes, until it is stopped."""
    command = [sys.executable, "-m", "bellbuoy", "events", "--follow", "--json", "--store", store]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert json.loads(process.stdout.readline())["id"] == "event-0"
        record(store, event(9))
        lines = [json.loads(process.stdout.readline())["id"] for _ in range(3)]
        assert lines[-1] == "event-9"
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert process.stderr.read() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell with pipes")
def test_a_reader_that_has_enough_ends_it_quietly(store, environment):
    """`bellbuoy events --follow --json | head -1` ends, with 0 and without a word."""
    command = f"{sys.executable} -m bellbuoy events --follow --json --store {store}"
    line = f"{{ {command}; echo $? >&2; }} | head -1"
    with subprocess.Popen(
        ["sh", "-c", line],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert json.loads(out)["id"] == "event-0"
    assert err == b"0\n"


@pytest.mark.parametrize(
    "words",
    [
        ("events", "--json"),
        ("store", "migrate"),
        ("store", "check"),
        ("store", "vacuum"),
        ("store", "backup", "copy.db"),
        ("store", "export", "copy.jsonl"),
    ],
    ids=" ".join,
)
def test_reading_makes_no_store(words, call, home):
    """A wrong --store is told, not created."""
    done = call(*words, "--store", "none.db")
    assert done.returncode == 3
    assert done.stderr == (
        f"bellbuoy: {home / 'none.db'}: there is no store yet; `bellbuoy watch` makes it\n"
    )
    assert list(home.iterdir()) == []


def test_a_sound_store_and_its_copy(store, call, tmp_path):
    """`store check` names what it found; a backup is a store with the same log."""
    log = record(store)
    checked = call("store", "check", "--store", store)
    assert (checked.returncode, checked.stdout) == (
        0,
        f"{store}: sound, 3 events recorded, log {log}\n",
    )
    copy = str(tmp_path / "copy.db")
    done = call("store", "backup", copy, "--store", store)
    assert (done.returncode, done.stdout) == (0, f"{store} copied to {copy}\n")
    assert ids(call("events", "--json", "--store", copy)) == ["event-0", "event-1", "event-2"]
    again = call("store", "backup", copy, "--store", store)
    assert again.returncode == 3
    assert len(again.stderr.splitlines()) == 1


def test_a_damaged_store_exits_with_3(tmp_path, call):
    """A file that is no database is named, and left as it is."""
    path = tmp_path / "bad.db"
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    for words in (("store", "check"), ("events", "--json")):
        done = call(*words, "--store", str(path))
        assert done.returncode == 3
        assert len(done.stderr.splitlines()) == 1
        assert str(path) in done.stderr
    assert path.read_bytes().endswith(b"\xff")
