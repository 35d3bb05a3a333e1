"""An operator's own program, which writes down what it was given and ends as it is told to."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from tests.event_schema import valid_wire
from tests.notifiers.fakes import Heard, Trouble

PROGRAM = """
import json, os, signal, sys
folder = sys.argv[1]
given = sys.stdin.read()
try:
    ending = open(f"{folder}/next").read()
    os.remove(f"{folder}/next")
except FileNotFoundError:
    ending = ""
poison = open(f"{folder}/poison").read()
if ending == "busy":
    print("busy")
    sys.exit(75)
if ending == "broken":
    print("broken", file=sys.stderr)
    sys.exit(1)
if poison and poison in json.loads(given)["data"]["incident"]["title"]:
    sys.exit(65)
with open(f"{folder}/heard", "a") as heard:
    print(json.dumps([given, dict(os.environ)]), file=heard)
if ending == "cut":
    os.kill(os.getpid(), signal.SIGKILL)
"""


class CommandFake:
    """A program in a folder of its own; a repeat is known by BELLBUOY_KEY."""

    kind = "command"
    troubles = frozenset({Trouble.BUSY, Trouble.BROKEN, Trouble.CUT, Trouble.POISON})
    knows_keys = True
    keeps_states = False
    says_when = False

    async def __aenter__(self) -> Self:
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name)
        (self._path / "program.py").write_text(PROGRAM, "utf-8")
        self.poison = ""
        return self

    async def __aexit__(self, *details: object) -> None:
        self._folder.cleanup()

    @property
    def poison(self) -> str:
        """The word that is refused."""
        return (self._path / "poison").read_text("utf-8")

    @poison.setter
    def poison(self, word: str) -> None:
        (self._path / "poison").write_text(word, "utf-8")

    def settings(self) -> dict[str, Any]:
        """The program, and where it writes."""
        program = str(self._path / "program.py")
        return {"run": [sys.executable, program, str(self._path)], "timeout": "20s"}

    def next(self, trouble: Trouble) -> None:
        """End so the next time."""
        (self._path / "next").write_text(trouble, "utf-8")

    def rotate(self) -> None:
        """A program has no secret."""
        raise NotImplementedError

    @property
    def heard(self) -> list[Heard]:
        """What it wrote down."""
        return [
            Heard(text=f"{env['BELLBUOY_OCCASION']}\n{given}", key=env["BELLBUOY_KEY"])
            for given, env in self._runs()
        ]

    @property
    def complaints(self) -> list[str]:
        """What was not as documented."""
        wrong: list[str] = []
        for given, env in self._runs():
            if given.count("\n") != 1 or not given.endswith("\n"):
                wrong.append("not one line")
            event = valid_wire(json.loads(given))
            if event["id"] != env["BELLBUOY_EVENT_ID"]:
                wrong.append("another id")
        return wrong

    def _runs(self) -> list[tuple[str, dict[str, str]]]:
        path = self._path / "heard"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [tuple(json.loads(line)) for line in lines]
