"""The process that speaks Apprise: how it is started, asked and understood."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from bellbuoy.notifiers._programs import Helper
from bellbuoy.platform import plain_environment

IDLE = 60.0
"""Seconds after which a process that has nothing to send is ended: it holds 60 MiB."""

# -P: beside the program lie modules that have the names of others, like `email`.
_COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("_apprise_program.py")))


class Answer(msgspec.Struct):
    """Whether it was sent, and what Apprise said of it."""

    sent: bool = False
    said: str = "its process ended"


def helper() -> Helper:
    """A process that sends; it is started with the first message."""
    return Helper(_COMMAND, _env(), idle=IDLE)


def read(line: bytes) -> Answer:
    """What it answered; an empty line is that it ended."""
    return msgspec.json.decode(line, type=Answer) if line else Answer()


def understands(url: str) -> bool:
    """Whether Apprise understands a URL. It takes a second; nothing is sent."""
    asked = msgspec.json.encode({"url": url}) + b"\n"
    ran = subprocess.run(_COMMAND, input=asked, env=_env(), capture_output=True, check=False)  # noqa: S603 - our own file
    return read(ran.stdout.partition(b"\n")[0]).sent


def _env() -> dict[str, str]:
    """What it needs to find Apprise, and nothing else of our environment."""
    # Apprise's HTTP library would take passwords out of a `.netrc` by itself.
    ours = {"PYTHONPATH": os.pathsep.join(sys.path), "NETRC": os.devnull}
    return plain_environment() | ours
