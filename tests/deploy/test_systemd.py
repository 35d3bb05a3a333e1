"""The unit for systemd: what systemd itself says of it, and what it says of us."""

import re
import shlex
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from bellbuoy.app import STOP_WITHIN
from bellbuoy.cli.program import main
from bellbuoy.cli.program import program as commands
from bellbuoy.durations import duration
from bellbuoy.platform import state_directory
from tests.deploy.programs import run, traced
from tests.deploy.shipped import ROOT

UNIT = ROOT / "deploy" / "systemd" / "bellbuoy.service"
MOST_EXPOSED = 20
"""The worst that `systemd-analyze security` may say, of 100."""


def settings():
    """The values of each setting, in order."""
    found = defaultdict(list)
    for line in UNIT.read_text("utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found[name].append(value)
    return found


def one(name):
    """The value of a setting that is there once."""
    (value,) = settings()[name]
    return value


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is installed here."""
    text = UNIT.read_text("utf-8")
    program = shlex.split(one("ExecStart"))[0]
    path = tmp_path / UNIT.name
    path.write_text(text.replace(program, sys.executable), "utf-8")
    return path


def test_systemd_takes_it(unit):
    """Every setting is known, and every value can be."""
    assert run("systemd-analyze", "verify", "--man=no", unit) == ""


def test_systemd_finds_it_little_exposed(unit):
    """It can be reached and reach out, and little else."""
    run("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)


def test_what_it_starts_parses():
    """A command of ours, with a config where a machine's configs are."""
    _, *arguments = shlex.split(one("ExecStart"))
    commands().parse_args(arguments, print_error=False, exit_on_error=False)
    assert arguments == ["serve", "--config", "/etc/bellbuoy/bellbuoy.yaml"]


def test_the_state_is_where_the_unit_may_write(monkeypatch):
    """In the directory that systemd makes, which no other user reads."""
    said = dict(each.split("=", 1) for each in shlex.split(one("Environment")))
    monkeypatch.setenv("XDG_STATE_HOME", said["XDG_STATE_HOME"].replace("%S", "/var/lib"))
    if sys.platform == "linux":
        assert state_directory() == Path("/var/lib") / one("StateDirectory")
    assert one("StateDirectoryMode") == "0700"
    assert said["HOME"] == one("WorkingDirectory") == f"%S/{one('StateDirectory')}"


def test_systemd_waits_for_it_and_watches_it():
    """It tells when it is ready and that it lives, and has time to end."""
    assert one("Type") == "notify"
    assert 0 < int(one("WatchdogSec")) <= 300
    assert int(one("TimeoutStopSec")) > STOP_WITHIN
    assert duration(one("TimeoutStartSec").removesuffix("in")) >= 600


def test_only_a_config_that_cannot_be_used_is_not_started_again(tmp_path, capsys):
    """Its exit code is the one that the unit names."""
    (tmp_path / "bellbuoy.yaml").write_text("providers: [no-such-provider]\n", "utf-8")
    code = main(["serve", "--config", str(tmp_path / "bellbuoy.yaml")])
    assert "no-such-provider" in capsys.readouterr().err
    assert one("Restart") == "on-failure"
    assert one("RestartPreventExitStatus").split() == [str(code)]


AS_ROOT = {"chown", "fchown"}
"""What SQLite calls only if root runs it, which the unit never does."""


def calls_of(group):
    """The calls in one of systemd's groups, those of the groups in it included."""
    lines = run("systemd-analyze", "syscall-filter", group).splitlines()[1:]
    names = {line.strip() for line in lines if not line.strip().startswith("#")} - {""}
    return {call for name in names for call in (calls_of(name) if name[0] == "@" else {name})}


@pytest.mark.skipif(sys.platform != "linux", reason="strace is of Linux")
def test_every_call_that_it_makes_passes_the_filter(tmp_path):
    """Of a demo from its start to its end: network, store, threads and signals."""
    passing, refused = settings()["SystemCallFilter"]
    allowed = calls_of(passing)
    for group in refused.removeprefix("~").split():
        allowed -= calls_of(group)
    with traced("all", tmp_path, "demo", "--for", "3s") as (process, notes):
        process.stderr.read()
        assert process.wait() == 0
    made = set(re.findall(r"^\d+ +([a-z]\w+)\(", notes.read_text("utf-8"), re.MULTILINE))
    assert {"openat", "connect", "epoll_ctl"} <= made
    assert made - allowed <= AS_ROOT
