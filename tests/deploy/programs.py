"""Linters and other programs that deployments are tried with, where they are installed."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_FROM = {
    "check-jsonschema": "uv sync --group lint",
    "hadolint": "uv sync --group lint",
    "kubernetes-validate": "uv sync --group lint",
    "kubectl": "Debian's package kubernetes-client",
    "promtool": "Debian's package prometheus",
    "setpriv": "Debian's package util-linux",
    "strace": "Debian's package strace",
    "systemd-analyze": "Debian's package systemd",
    "unshare": "Debian's package util-linux",
}


def program(name):
    """Where a program is; without it the test is skipped, with what brings it."""
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=os.pathsep.join([str(beside), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"there is no {name} here ({_FROM[name]})")
    return found


def run(name, *arguments):
    """What a program prints; the test fails if it ends with anything but 0."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def child_of(process):
    """The id of the only child of a process."""
    parent = f"PPid:\t{process.pid}\n"
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if parent in status.read_text():
                return int(status.parent.name)
    raise AssertionError("it has none")


@contextmanager
def traced(calls, folder, *arguments):
    """A Bellbuoy of which these calls of the system are noted; what runs it, and the notes."""
    notes = folder / "notes"
    strace = [program("strace"), "--follow-forks", f"--trace={calls}", f"--output={notes}"]
    process = subprocess.Popen(
        [*strace, sys.executable, "-m", "bellbuoy", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, notes
    finally:
        # What it traces would outlive it.
        if process.poll() is None:
            os.kill(child_of(process), signal.SIGKILL)
        process.wait()
        process.stderr.close()
