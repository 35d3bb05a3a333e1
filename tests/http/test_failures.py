"""Every foreign exception becomes a FetchError; what a server says is read with care."""

import asyncio
import inspect
import socket
import ssl
from datetime import UTC, datetime

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.errors import FetchError, Unreadable
from bellbuoy.http.decoding import DamagedError, TooLargeError
from bellbuoy.http.failures import (
    EXPECTED,
    RefusedAddressError,
    from_exception,
    from_status,
    is_uncertain,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def key():
    """What aiohttp names a connection by."""
    return aiohttp.client_reqrep.ConnectionKey("h.example", 443, True, True, None, None, None)


def info():
    """What aiohttp says of a request."""
    return aiohttp.RequestInfo(aiohttp.client.URL("http://h.example/"), "GET", {}, None)


def made(kind):
    """An exception of aiohttp, made as aiohttp makes it."""
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        return kind(key(), ssl.CertificateError("self-signed certificate"))
    if issubclass(kind, aiohttp.ClientConnectorError):
        return kind(key(), OSError(111, "refused"))
    if issubclass(kind, aiohttp.ClientResponseError):
        return kind(info(), (), status=400, message="Bad")
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"a", b"b", "h.example", 443)
    return kind("text")


AIOHTTP = [
    value
    for _, value in inspect.getmembers(aiohttp, inspect.isclass)
    if issubclass(value, aiohttp.ClientError)
]


@pytest.mark.parametrize("reading", [False, True])
@pytest.mark.parametrize("kind", AIOHTTP, ids=lambda kind: kind.__name__)
def test_every_exception_of_aiohttp_is_mapped(kind, reading):
    """A new version with a new exception still ends as a FetchError with a text."""
    error = made(kind)
    assert isinstance(error, EXPECTED)
    mapped = from_exception("http://h.example/", error, reading=reading)
    assert isinstance(mapped, FetchError)
    assert len(mapped.detail) > 10


@pytest.mark.parametrize(
    ("error", "reason", "says"),
    [
        (socket.gaierror(-2, "unknown name"), Unreadable.NETWORK, "unknown name"),
        (ConnectionResetError(104, "reset"), Unreadable.NETWORK, "reset"),
        (ssl.SSLError(1, "bad record"), Unreadable.NETWORK, "bad record"),
        (TimeoutError(), Unreadable.NETWORK, "TimeoutError"),
        (ValueError("newline in header"), Unreadable.REFUSED, "newline"),
        (RuntimeError("unable to perform"), Unreadable.REFUSED, "unable"),
        (DamagedError("damaged"), Unreadable.CUT, "damaged"),
        (TooLargeError("the body"), Unreadable.REFUSED, "too_large: the body"),
        (
            aiohttp.ClientConnectorError(key(), RefusedAddressError("10.0.0.1", "a private")),
            Unreadable.REFUSED,
            "--allow-private 10.0.0.1/32",
        ),
        (
            aiohttp.ClientConnectorError(key(), RefusedAddressError("fd00::1", "a private")),
            Unreadable.REFUSED,
            "--allow-private fd00::1/128",
        ),
    ],
)
def test_other_exceptions_are_mapped_with_what_they_said(error, reason, says):
    """The library's own words are in the detail, the reason is one of ours."""
    assert isinstance(error, EXPECTED)
    mapped = from_exception("u", error)
    assert mapped.reason is reason
    assert says in mapped.detail


def test_cancellation_and_bugs_are_not_expected():
    """What is no failure of an exchange is never dressed up as one."""
    for error in (asyncio.CancelledError(), KeyError("x"), TypeError("x"), AssertionError()):
        assert not isinstance(error, EXPECTED)


def test_j4_a_detail_holds_no_control_characters_and_is_bounded():
    """A server cannot write into a terminal or a log through an error."""
    error = aiohttp.ClientResponseError(info(), (), status=400, message="\x1b]0;x\x07\r\n" * 500)
    detail = from_exception("u", error).detail
    assert detail.isprintable()
    assert len(detail) <= 300


def test_only_what_failed_before_the_request_left_is_certain():
    """A connector's failure is before; everything after may have arrived."""
    assert not is_uncertain(aiohttp.ClientConnectorError(key(), OSError(111, "refused")))
    assert is_uncertain(aiohttp.ServerDisconnectedError())
    assert is_uncertain(aiohttp.ClientOSError(104, "reset"))


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "content-type", "cf-mitigated", "x"]), st.text(max_size=60)
    ),
    st.binary(max_size=300),
)
def test_no_answer_makes_the_reading_of_answers_fail(status, headers, body):
    """Whatever status, fields and body: None or a FetchError with a sane Retry-After."""
    error = from_status("u", status, headers, body, NOW)
    if error is None:
        assert status == 304 or (200 <= status < 300 and body)
    else:
        assert error.retry_after is None or 0 <= error.retry_after <= 3600
