"""One TLS context for every connection, which remembers sessions.

At a poll a minute most hosts have closed the connection by the next visit, and a full
handshake costs more than everything else the visit does. A remembered session lets the next
connection resume: no certificate is sent, parsed or verified again.

Built on the public interface alone: `SSLContext.wrap_bio` takes a session and
`SSLContext.sslobject_class` names the class that it returns
(https://docs.python.org/3/library/ssl.html#ssl.SSLContext.sslobject_class). asyncio and
uvloop both come through there, and through a proxy's tunnel too.
"""

import asyncio
import ssl
from collections import OrderedDict
from pathlib import Path
from typing import Any

from bellbuoy.errors import ConfigError

MAX_SESSIONS = 8192
"""Hosts whose session is remembered, at about 7 KB each; the longest unused goes first."""


MAX_AT_ONCE = 8 * 1024
"""Bytes that may arrive at once before a connection counts as swollen.

The read buffers of uvloop and of OpenSSL grow with what arrives at once, to more than twice
of it, and never shrink: a fresh connection takes 60 KB, one that carried 55 KB takes 180.
"""


class _Connection(ssl.SSLObject):
    """A connection that hands its session to the context once it has one.

    In TLS 1.3 the ticket comes after the handshake (RFC 8446, 4.6.1), so it is there only
    when the first bytes were read. `most` is how many bytes have arrived at once.
    """

    most = 0
    _incoming: ssl.MemoryBIO | None = None
    _kept = False

    def reads_from(self, incoming: ssl.MemoryBIO) -> None:
        """Tell where what arrived waits to be read."""
        self._incoming = incoming

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        if self._incoming is not None and self._incoming.pending > self.most:
            self.most = self._incoming.pending
        data = super().read(len, buffer)
        if not self._kept:
            self._kept = True
            context = self.context
            if isinstance(context, RememberingContext):
                context.remember(self)
        return data


class RememberingContext(ssl.SSLContext):
    """A client context that resumes the last session of a host in a new connection.

    A session belongs to the name it was verified for, so a host never resumes another's.
    """

    sslobject_class = _Connection

    def __init__(self, _protocol: int) -> None:
        super().__init__()
        self._sessions: OrderedDict[str, ssl.SSLSession] = OrderedDict()

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As the base class, with the remembered session of the host if there is one."""
        if session is None and isinstance(server_hostname, str):
            session = self._sessions.get(server_hostname)
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(made, _Connection):
            made.reads_from(incoming)
        return made

    def remember(self, connection: ssl.SSLObject) -> None:
        """Keep a connection's session, if its host gave it a ticket or an id to resume by."""
        name, session = connection.server_hostname, connection.session
        if name is None or session is None or not (session.has_ticket or session.id):
            return
        self._sessions[name] = session
        self._sessions.move_to_end(name)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)


def has_swollen(transport: asyncio.Transport | None) -> bool:
    """Whether a connection's buffers grew beyond what an idle one may take."""
    secured = None if transport is None else transport.get_extra_info("ssl_object")
    return isinstance(secured, _Connection) and secured.most > MAX_AT_ONCE


def client_context(ca_file: str | None) -> RememberingContext:
    """A verifying context: the system's certificate authorities, or those of `ca_file` alone.

    Reads files, so it is called in a thread. Raises ConfigError if `ca_file` cannot be used.
    """
    context = RememberingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(Path(ca_file).expanduser())
    except (OSError, ValueError) as error:
        raise ConfigError(f"http.ca_file: {ca_file} cannot be used: {error}") from error
    return context
