"""Probes: what an address must answer to be called operational, and what is no answer."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.config.load import load_config
from bellbuoy.errors import FetchError, ReadError, Unreadable
from bellbuoy.exchange import Response
from bellbuoy.formats import Formats, probe
from bellbuoy.formats.recognise import recognise
from bellbuoy.model.facts import ComponentStatus, Page, Snapshot
from bellbuoy.model.known import Seen
from bellbuoy.text import MAX_WORD, clean
from tests.formats.conversation import converse
from tests.formats.mutations import mutated
from tests.formats.samples import FIXTURES, ROOT, page_at, sample

URL = f"{ROOT}/health"
GOOD = sample("probe")[URL]
UP, DOWN = ComponentStatus.OPERATIONAL, ComponentStatus.MAJOR_OUTAGE
CHALLENGE = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body>Checking your browser before you go on</body></html>"
)


@pytest.fixture
def expecting(tmp_path: Path):
    """The page of a config with this expectation."""

    def expecting(expect: object = None) -> Page:
        entry = {"name": "Acme", "url": URL, "format": "probe", "expect": expect}
        path = tmp_path / "bellbuoy.json"
        path.write_text(json.dumps({"providers": [entry]}))
        (watched,) = load_config(str(path)).watched
        return watched.page

    return expecting


def seen(page: Page, body: bytes = GOOD, status: int = 200, **headers: str) -> tuple[str, str]:
    """What one look makes of an answer: the status and the word."""
    response = Response(url=URL, status=status, headers=headers, body=body)
    snapshot, asked = converse(probe.read(page, Seen()), {URL: response})
    assert asked == [URL]
    (whole,) = snapshot.components
    return whole.status, whole.status_raw


def test_the_sample_page_reads_as_its_golden_snapshot():
    """The answer and the objects that it must become stand side by side."""
    golden = json.loads((FIXTURES / "probe" / "sample.golden.json").read_text())
    response = Response(url=URL, status=200, body=GOOD)
    snapshot, _ = converse(probe.read(page_at(URL, "probe"), Seen()), {URL: response})
    found = json.loads(msgspec.json.encode(snapshot, order="deterministic"))
    assert found.pop("entries") == {}
    assert found == golden


@pytest.mark.parametrize(
    ("expect", "status", "body", "word"),
    [
        (None, 200, GOOD, "HTTP 200"),
        (None, 202, b"", "HTTP 202"),
        (None, 204, b"", "HTTP 204"),
        ({"status": 200}, 200, b"", "HTTP 200"),
        ({"status": [200, 204]}, 204, b"", "HTTP 204"),
        ({"status": "2xx"}, 299, b"", "HTTP 299"),
        ({"status": ["2xx", 401]}, 401, b"{}", "HTTP 401"),
        ({"status": "5xx"}, 503, b"", "HTTP 503"),
        ({"text": "pong"}, 200, b"ping pong", "HTTP 200"),
        ({"text": "zurück"}, 200, "wir sind zurück".encode("utf-16"), "HTTP 200"),
        ({"json": {"$.status": "ok"}}, 200, GOOD, "HTTP 200"),
        ({"json": {"status": "ok"}}, 200, b"\xef\xbb\xbf" + GOOD, "HTTP 200"),
        ({"json": {"uptime": 86400.5, "read_only": False}}, 200, GOOD, "HTTP 200"),
        ({"json": {"region": None}}, 200, GOOD, "HTTP 200"),
        ({"json": {"$.checks[1].up": True, "checks.0.name": "db"}}, 200, GOOD, "HTTP 200"),
        ({"json": {"$": "ok"}}, 200, b'"ok"', "HTTP 200"),
        ({"json": {"[0]": 1}}, 200, b"[1.0]", "HTTP 200"),
        ({"status": 418, "text": "tea", "json": {"pot": "tea"}}, 418, b'{"pot":"tea"}', "HTTP 418"),
    ],
)  # fmt: skip
def test_what_is_as_expected_is_operational(expecting, expect, status, body, word):
    """Status, text and values in its JSON, each if it was asked for."""
    assert seen(expecting(expect), body, status) == (UP, word)


@pytest.mark.parametrize(
    ("expect", "status", "body", "word"),
    [
        (None, 404, b"", "HTTP 404"),
        (None, 503, b"busy", "HTTP 503"),
        (None, 304, b"", "HTTP 304"),
        ({"status": 200}, 204, b"", "HTTP 204"),
        ({"status": "4xx"}, 200, b"", "HTTP 200"),
        ({"text": "pong"}, 500, b"pong", "HTTP 500"),
        ({"text": "pong"}, 200, b"PONG", "HTTP 200, text not found"),
        ({"text": "pong"}, 200, b"", "HTTP 200, text not found"),
        ({"json": {"status": "ok"}}, 200, b"", "HTTP 200, not JSON"),
        ({"json": {"status": "ok"}}, 200, GOOD[:-9], "HTTP 200, not JSON"),
        ({"json": {"status": "ok"}}, 200, b"<html></html>", "HTTP 200, not JSON"),
        ({"json": {"status": "ok"}}, 200, b"[" * 99_999 + b"]" * 99_999, "HTTP 200, not JSON"),
        ({"json": {"status": "ok"}}, 200, b"null", "HTTP 200, status not found"),
        ({"json": {"status": "ok"}}, 200, b"[]", "HTTP 200, status not found"),
        ({"json": {"$.status": "ok"}}, 200, b'{"status":"OK"}', 'HTTP 200, $.status is not "ok"'),
        ({"json": {"$.up": True}}, 200, b'{"up":1}', "HTTP 200, $.up is not true"),
        ({"json": {"$.up": 1}}, 200, b'{"up":true}', "HTTP 200, $.up is not 1"),
        ({"json": {"$.up": "1"}}, 200, b'{"up":1}', 'HTTP 200, $.up is not "1"'),
        ({"json": {"$.up": None}}, 200, b"{}", "HTTP 200, $.up not found"),
        ({"json": {"a[2]": 1}}, 200, b'{"a":[1,1]}', "HTTP 200, a[2] not found"),
        ({"json": {"a.b": 1}}, 200, b'{"a":"b"}', "HTTP 200, a.b not found"),
        ({"json": {"a": 1, "b": 2}}, 200, b'{"a":1,"b":1}', "HTTP 200, b is not 2"),
    ],
)  # fmt: skip
def test_what_is_not_as_expected_is_down_with_what_was_seen(expecting, expect, status, body, word):
    """The word is ours: nothing of the answer but its status is repeated."""
    assert seen(expecting(expect), body, status) == (DOWN, word)


@pytest.mark.parametrize("reason", [Unreadable.NETWORK, Unreadable.CUT])
def test_nobody_answering_is_down(expecting, reason):
    """With why, as far as anybody knows."""
    exchange = probe.read(expecting(), Seen())
    assert next(exchange).accepts_failure
    with pytest.raises(StopIteration) as end:
        exchange.throw(FetchError(URL, reason, "no connection to status.example.com:443"))
    (whole,) = end.value.value.components
    assert whole.status is DOWN
    assert whole.status_raw == "no answer: no connection to status.example.com:443"


def test_what_we_would_not_ask_says_nothing_of_the_address(expecting):
    """A host that is held, a private address, a circle of redirects: not known, never down."""
    exchange = probe.read(expecting(), Seen())
    next(exchange)
    with pytest.raises(FetchError):
        exchange.throw(FetchError(URL, Unreadable.REFUSED, "the host asked us to wait"))


@pytest.mark.parametrize("expect", [None, {"status": [200, 403]}, {"text": "pong"}])
@pytest.mark.parametrize("status", [200, 202, 403, 503])
def test_h6_a_challenge_is_no_answer(expecting, expect, status):
    """It stands for browsers, not for us: neither up nor down."""
    with pytest.raises(ReadError) as caught:
        seen(expecting(expect), CHALLENGE, status)
    assert caught.value.reason is Unreadable.BLOCKED
    with pytest.raises(ReadError):
        seen(expecting(expect), b"{}", status, **{"cf-mitigated": "challenge"})


def test_h6_what_holds_all_that_is_expected_of_it_is_no_challenge(expecting):
    """A sign-in page has a captcha, and whoever expects its words knows it."""
    page = b"<html><body>Sign in to Acme <div class=captcha></div></body></html>"
    with pytest.raises(ReadError):
        seen(expecting(), page)
    assert seen(expecting({"text": "Sign in to Acme"}), page) == (UP, "HTTP 200")


def test_an_address_that_anything_answers_at_is_recognised_by_nobody():
    """A probe is never chosen by itself, whatever stands there."""
    answers = {f"{ROOT}{path}": b"pong" for path in ("", "/", "/health")}
    found, _ = converse(recognise(URL, Formats()), {**answers, URL: GOOD})
    assert found.format is None
    assert probe.claims(Response(url=URL, status=200, body=GOOD)) is None


@given(mutated(GOOD), st.sampled_from([200, 404, 503]))
def test_whatever_comes_is_up_or_down_or_refused(body, status):
    """No body breaks a look, and no error is ever up."""
    page = page_at(URL, "probe")
    response = Response(url=URL, status=status, body=body)
    try:
        snapshot, _ = converse(probe.read(page, Seen()), {URL: response})
    except ReadError:
        return
    (whole,) = snapshot.components
    assert whole.status is (UP if status == 200 else DOWN)
    assert clean(snapshot) == snapshot


def test_a_long_reason_is_bounded_as_every_word(expecting):
    """What a resolver says can be long."""
    exchange = probe.read(expecting(), Seen())
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.throw(FetchError(URL, Unreadable.NETWORK, "x" * 300))
    snapshot: Snapshot = clean(end.value.value)
    assert len(snapshot.components[0].status_raw) <= MAX_WORD
