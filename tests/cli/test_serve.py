"""`serve` as a process: it begins, answers, and ends; and where it refuses to begin."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest


@contextmanager
def serving(environment, home, *options):
    """A process that serves on a free port, and its address."""
    with shown("serve", *options, environment=environment, home=home) as found:
        yield found


def address_of(process):
    """Where a process says that it serves, once it does."""
    for line in process.stderr:
        if line.startswith("serving at "):
            return line.removeprefix("serving at ").strip()
    raise AssertionError(f"it ended with {process.wait()}")


@contextmanager
def shown(command, *options, environment, home):
    """A process of a command that shows itself at a port, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bellbuoy", command, "--port", "0", *options],
        env=environment,
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, address_of(process)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_it_answers_until_it_is_asked_to_stop_and_then_ends_in_time(environment, home):
    """A page is answered, and SIGTERM ends it with 0 within five seconds."""
    with serving(environment, home) as (process, address):
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.status == 200
            assert "Bellbuoy" in answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_a_second_one_on_the_same_store_ends_with_4(environment, home, run):
    """Two never poll with one store, whatever their ports."""
    with serving(environment, home):
        done = run("serve", "--port", "0")
        assert done.returncode == 4
        assert "another Bellbuoy polls" in done.stderr


def test_a_port_that_is_taken_is_said_with_the_cure(call):
    """It ends before it opens the store."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = call("serve", "--port", str(port))
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "status.example.com"])
def test_w1_another_address_without_auth_refuses_to_start_and_says_what_to_set(call, host):
    """Nobody opens a door to the world by an option alone."""
    done = call("serve", "--host", host)
    assert done.returncode == 2
    assert "web.hosts" in done.stderr
    assert "web.auth.read" in done.stderr


def test_a_port_beyond_all_ports_is_refused_in_one_line(call):
    """What the system says of it is told, without a traceback."""
    done = call("serve", "--port", "99999")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_the_demo_can_be_looked_at_and_stays_until_it_is_stopped(environment, home):
    """Its story ends, what it led to stays, and a signal ends it with 0."""
    with shown("demo", "--for", "5s", environment=environment, home=home) as (process, address):
        for line in process.stderr:
            if line.startswith("the story is over; "):
                break
        with urllib.request.urlopen(f"{address}/api/v1/events", timeout=10) as answer:
            assert len(json.load(answer)["items"]) > 20
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


CANARIES = [f"canary-{name}-0123456789abcdef" for name in ("write", "metrics", "hook", "beat")]

SECRETIVE = """
providers: [github]
web: {{auth: {{write: {0}, metrics: {1}}}}}
receivers: {{ops: {{kind: teams, url: "http://127.0.0.1:9/{2}"}}}}
heartbeat: {{url: "http://127.0.0.1:9/{3}", every: 1s}}
routes: [{{to: ops}}]
"""

PATHS = [
    "/",
    "/history",
    "/maintenance",
    "/deliveries",
    "/silences",
    "/config",
    "/sign-in",
    "/providers/github",
    "/nothing",
    "/healthz",
    "/readyz",
    "/metrics",
    "/feed.atom",
    "/feed.json",
    "/maintenance.ics",
    "/badge/github.svg",
    "/api/v1/providers",
    "/api/v1/pages",
    "/api/v1/deliveries",
    "/api/v1/openapi.json",
    "/api/v2/summary.json",
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {CANARIES[0]}"}])
def test_w8_no_page_no_answer_and_no_log_of_a_real_process_shows_a_secret(
    environment, home, headers
):
    """Not even to whoever may write, and not in the most talkative log."""
    (home / "bellbuoy.yaml").write_text(SECRETIVE.format(*CANARIES), "utf-8")
    with serving(environment, home, "--log-level", "debug") as (process, address):
        said = ""
        for path in PATHS:
            request = urllib.request.Request(address + path, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    said += answer.read().decode()
            except urllib.error.HTTPError as refused:
                with refused:
                    said += refused.read().decode()
        process.send_signal(signal.SIGTERM)
        said += process.stderr.read()
        assert process.wait(timeout=5) == 0
    assert "github" in said
    assert [canary for canary in CANARIES if canary in said] == []
