"""Every HTTP status means one thing for a delivery."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from bellbuoy.errors import DelayedError, DisabledError, RefusedError
from bellbuoy.exchange import Response
from bellbuoy.notifiers import _statuses
from tests.event_samples import AT

LATER = {408, 409, 425, 429} | set(range(500, 600))
"""RFC 9110 and RFC 8470 (425): the same request may succeed later."""


def meaning(status, **headers):
    """What is raised for a status; None if the receiver has the event."""
    response = Response(url="https://r.example", status=status, headers=headers)
    try:
        _statuses.settle(response, sent_at=int(AT.timestamp()))
    except (DelayedError, RefusedError) as error:
        return error
    return None


def test_every_status_is_done_or_retried_or_dead():
    """From 100 to 999 there is no status without an answer."""
    for status in range(100, 1000):
        error = meaning(status)
        if status // 100 == 2:
            assert error is None
        elif status in LATER or status >= 600:
            assert type(error) is DelayedError, status
        elif status == 410:
            assert type(error) is DisabledError
        else:
            assert type(error) is RefusedError, status


@pytest.mark.parametrize("status", [204, 301, 410, 429, 503])
def test_the_outcome_names_the_status_and_nothing_the_receiver_wrote(status):
    """An answer's text may quote the token it was sent with: only the number is kept."""
    error = meaning(status)
    assert error is None or error.detail.startswith(f"HTTP {status}")


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Mon, 23 Feb 2026 16:11:30 GMT", 120.0),
        ("Mon, 23 Feb 2026 15:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(field, seconds):
    """Seconds, or an instant, which is measured from when the attempt was made."""
    assert datetime(2026, 2, 23, 16, 9, 30, tzinfo=UTC) == AT
    assert meaning(429, **{"retry-after": field}).retry_after == seconds
    assert meaning(503, **{"retry-after": field}).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b'"invalid\n\x1b[31m label"', "application/json", '"invalid [31m label"'),
        (b"key canary is\xff wrong", "", "key (secret) is\ufffd wrong"),
        (b"<html>Sign in</html>", "text/html; charset=utf-8", ""),
        (b"", "", ""),
    ],
)
def test_what_a_receiver_says_is_one_line_without_our_secrets(body, kind, words):
    """Where a kind knows that its receiver's words help, they are kept, cleaned."""
    response = Response(url="", status=400, headers={"content-type": kind}, body=body)
    said = _statuses.said(response, SecretStr("canary"), None)
    assert said == words
    with pytest.raises(RefusedError) as caught:
        _statuses.settle(response, sent_at=0, words=said * 200)
    assert len(caught.value.detail) <= _statuses.MAX_WORDS
