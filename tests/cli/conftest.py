"""The real command, run in a home of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bellbuoy.cli.program import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home without a config and without state."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(home: Path) -> Mapping[str, str]:
    """The environment of a person who has set nothing."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "COLUMNS": "80",
        "PYTHONUTF8": "1",
        "PYTHONWARNINGS": "error",
    }


@pytest.fixture
def call(
    environment: Mapping[str, str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """The same as `run` within this process, for what depends on no process of its own."""

    def call(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        monkeypatch.delenv("BELLBUOY_CONFIG", raising=False)
        for name, value in {**environment, **more}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(home)
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, out, err)

    return call


@pytest.fixture
def run(environment: Mapping[str, str], home: Path) -> Run:
    """Run `python -m bellbuoy` in that home, its output in a pipe."""

    def run(
        *arguments: str, timeout: float = 60, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bellbuoy", *arguments],
            env={**environment, **more},
            cwd=home,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    return run
