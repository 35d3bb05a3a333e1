"""Everything that can go wrong in an HTTP exchange, as a FetchError that a person can act on.

Two sources: what the libraries below raise (`from_exception`), and what a server answers
(`from_status`, `is_challenge`). What is in neither list is a bug, and is left to be seen as one.
"""

import re
import ssl
from collections.abc import Mapping
from datetime import datetime

import aiohttp

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.exchange import parse_retry_after
from bellbuoy.http.decoding import DamagedError, TooLargeError
from bellbuoy.text import clean_line

MAX_RETRY_AFTER = 3600.0
"""Seconds; a longer Retry-After is taken for this."""

EXPECTED = (aiohttp.ClientError, OSError, ValueError, RuntimeError, DamagedError, TooLargeError)
"""What an exchange may raise. RuntimeError: uvloop raises it for some sockets."""

_MAX_DETAIL = 300


class RefusedAddressError(OSError):
    """The guard refused to connect. Its text is constant, so that equal refusals count as one."""

    def __init__(self, address: str, kind: str) -> None:
        super().__init__("refused by the address guard")
        self.address = address
        self.kind = kind


def from_exception(url: str, error: Exception, *, reading: bool = False) -> FetchError:
    """What a library's exception means. `reading` is true once the status line was there."""
    refused = _refused_address(error)
    if refused is not None:
        reason, detail = Unreadable.REFUSED, explain_refused(refused.address, refused.kind)
    else:
        reason, detail = _explain(error, reading=reading)
    return FetchError(url, reason, clean_line(detail, _MAX_DETAIL))


def explain_refused(address: str, kind: str) -> str:
    """Why the guard refused an address, and what allows it."""
    network = f"{address}/{128 if ':' in address else 32}"
    return (
        f"{address} is {kind} address; if this page is meant to be there, list its network in "
        f"http.allow_private, or give --allow-private {network}"
    )


def _explain(error: Exception, *, reading: bool) -> tuple[Unreadable, str]:
    if isinstance(error, TooLargeError):
        return Unreadable.REFUSED, f"too_large: {error}"
    if isinstance(error, DamagedError):
        return Unreadable.CUT, str(error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        reason = Unreadable.NETWORK if error.status >= 500 else Unreadable.REFUSED
        return reason, f"the proxy (http.proxy) answered {error.status} {error.message}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unreadable.NETWORK, _explain_connecting(error)
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return Unreadable.REFUSED, f"not an address that can be asked: {error}"
    if isinstance(error, aiohttp.ClientPayloadError) or reading:
        return Unreadable.CUT, f"the body ended early: {_innermost(error)}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Unreadable.NETWORK, "the server closed the connection without an answer"
    if isinstance(error, aiohttp.ClientResponseError):
        return _explain_malformed(error)
    if isinstance(error, OSError):
        return Unreadable.NETWORK, f"the connection broke: {_why(error)}"
    return Unreadable.REFUSED, f"the request cannot be sent: {type(error).__name__}: {error}"


def _explain_connecting(error: aiohttp.ClientConnectorError) -> str:
    where = f"{error.host}:{error.port}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        problem = error.certificate_error
        why = getattr(problem, "verify_message", "") or str(problem)
        return (
            f"the certificate of {where} is not trusted: {why}; if your network opens TLS, or "
            "the page has an authority of its own, name its certificate in http.ca_file"
        )
    if isinstance(error, aiohttp.ClientSSLError):
        return f"no TLS with {where}: {getattr(error.os_error, 'reason', None) or error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"no address for the name {error.host}: {_why(error.os_error)}"
    why = _why(error.os_error)
    if error.ssl and isinstance(error.os_error, ConnectionError) and not error.os_error.errno:
        why = f"it was closed during the TLS handshake ({why})"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"no connection to the proxy {where} (http.proxy): {why}"
    return f"no connection to {where}: {why}"


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _explain_malformed(error: aiohttp.ClientResponseError) -> tuple[Unreadable, str]:
    # aiohttp names its own limits for a line and a field this way.
    if "Got more than" in error.message or "Too many headers" in error.message:
        return Unreadable.REFUSED, "too_large: the header fields"
    return Unreadable.NETWORK, f"the answer is not HTTP: {error.message}"


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__


def _refused_address(error: Exception) -> RefusedAddressError | None:
    """The guard's refusal, if that is why there is no connection."""
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        if isinstance(inner, RefusedAddressError):
            return inner
    return None


def is_uncertain(error: Exception) -> bool:
    """Whether the request may have left before this error came."""
    return not isinstance(
        error,
        aiohttp.ClientConnectorError
        | aiohttp.ClientHttpProxyError
        | aiohttp.InvalidURL
        | aiohttp.NonHttpUrlClientError
        | ssl.SSLError,
    )


# What challenge pages of the large fronts carry and ordinary pages do not. Cloudflare also
# puts its challenge-platform script into ordinary pages, and status pages have a captcha in
# their subscription form, so neither counts alone.
_CHALLENGE = re.compile(
    rb"<title>\s*(?:just a moment|attention required! \| cloudflare|please wait\.\.\.|"
    rb"access denied|ddos-guard|verifying you are human|vercel security checkpoint)"
    rb"|_incapsula_resource|captcha-delivery\.com|px-captcha|gokuprops|awswafintegration"
    rb"|/\.well-known/sgcaptcha|/_sec/cp_challenge|checking your browser before"
    rb"|cf-browser-verification|cf_chl_opt",
    re.IGNORECASE,
)
_CHALLENGE_HEADERS = ("cf-mitigated", "x-amzn-waf-action")
# A document of its own size with a captcha in it is a page; a small one is the captcha's.
_SMALL_PAGE = 16 * 1024
CHALLENGE_HEAD = 64 * 1024
"""Bytes of a page in which its marks are looked for."""


def is_challenge(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a challenge or captcha stands where the document should be."""
    if status == 202 or any(name in headers for name in _CHALLENGE_HEADERS):
        return True
    if not looks_like_html(headers, body):
        return False
    head = body[:CHALLENGE_HEAD]
    return _CHALLENGE.search(head) is not None or (
        len(body) < _SMALL_PAGE and b"captcha" in head.lower()
    )


def looks_like_html(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an answer is HTML, by its media type or by its first bytes."""
    if headers.get("content-type", "")[:9].lower() == "text/html":
        return True
    start = body[:64].lstrip()[:14].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def from_status(
    url: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> FetchError | None:
    """The error that an answer means, or None if it is a document or a 304."""
    if status == 304:
        return None
    if is_challenge(status, headers, body):
        detail = f"answered {status} with a challenge for browsers, not with the document"
        return FetchError(
            url,
            Unreadable.BLOCKED,
            detail,
            status=status,
            retry_after=_retry_after(headers, now),
        )
    if status in {404, 410}:
        return FetchError(url, Unreadable.GONE, f"answered {status}", status=status)
    if status == 206:
        return FetchError(url, Unreadable.CUT, "answered with a part (206)", status=status)
    if 200 <= status < 300:
        if body:
            return None
        return FetchError(url, Unreadable.CUT, f"answered {status} without a body", status=status)
    retry_after = _retry_after(headers, now)
    detail = f"answered {status}"
    if retry_after is not None:
        detail += f", and to come back in {retry_after:.0f} s"
    return FetchError(url, Unreadable.REFUSED, detail, status=status, retry_after=retry_after)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    value = parse_retry_after(headers.get("retry-after", ""))
    if isinstance(value, datetime):
        value = (value - now).total_seconds()
    return None if value is None else min(max(value, 0.0), MAX_RETRY_AFTER)
