"""Messages to any of the services that Apprise knows, by its URLs, as plain text.

For services without a kind of their own here: one message for each event, no edits, no
threads. Apprise (https://github.com/caronc/apprise, 2.3, read on 2026-11-28) answers yes or
no and nothing else, so every no is tried again, and what may have arrived says that it may be
a repeat, with the key that both have. It blocks, and a thread that hangs cannot be ended: so
messages are sent by a process of its own, which can. What a vendor wrote is made inert for
every medium at once, because Apprise escapes it for some of them only.
"""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bellbuoy.durations import Duration
from bellbuoy.errors import DelayedError
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Digest, Message, _apprise
from bellbuoy.notifiers import _wording as wording
from bellbuoy.notifiers._inert import inert, inert_link
from bellbuoy.notifiers._programs import Helper
from bellbuoy.notifiers._wording import REPEAT, Tone
from bellbuoy.text import clean_line

api_version = 1
KIND = "apprise"
digests = True

CURE = "needs Apprise: pip install 'bellbuoy[apprise]'"

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
    timeout: Annotated[Duration, Field(ge=0.1, le=600)] = 30.0
    timezone: str = "UTC"

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: SecretStr) -> SecretStr:
        if find_spec("apprise") is None:
            raise ValueError(CURE)
        if not _apprise.understands(url.get_secret_value()):
            raise ValueError(
                "is not an address that Apprise understands; `apprise --details` lists them"
            )
        return url


def _lines(message: Message, timezone: str) -> Iterator[str]:
    said = wording.words(message, timezone)
    yield inert(said.occasion)
    yield inert(said.body)
    for label, text in said.facts:
        # The operator's own address stays as it is.
        yield f"{label}: {text if label == 'Runbook' else inert(text)}"
    yield inert_link(said.link)
    yield from said.notes


class _Service:
    def __init__(self, settings: Settings, helper: Helper) -> None:
        self._helper = helper
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
            " ".join(
                filter(
                    None, (f"- {inert(f'{line.subject} - {line.state}')}", inert_link(line.link))
                )
            )
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
        try:
            line = await self._helper.ask(msgspec.json.encode(given), timeout=self._timeout)
        except TimeoutError as error:
            said = f"Apprise had no answer after {self._timeout:g} s"
            raise DelayedError(said, uncertain=True) from error
        except OSError as error:
            raise DelayedError(f"Apprise cannot be run: {error.strerror}") from error
        answer = _apprise.read(line)
        if not answer.sent:
            said = f"Apprise could not send it: {self._told(answer.said)}"
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
    """A way to the service: a process that sends, and ends with this."""
    helper = _apprise.helper()
    try:
        yield _Service(settings, helper)
    finally:
        await helper.close()
