"""One HTTP request and its answer: the place where aiohttp is used.

Does not decide what an answer means, how often one may ask, or where a redirect leads: it
turns a target into a status, header fields and a decoded body, or raises FetchError.
"""

import asyncio
import re
import socket
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from multidict import istr
from yarl import URL

from bellbuoy import __version__
from bellbuoy.errors import FetchError
from bellbuoy.exchange import Request
from bellbuoy.http import HttpSettings
from bellbuoy.http.decoding import ACCEPT_ENCODING, MAX_BODY, TooLargeError, read_body
from bellbuoy.http.failures import (
    CHALLENGE_HEAD,
    EXPECTED,
    RefusedAddressError,
    explain_refused,
    from_exception,
    is_uncertain,
)
from bellbuoy.http.guard import Guard
from bellbuoy.http.limits import KEEP_ALIVE, Kept
from bellbuoy.http.names import Names, Resolve
from bellbuoy.http.proxies import Proxies
from bellbuoy.http.tls import client_context, has_swollen
from bellbuoy.text import clean_line

MAX_HEADERS = 64 * 1024
"""Bytes of all header fields of an answer."""

_MAX_FIELD = 32 * 1024
_DNS_SECONDS = 300
_DNS_NAMES = 20_000
_TARGETS = 2048
_RECEIVER_KEEP_ALIVE = 15.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Statuses whose `Location` says where to ask instead."""


UNPARSABLE = (ValueError, IndexError)
"""What yarl raises for an address that is none: IndexError for some brackets."""

# What a proxy would decode (`%31`) or a resolver cut off must not get past the guard.
_HOST = re.compile(r"[A-Za-z0-9._-]+")

# RFC 9110, 15.4.5. As istr, because aiohttp's headers find those without folding the case.
_FRESHENING = tuple(
    (name, istr(name))
    for name in ("etag", "last-modified", "cache-control", "date", "expires", "age")
)


class Target(NamedTuple):
    """An address, taken apart once.

    `host` is scheme + host + port, `shown` the address as it may be printed (no password).
    `proxy` is the proxy it is reached by. `refusal` is why it may not be asked at all, if so.
    """

    url: URL
    host: str
    shown: str
    proxy: URL | None = None
    refusal: str = ""


class Answer(NamedTuple):
    """What came back. Header names are lower-case.

    The body of a redirect is not read, and of a 304 only the fields about freshness are kept.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Answering(aiohttp.ClientResponse):
    """An answer that still knows its connection when aiohttp has taken that back."""

    carrier: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Begin to read the answer."""
        self.carrier = connection.protocol
        return await super().start(connection)


class Transport:
    """aiohttp sessions over one TLS context, apart by whom they trust and what they keep.

    Pages are connected to through the guard; receivers and the proxy are not, because their
    addresses are the operator's word. Connections are never shared between the two, so a page
    cannot ride on one that was opened for a receiver.

    A visit's questions share a connection. When the last visit leaves a host, what it used is
    closed, unless the host is among those that keep connections and these are small.
    """

    def __init__(self, settings: HttpSettings, resolve: Resolve | None) -> None:
        self._settings = settings
        self._guard = Guard(settings.allow_private)
        self._proxies = Proxies(settings.proxy, settings.no_proxy)
        self._kept = Kept()
        self._used: dict[str, set[ResponseHandler]] = {}
        self._resolve = resolve
        self.target = lru_cache(maxsize=_TARGETS)(self._target)

    async def __aenter__(self) -> Self:
        self._clock = asyncio.get_running_loop().time
        self._context = await asyncio.to_thread(client_context, self._settings.ca_file)
        self._names = Names(self._resolve)
        sent = aiohttp.TraceConfig()
        sent.on_request_headers_sent.append(_mark_sent)
        self._direct = self._open(self._open_socket, KEEP_ALIVE)
        self._proxied = self._open(None, KEEP_ALIVE)
        self._receivers = self._open(None, _RECEIVER_KEEP_ALIVE, sent)
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in (self._direct, self._proxied, self._receivers):
            await session.close()

    def _open(
        self,
        open_socket: Callable[[tuple[int, int, int, str, tuple[Any, ...]]], socket.socket] | None,
        keep_alive: float,
        *traces: aiohttp.TraceConfig,
    ) -> aiohttp.ClientSession:
        contact = clean_line(self._settings.contact or "", 200) or "status page monitor"
        connector = aiohttp.TCPConnector(
            ssl=self._context,
            resolver=self._names,
            limit=0,  # Seats and places at hosts bound them (limits).
            ttl_dns_cache=_DNS_SECONDS,
            dns_cache_max_size=_DNS_NAMES,
            keepalive_timeout=keep_alive,
            socket_factory=open_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            response_class=Answering,
            headers={
                "User-Agent": f"Bellbuoy/{__version__} (+{contact})",
                "Accept-Encoding": ACCEPT_ENCODING,
            },
            # The visit's deadline covers everything; the environment has no say.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=_MAX_FIELD,
            max_field_size=_MAX_FIELD,
            trace_configs=list(traces),
        )

    async def fetch_page(
        self, target: Target, method: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Ask a page. Raises FetchError, and cancellation."""
        session = self._direct if target.proxy is None else self._proxied
        reading = False
        try:
            response = await session.request(
                method,
                target.url,
                headers=headers,
                data=body,
                allow_redirects=False,
                proxy=target.proxy,
            )
            reading = True
            self._note_used(target.host, response)
            return await _read(response, keep_errors=False)
        except EXPECTED as error:
            raise self._failure(session, target, error, reading=reading) from error

    def leave(self, host: str) -> None:
        """No visit asks this host any more: close what is not worth keeping open."""
        used = self._used.pop(host, None)
        if used is None:
            return
        keeps = self._kept.keeps(host, self._clock())
        for connection in used:
            if not keeps or has_swollen(connection.transport):
                connection.close()

    def _note_used(self, host: str, response: aiohttp.ClientResponse) -> None:
        if isinstance(response, Answering) and response.carrier is not None:
            self._used.setdefault(host, set()).add(response.carrier)

    async def fetch_receiver(self, target: Target, request: Request, sent: list[bool]) -> Answer:
        """Ask a receiver. Raises FetchError, and cancellation.

        `sent` is no longer empty once the request began to leave.
        """
        reading = False
        try:
            response = await self._receivers.request(
                request.method,
                target.url,
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
                proxy=None if _is_loopback(target.url.host or "") else target.proxy,
                trace_request_ctx=sent,
            )
            reading = True
            return await _read(response, keep_errors=True)
        except EXPECTED as error:
            failure = self._failure(self._receivers, target, error, reading=reading)
            failure.uncertain = bool(sent) and is_uncertain(error)
            raise failure from error

    def _failure(
        self, session: aiohttp.ClientSession, target: Target, error: Exception, *, reading: bool
    ) -> FetchError:
        if isinstance(error, aiohttp.ClientConnectorError):
            # The name may point elsewhere by now.
            connector = session.connector
            if isinstance(connector, aiohttp.TCPConnector):
                connector.clear_dns_cache(target.url.raw_host, target.url.port)
        return from_exception(target.shown, error, reading=reading)

    def _open_socket(self, address: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        """The one place where a page's socket is made, whatever named its address."""
        family, kind, protocol, _, place = address
        literal = str(place[0])
        refusal = self._guard.refusal(literal)
        if refusal is not None:
            raise RefusedAddressError(literal, refusal)
        return socket.socket(family, kind, protocol)

    def _target(self, text: str) -> Target:
        try:
            url = URL(text)
            host, port = url.raw_host, url.port
        except UNPARSABLE as error:
            return _unusable(text, str(error))
        if url.scheme not in {"http", "https"} or not host or not port:
            return _unusable(text, "only http:// and https:// addresses with a host can be asked")
        if ":" not in host and not _HOST.fullmatch(host):
            return _unusable(text, "the host has characters that no host name has")
        plain = url if url.raw_user is None and url.raw_password is None else url.with_user(None)
        proxy = self._proxies.for_host(host)
        target = Target(
            url=url.with_fragment(None),
            host=f"{url.scheme}://{f'[{host}]' if ':' in host else host}:{port}",
            shown=str(plain.with_fragment(None)),
            proxy=None if proxy is None else URL(proxy),
        )
        if proxy is None:
            return target
        # Names are the proxy's to resolve; what names an address by itself is judged here.
        literal = _as_literal(host)
        kind = None if literal is None else self._guard.refusal(literal)
        if literal is None or kind is None:
            return target
        return target._replace(refusal=explain_refused(literal, kind))


async def _mark_sent(_: Any, context: Any, __: Any) -> None:
    context.trace_request_ctx.append(True)


async def _read(response: aiohttp.ClientResponse, *, keep_errors: bool) -> Answer:
    status = response.status
    if status == 304:
        # The most frequent answer by far: only the fields that freshen what is kept.
        came = response.headers
        fields = {name: value for name, key in _FRESHENING if (value := came.get(key)) is not None}
        response.release()
        return Answer(status, fields, b"")
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        if sum(map(len, headers)) + sum(map(len, headers.values())) > MAX_HEADERS:
            raise TooLargeError("the header fields")
        if status == 204 or (status in REDIRECTS and not keep_errors):
            return Answer(status, headers, b"")
        is_document = 200 <= status < 300 or keep_errors
        body = await _read_bounded(response, headers, MAX_BODY if is_document else CHALLENGE_HEAD)
        return Answer(status, headers, body)
    finally:
        # Back to the pool if it was read to its end, closed if not.
        response.release()


async def _read_bounded(
    response: aiohttp.ClientResponse, headers: Mapping[str, str], limit: int
) -> bytes:
    """The body. That of an error is only looked at for marks: what does not fit is left."""
    length = headers.get("content-length", "")
    try:
        if length.isdecimal() and int(length[:20]) > limit:
            raise TooLargeError(f"the body is {length[:20]} bytes")
        encoding = headers.get("content-encoding", "")
        return await read_body(response.content.iter_any(), encoding, limit)
    except EXPECTED:
        if limit == MAX_BODY:
            raise
        return b""


def _unusable(text: str, why: str) -> Target:
    shown = clean_line(text.rpartition("@")[2] if "@" in text else text, 200)
    return Target(URL(), "", shown, None, clean_line(why, 200))


def _as_literal(host: str) -> str | None:
    """The address that a host names by itself, in any spelling that a resolver takes."""
    if _is_loopback(host):
        return "127.0.0.1"
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        # 2130706433, 0x7f.1 and 127.1 are all 127.0.0.1 to inet_aton and to getaddrinfo.
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _is_loopback(host: str) -> bool:
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
