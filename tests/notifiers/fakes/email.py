"""A mail server on loopback, which wants STARTTLS and a login, and reads what it is given."""

import asyncio
import email
import re
import ssl
import warnings
from collections import deque
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult
from lxml import html

from tests.notifiers.fakes import Heard, Trouble

FROM = "bellbuoy@watch.example"
TO = ("ops@team.example", "On call <oncall@team.example>")
ALLOWED = frozenset(
    "html head meta title style body table tr td span h1 b br a p".split()  # noqa: SIM905 - reads better
)
"""What mail programs show, and nothing that fetches or runs."""


class _Session(SMTP):
    """A connection that keeps its transports: the plain one, and the one over TLS."""

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.transports = []

    def connection_made(self, transport) -> None:
        self.transports.append(transport)
        super().connection_made(transport)


class EmailFake:
    """Takes well-formed mail from who may log in. SMTP knows no keys, so a repeat is said.

    `refused` maps addresses to the answers that they get before they are accepted, and at
    `silent_at` (DATA, QUIT) nothing is answered.
    """

    kind = "email"
    troubles = frozenset(
        {Trouble.BUSY, Trouble.BROKEN, Trouble.CUT, Trouble.POISON, Trouble.ROTATED}
    )
    knows_keys = False
    says_when = False
    keeps_states = False

    def __init__(self, *, security: str = "starttls", host: str = "127.0.0.1") -> None:
        self.heard: list[Heard] = []
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, ...]] = []
        self.complaints: list[str] = []
        self.poison = ""
        self.refused: dict[str, list[str]] = {}
        self.silent_at = ""
        self.connections = 0
        self._security = security
        self._host = host
        self._rotations = 0
        self._troubles: deque[Trouble] = deque()
        self._sessions: list[_Session] = []

    async def __aenter__(self) -> Self:
        self._folder = TemporaryDirectory()
        authority = trustme.CA()
        self.ca_file = Path(self._folder.name) / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(self._host).configure_cert(context)
        at_once = context if self._security == "tls" else None
        upgrade = context if self._security == "starttls" else None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: self._session(upgrade), "127.0.0.1", 0, ssl=at_once
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *details: object) -> None:
        self._server.close()
        handlers = [one._handler_coroutine for one in self._sessions if one._handler_coroutine]
        for transport in [each for one in self._sessions for each in one.transports]:
            transport.abort()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        for _ in range(3):  # From a transport through its TLS to its session, each in a turn.
            await asyncio.sleep(0)
        self._folder.cleanup()

    def _session(self, upgrade: ssl.SSLContext | None) -> SMTP:
        self.connections += 1
        with warnings.catch_warnings():
            # aiosmtpd does not see that a connection is TLS from its first byte.
            warnings.simplefilter("ignore", UserWarning)
            session = _Session(
                self,
                hostname="mail.team.example",
                enable_SMTPUTF8=False,
                tls_context=upgrade,
                require_starttls=upgrade is not None,
                authenticator=self._authenticate,
                auth_required=self._security != "none",
                auth_require_tls=upgrade is not None,
            )
        self._sessions.append(session)
        return session

    @property
    def password(self) -> str:
        """What lets one in now."""
        return f"canary-{self._rotations}"

    def settings(self) -> dict[str, Any]:
        """Where it is and who may log in."""
        login = {"user": "bellbuoy", "password": self.password}
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "security": self._security,
            "from": f"Bellbuoy <{FROM}>",
            "to": list(TO),
            "ca_file": str(self.ca_file),
            **({} if self._security == "none" else login),
        }

    def next(self, trouble: Trouble) -> None:
        """Do this to the next mail, once."""
        self._troubles.append(trouble)

    def rotate(self) -> None:
        """Change the password."""
        self._rotations += 1

    def _authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        is_good = (data.login, data.password) == (b"bellbuoy", self.password.encode())
        return AuthResult(success=is_good, handled=False)

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a sender, or say what was put into `refused` for it."""
        if answers := self.refused.get(address):
            return answers.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Say farewell."""
        if self.silent_at == "QUIT":
            await asyncio.Event().wait()
        return "221 Bye"

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a recipient, or say what was put into `refused` for it."""
        if answers := self.refused.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Read a mail, and answer as it is to be answered."""
        mail = email.message_from_bytes(envelope.content, policy=POLICY)
        assert isinstance(mail, EmailMessage)
        if self.poison and self.poison in str(mail["Subject"]):
            return "554 5.7.1 Message content rejected"
        trouble = self._troubles.popleft() if self._troubles else None
        if trouble is Trouble.BUSY:
            return "451 4.7.1 Try again later"
        if trouble is Trouble.BROKEN:
            return "421 4.3.0 Internal error"
        wrong = list(_wrong(mail, envelope))
        self.complaints += wrong
        if wrong:
            return f"550 5.6.0 {wrong[0]}"
        self.mails.append(mail)
        self.envelopes.append(tuple(envelope.rcpt_tos))
        self.heard.append(_heard(mail))
        if trouble is Trouble.CUT:
            server.transport.abort()
        if self.silent_at == "DATA":
            await asyncio.Event().wait()
        return "250 2.0.0 Queued as 4ABC"


def part(mail: EmailMessage, kind: str) -> str:
    """The text of the part of this kind: `plain` or `html`."""
    (found,) = [one for one in mail.walk() if one.get_content_type() == f"text/{kind}"]
    return found.get_content().replace("\r\n", "\n")


def visible(page: str) -> str:
    """Every word of an HTML page that a reader sees."""
    (body,) = html.document_fromstring(page).iter("body")
    return "\n".join(text.strip() for text in body.itertext() if text.strip())


def _heard(mail: EmailMessage) -> Heard:
    text = f"{mail['Subject']}\n{part(mail, 'plain')}\n{visible(part(mail, 'html'))}"
    thread = str(mail["References"] or mail["Message-ID"]).split()[0]
    return Heard(text=text, key=str(mail["Message-ID"]), thread=thread)


def _wrong(mail: EmailMessage, envelope: Any):
    """What a strict server, and a strict reader, would have against a mail."""
    once = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted")
    for name in once:
        if len(mail.get_all(name, [])) != 1:
            yield f"{name} is there {len(mail.get_all(name, []))} times"
    for name in ("Bcc", "Cc", "Reply-To", "Sender"):
        if name in mail:
            yield f"nobody wrote a {name}"
    known = {"Importance", "References", "In-Reply-To", "Content-Type", "X-Auto-Response-Suppress"}
    if unknown := set(mail.keys()) - {*once, *known}:
        yield f"unknown fields: {unknown}"
    if any(len(line) > 998 for line in envelope.content.split(b"\r\n")):
        yield "a line is longer than 998 octets (RFC 5322, 2.1.1)"
    if not envelope.content.isascii() or re.search(rb"(?<!\r)\n|\r(?!\n)", envelope.content):
        yield "not plain lines of ASCII"
    with suppress(Exception):
        if parsedate_to_datetime(str(mail["Date"])).tzinfo is None:
            yield "the date has no zone"
    if envelope.mail_from != FROM or FROM not in str(mail["From"]):
        yield "another sender"
    if not re.fullmatch(r"<[0-9a-f]{32}\.bellbuoy@watch\.example>", str(mail["Message-ID"])):
        yield f"a bad Message-ID: {mail['Message-ID']}"
    if any(one.defects for one in mail.walk()):
        yield f"defects: {[one.defects for one in mail.walk()]}"
    if [one.get_content_type() for one in mail.iter_parts()] != ["text/plain", "text/html"]:
        yield "not a text and its HTML form"
        return
    for element in html.document_fromstring(part(mail, "html")).iter():
        if element.tag not in ALLOWED:
            yield f"an element that does not belong into mail: {element.tag}"
        if any(name.startswith("on") or name == "src" for name in element.attrib):
            yield f"an attribute that does not belong into mail: {dict(element.attrib)}"
        href = element.get("href", "https://")
        if not href.startswith(("https://", "http://")):
            yield f"a link elsewhere: {href}"
