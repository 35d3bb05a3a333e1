"""Mail through the operator's own server: a text and an HTML part, one thread per incident.

What an answer of the server means (RFC 5321, https://www.rfc-editor.org/rfc/rfc5321, read
2026-11-28), and what is sent, are decided in `_smtp.py` and `_mail.py`:

| the server says | meaning |
|---|---|
| no STARTTLS, a bad certificate, 4xx or 5xx to login or sender | it is about us: later |
| 4xx to a recipient or to the mail | later, and only for those who do not have it yet |
| 5xx to some recipients | done: the others have it, and the receipt names these |
| 5xx to every recipient, or to the mail | never |
| nothing, after the mail | it may have arrived: later, with the same Message-ID |
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from bellbuoy.errors import DelayedError, RefusedError
from bellbuoy.model.delivery import Receipt
from bellbuoy.notifiers import Digest, Message, _mail
from bellbuoy.notifiers._values import Zone

if TYPE_CHECKING:
    from bellbuoy.notifiers._smtp import Server

api_version = 1
KIND = "email"
digests = True

REMEMBERED = 100
"""Mails that some recipients have and others are to get later; the oldest is forgotten first."""

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Settings(BaseModel):
    """The server at `host` takes mail in the name of `from` for everybody in `to`.

    `security` is `starttls` (port 587), `tls` from the first byte (465), or `none` (25): it is
    never less than what is said. `ca_file` holds the authorities (PEM) that vouch for the
    server, in place of the system's. Times are shown in `timezone`.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: Annotated[str, Field(pattern=r"^[!-~]+$")]
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    user: str = ""
    password: SecretStr | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, Field(alias="from")]
    to: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    timezone: Zone = "UTC"
    ca_file: Path | None = None

    @field_validator("to", mode="before")
    @classmethod
    def _one_is_a_list(cls, to: object) -> object:
        return [to] if isinstance(to, str) else to

    @field_validator("sender", "to")
    @classmethod
    def _are_mailboxes(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in [value] if isinstance(value, str) else value:
            _mail.address(text)
        return value

    @model_validator(mode="after")
    def _login_is_whole_and_hidden(self) -> "Settings":
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together: say both or none")
        if self.user and self.security == "none":
            raise ValueError("a password is not sent in the clear: security is starttls or tls")
        return self


class _Mailbox:
    def __init__(self, settings: Settings, server: "Server") -> None:
        self._settings = settings
        self._server = server
        self._reached: dict[str, set[str]] = {}

    async def notify(self, message: Message) -> Receipt:
        settings = self._settings
        mail = _mail.of_message(message, settings.sender, settings.to, settings.timezone)
        detail = await self._send(mail)
        return Receipt(reference=_mail.reference(message, mail), detail=detail)

    async def digest(self, digest: Digest) -> Receipt:
        settings = self._settings
        # Hundreds of incidents take longer to put into words than the loop may stand still.
        mail = await asyncio.to_thread(
            _mail.of_digest, digest, settings.sender, settings.to, settings.timezone
        )
        return Receipt(detail=await self._send(mail))

    async def _send(self, mail: EmailMessage) -> str:
        """Hand it in for everybody who does not have it; what the server said, for people."""
        from bellbuoy.notifiers import _smtp  # noqa: PLC0415 - its library is loaded where it is used

        id = mail["Message-ID"]
        has_it = self._reached.get(id, set[str]())
        to = [one for one in map(_mail.address, self._settings.to) if one not in has_it]
        sender = _mail.address(self._settings.sender)
        raw = await asyncio.to_thread(mail.as_bytes)
        outcome = await _smtp.send(self._server, sender, to, raw)
        has_it = has_it.union(outcome.taken)
        refused = "; ".join(f"{one}: {said}" for one, said in outcome.never.items())
        if outcome.later:
            self._remember(id, has_it.union(outcome.never))
            waiting = "; ".join(f"{one}: {said}" for one, said in outcome.later.items())
            raise DelayedError(f"not yet taken for {waiting}")
        self._reached.pop(id, None)
        if not has_it:
            raise RefusedError(f"refused for {refused}")
        return f"{outcome.said}; refused for {refused}" if refused else outcome.said

    def _remember(self, id: str, recipients: set[str]) -> None:
        self._reached[id] = recipients
        while len(self._reached) > REMEMBERED:
            del self._reached[next(iter(self._reached))]


@asynccontextmanager
async def open(settings: Settings) -> AsyncGenerator[_Mailbox]:
    """The way to the server; each mail makes a connection of its own."""
    from bellbuoy.notifiers._smtp import Server  # noqa: PLC0415 - its library is loaded where it is used

    try:
        tls = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_file)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise DelayedError(f"ca_file {settings.ca_file} cannot be used: {problem}") from error
    password = settings.password.get_secret_value() if settings.password else ""
    server = Server(
        host=settings.host,
        port=settings.port or _PORTS[settings.security],
        security=settings.security,
        user=settings.user,
        password=password,
        tls=tls,
    )
    yield _Mailbox(settings, server)
