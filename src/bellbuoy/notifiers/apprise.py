"""Messages to any of the services that Apprise knows, by its URLs, as plain text.

For services without a kind of their own here: one message for each event, no edits, no
threads. Apprise (https://github.com/caronc/apprise, 2.3, read on 2026-11-28) answers yes or
no and nothing else, so every no is tried again, and what may have arrived says that it may be
a repeat, with the key that both have. It blocks, and a thread that hangs cannot be ended: so
each message is sent by a process of its own, which can. What a vendor wrote is made inert for
every medium at once, because Apprise escapes it for some of them only.
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bellbuoy.errors import DelayedError
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Digest, Message
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._durations import Seconds
from bellbuoy.notifiers._inert import inert
from bellbuoy.notifiers._programs import run
from bellbuoy.notifiers._wording import REPEAT, Tone
from bellbuoy.platform import plain_environment
from bellbuoy.text import clean_line

api_version = 1
KIND = "apprise"
digests = True

CURE = "needs Apprise: pip install 'bellbuoy[apprise]'"

_COMMAND = (sys.executable, "-P", str(Path(__file__).with_name("_apprise_child.py")))
_TYPES = {
    Tone.CRITICAL: "failure",
    Tone.MAJOR: "failure",
    Tone.MINOR: "warning",
    Tone.PLANNED: "info",
    Tone.UNKNOWN: "warning",
    Tone.GOOD: "success",
}


class Settings(BaseModel):
    """`url` is an Apprise URL. `timeout` is how long one message may take, in seconds."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    timeout: Annotated[Seconds, Field(ge=0.1, le=600)] = 30.0
    timezone: str = "UTC"

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: SecretStr) -> SecretStr:
        if find_spec("apprise") is None:
            raise ValueError(CURE)
        asked = msgspec.json.encode({"url": url.get_secret_value()})
        answer = subprocess.run(_COMMAND, input=asked, env=_env(), capture_output=True, check=False)  # noqa: S603 - our own file
        if answer.returncode:
            raise ValueError(
                "is not an address that Apprise understands; `apprise --details` lists them"
            )
        return url


def _env() -> dict[str, str]:
    """What the process needs to find Apprise, and no way to our own environment."""
    # Apprise's HTTP library would take passwords out of a `.netrc` by itself.
    ours = {"PYTHONPATH": os.pathsep.join(sys.path), "NETRC": os.devnull}
    return plain_environment() | ours


def _lines(message: Message, timezone: str) -> Iterator[str]:
    said = wording.words(message, timezone)
    yield inert(said.occasion)
    yield inert(said.body)
    for label, text in said.facts:
        yield f"{label}: {inert(text)}"
    yield said.link
    yield from said.notes


class _Service:
    def __init__(self, settings: Settings) -> None:
        self._url = settings.url.get_secret_value()
        self._timeout = settings.timeout
        self._timezone = settings.timezone

    async def notify(self, message: Message) -> Receipt:
        said = wording.words(message, self._timezone)
        title = inert(f"{said.subject} - {said.state}")
        body = "\n".join(filter(None, _lines(message, self._timezone)))
        key = message.delivery.key if message.repeat else ""
        return await self._send(title, body, _TYPES[said.tone], key)

    async def digest(self, digest: Digest) -> Receipt:
        said = wording.digest_words(digest, self._timezone)
        body = "\n".join(
            " ".join(filter(None, (f"- {inert(f'{line.subject} - {line.state}')}", line.link)))
            for line in said.lines
        )
        tone = said.lines[0].tone
        return await self._send(
            said.subject, body, _TYPES[tone], digest.id if digest.repeat else ""
        )

    async def _send(self, title: str, body: str, type: str, key: str) -> Receipt:
        given = {
            "url": self._url,
            "title": f"{title} {REPEAT} {key}" if key else title,
            "body": body or title,
            "type": type,
            "timeout": self._timeout,
        }
        text = msgspec.json.encode(given)
        try:
            ended = await run(_COMMAND, text, env=_env(), timeout=self._timeout)
        except TimeoutError as error:
            said = f"Apprise had no answer after {self._timeout:g} s"
            raise DelayedError(said, uncertain=True) from error
        except OSError as error:
            raise DelayedError(f"Apprise cannot be run: {error.strerror}") from error
        if ended.code:
            said = f"Apprise could not send it: {self._told(ended.output)}"
            raise DelayedError(said, uncertain=True)
        return Receipt(detail="Apprise has sent it")

    def _told(self, output: str) -> str:
        """The last line that Apprise wrote, without any part of the URL that may be secret."""
        lines = [line for line in output.splitlines() if line.strip()] or ["it does not say why"]
        said = lines[-1]
        for part in re.split(r"[/:@?&=+]+", self._url):
            said = said.replace(part, "***") if len(part) > 5 else said
        return clean_line(said, 200)


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Service]:
    """A way to the service; each message has a process of its own."""
    yield _Service(settings)
