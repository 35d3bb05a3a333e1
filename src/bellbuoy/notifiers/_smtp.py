"""One mail over one connection to an SMTP server, and what its answers mean.

The conversation is RFC 5321, STARTTLS RFC 3207. What the server says before it hears of a
recipient is about us (greeting, certificate, login, sender), so it is never final.
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from msgspec import Struct

from bellbuoy.errors import DelayedError, DeliveryError, RefusedError
from bellbuoy.text import clean_line

SECONDS = 20
"""How long one mail may take, from the connection to the server's word that it has it."""

QUIT_SECONDS = 2
"""How long the farewell may take, in seconds; the mail is delivered by then."""

# RFC 5321, 4.1.4: a client without a meaningful name says its address literal. The system's own
# name may take a slow question to the resolver, and tells every reader of the headers of it.
_WHO_WE_ARE = "[127.0.0.1]"


class Server(Struct, frozen=True, kw_only=True):
    """Where mail is handed in. `security` is `starttls`, `tls` or `none`; no user, no login."""

    host: str
    port: int
    security: str
    user: str
    password: str
    tls: ssl.SSLContext


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a mail: recipients with the server's words, and its words for the mail."""

    taken: tuple[str, ...]
    later: dict[str, str]
    never: dict[str, str]
    said: str


class _Place(Struct):
    is_about_the_mail: bool = False


async def send(server: Server, sender: str, to: Sequence[str], mail: bytes) -> Outcome:
    """Hand a mail in. If no recipient is accepted, nothing is sent, and `taken` is empty.

    Raises DelayedError or RefusedError if the server does not take the mail as such.
    """
    smtp = SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security == "tls",
        start_tls=False,
        tls_context=server.tls,
        local_hostname=_WHO_WE_ARE,
        timeout=None,
    )
    place = _Place()
    try:
        async with asyncio.timeout(SECONDS):
            await _enter(smtp, server)
            outcome = await _hand_in(smtp, sender, to, mail, place)
        await _leave(smtp)
    except (SMTPException, OSError) as error:
        raise _meaning(error, server, place) from error
    else:
        return outcome
    finally:
        _drop(smtp.transport)
        smtp.close()


async def _enter(smtp: SMTP, server: Server) -> None:
    await smtp.connect()
    if server.security == "starttls":
        await smtp.ehlo()
        if not smtp.supports_extension("starttls"):
            raise DelayedError(
                f"{server.host}:{server.port} offers no STARTTLS; say `security: tls` for its port "
                "465, or `security: none` if the mail may go in the clear"
            )
        await smtp.starttls()
    if server.user:
        await smtp.login(server.user, server.password)


async def _leave(smtp: SMTP) -> None:
    transport = smtp.transport
    with suppress(SMTPException, OSError):
        async with asyncio.timeout(QUIT_SECONDS):
            await smtp.quit()
    _drop(transport)


def _drop(transport: asyncio.BaseTransport | None) -> None:
    """End a connection now: an orderly end of TLS waits up to 30 s for the other side."""
    if transport is not None:
        cast("asyncio.WriteTransport", transport).abort()


async def _hand_in(
    smtp: SMTP, sender: str, to: Sequence[str], mail: bytes, place: _Place
) -> Outcome:
    await smtp.mail(sender)
    taken: list[str] = []
    later: dict[str, str] = {}
    never: dict[str, str] = {}
    for recipient in to:
        try:
            await smtp.rcpt(recipient)
        except SMTPRecipientRefused as error:
            (never if 500 <= error.code < 600 else later)[recipient] = _said(error)
        else:
            taken.append(recipient)
    said = ""
    if taken:
        place.is_about_the_mail = True
        answer = await smtp.data(mail)
        said = clean_line(f"{answer.code} {answer.message}", 200)
    return Outcome(taken=tuple(taken), later=later, never=never, said=said)


def _meaning(error: SMTPException | OSError, server: Server, place: _Place) -> DeliveryError:
    where = f"{server.host}:{server.port}"
    for cause in (error, error.__cause__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            problem = f"its certificate is not trusted ({clean_line(cause.verify_message, 200)})"
            return DelayedError(f"{where}: {problem}; `ca_file` names another authority")
    if isinstance(error, SMTPAuthenticationError):
        # The words of an answer to a login may hold what was logged in with.
        return DelayedError(f"{where}: user and password are refused ({error.code})")
    if isinstance(error, SMTPResponseException):
        is_final = place.is_about_the_mail and 500 <= error.code < 600
        return (RefusedError if is_final else DelayedError)(f"{where}: {_said(error)}")
    is_lost = isinstance(error, SMTPServerDisconnected | SMTPTimeoutError | OSError)
    problem = clean_line(str(error), 200) or f"no answer within {SECONDS} s"
    return DelayedError(f"{where}: {problem}", uncertain=place.is_about_the_mail and is_lost)


def _said(error: SMTPResponseException) -> str:
    return clean_line(f"{error.code} {error.message}", 200)
