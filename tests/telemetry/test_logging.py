"""The log: what is told at which level, and what may never be in it."""

import io
import json
import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.errors import Unreadable
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus
from bellbuoy.observer import Attempted, Happened, RequestDone, VisitDone, Withheld
from bellbuoy.telemetry.logging import Redactor, escape, open_log, safe_address

NOW = datetime(2026, 2, 23, 16, 9, 30, tzinfo=UTC)
PAGE = "https://status.acme.example"


def told(*happenings, level="debug", as_json=False, secrets=()) -> str:
    """Everything that is written when these things happen."""
    stream = io.StringIO()
    with open_log(
        level, as_json=as_json, secrets=secrets, stream=stream, now=lambda: NOW
    ) as observer:
        for tell in happenings:
            tell(observer)
    return stream.getvalue()


def visit(outcome="failed", failure=Unreadable.NETWORK, unreadable=None, detail="refused"):
    """One poll's end, told to an observer."""
    details = VisitDone(
        page_key=PAGE,
        provider="acme",
        outcome=outcome,
        seconds=0.0123,
        failure=failure,
        detail=detail,
        unreadable=unreadable,
    )
    return lambda observer: observer.visit_done(details)


def happened(what, severity="info", **fields):
    """Something in the process's life, told to an observer."""
    return lambda observer: observer.happened(Happened(what=what, level=severity, fields=fields))


def request(method="GET", url=PAGE + "/api/v2/summary.json", error=""):
    """One HTTP exchange's end, told to an observer."""
    details = RequestDone(method=method, url=url, status=200, seconds=0.1, size=7, error=error)
    return lambda observer: observer.request_done(details)


def delivery(status):
    """A delivery attempt, told to an observer."""
    details = Delivery(
        id="e/ops",
        receiver="ops",
        seq=7,
        event_id="e",
        lane="l",
        rule="routes.0",
        status=status,
        created_at=NOW,
        due_at=NOW,
        attempts=2,
        last=Attempt(at=NOW, seconds=0.1, outcome="503 from the receiver"),
    )
    return lambda observer: observer.attempted(Attempted(delivery=details))


def test_a_record_is_one_readable_line():
    """A record names its time, its level, what happened, and its fields."""
    assert told(happened("started", pages=5, config="my file.yaml")) == (
        '2026-02-23T16:09:30.000000Z INFO started pages=5 config="my file.yaml"\n'
    )


def test_a_record_as_json():
    """With --log-json the same record is one JSON object on a line."""
    assert json.loads(told(happened("started", pages=5, hosts=["a"]), as_json=True)) == {
        "at": "2026-02-23T16:09:30.000000Z",
        "level": "info",
        "event": "started",
        "pages": 5,
        "hosts": ["a"],
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_j4_a_line_end_in_a_vendor_text_does_not_begin_a_record(as_json):
    """What a vendor wrote stays inside the one record that it belongs to."""
    evil = "\r\n2026-01-01T00:00:00Z ERROR all is lost\x1b[31m\x9b\u202e\u2028\x00"
    text = told(
        visit(detail=evil),
        happened(evil, severity="warning", detail=evil, list=[evil], map={evil: evil}),
        request(url=PAGE + "/" + evil, error=evil),
        as_json=as_json,
    )
    assert len(text.splitlines()) == 3
    assert all(line.startswith(("2026-02-23", '{"at"')) for line in text.splitlines())
    assert text.replace("\n", "").isprintable()


@given(st.text(st.characters(codec=None), max_size=30), st.booleans())
def test_j4_no_text_whatever_breaks_out_of_its_record(text, as_json):
    """Whatever the text, it is one line without control characters."""
    written = told(happened("x", detail=text), as_json=as_json)
    assert written.endswith("\n")
    assert written[:-1].isprintable()


def test_escape_leaves_people_s_texts_alone():
    """Letters of every script stay as they are; the rest is spelled out."""
    assert escape("Störung in 東京 – ok") == "Störung in 東京 – ok"
    assert escape("a\tb\ud800") == r"a\tb\ud800"


@pytest.mark.parametrize("as_json", [False, True])
def test_w8_a_secret_is_in_no_record(as_json):
    """A secret of the config is hidden wherever it turns up, credentials in addresses too."""
    canary = "canary-7c1f"
    text = told(
        happened("posting", to=f"https://hooks.example/{canary}", more=[{"a": canary}]),
        visit(detail=f"cannot reach http://user:pa55word@proxy.example:3128 {canary}"),
        request("POST", f"https://hooks.example/services/T0/{canary}?key={canary}"),
        request("GET", "https://u:pa55word@status.example/feed?token=pa55word"),
        as_json=as_json,
        secrets=[canary],
    )
    assert "canary" not in text
    assert "pa55word" not in text
    assert "hooks.example" in text
    assert "status.example/feed" in text


def test_w8_a_library_s_record_takes_the_same_way():
    """What asyncio or a library logs is one record too, without secrets."""
    stream = io.StringIO()
    with open_log("warning", secrets=["canary-7c1f"], stream=stream, now=lambda: NOW):
        try:
            int("canary-7c1f\r\nERROR")
        except ValueError:
            logging.getLogger("aiohttp.client").exception("oh\r\nno %s", "canary-7c1f")
        logging.getLogger("aiohttp.client").info("not this")
    (line,) = stream.getvalue().splitlines()
    assert "canary" not in line
    assert r"oh\r\nno ***" in line
    assert "logger=aiohttp.client" in line
    assert "ValueError" in line


def test_after_the_block_libraries_are_left_alone():
    """Closing the log takes its door off the root logger."""
    before = list(logging.getLogger().handlers)
    told(happened("x"))
    assert logging.getLogger().handlers == before


def test_a_secret_inside_another_is_hidden_whole():
    """The longer secret goes first, so that no tail of it stays; tiny ones would hide the text."""
    assert Redactor(["abcd", "abcdef", "a"])("abcdef a") == "*** a"


def test_an_address_in_a_log_keeps_host_and_path_only():
    """A webhook's path is a secret; a page's path is not."""
    assert (
        safe_address("GET", "https://u:p@h.example:8443/a/b?c=d") == "https://h.example:8443/a/b?…"
    )
    assert safe_address("POST", "https://h.example/services/x") == "https://h.example/…"
    assert safe_address("POST", "https://h.example/") == "https://h.example"


def test_a_warning_comes_once_per_change_of_a_page_s_state():
    """Ten failed polls of an unreadable page are one warning, and its return is one more."""
    down = visit(unreadable=Unreadable.NETWORK)
    other = visit(unreadable=Unreadable.CUT)
    up = visit("not modified", failure=None, detail="")
    lines = told(visit(), down, down, other, down, up, up, down, level="warning").splitlines()
    assert [line.split("Z ", 1)[1] for line in lines] == [
        f"WARNING page cannot be read page={PAGE} provider=acme reason=network detail=refused",
        f"WARNING page can be read again page={PAGE} provider=acme",
        f"WARNING page cannot be read page={PAGE} provider=acme reason=network detail=refused",
    ]


def test_levels():
    """Requests and reasons are DEBUG, failures and life INFO, a delivery given up WARNING."""
    everything = (
        request(),
        visit("changed", failure=None, detail=""),
        lambda o: o.withheld(Withheld(page_key=PAGE, about="i1", reason="out of the window")),
        delivery(DeliveryStatus.DONE),
        visit(),
        delivery(DeliveryStatus.WAITING),
        happened("started"),
        delivery(DeliveryStatus.DEAD),
        happened("recovered", severity="warning"),
        happened("broke", severity="error"),
    )

    def levels(level):
        return [line.split()[1] for line in told(*everything, level=level).splitlines()]

    assert levels("debug") == ["DEBUG"] * 4 + ["INFO"] * 3 + ["WARNING"] * 2 + ["ERROR"]
    assert levels("info") == ["INFO"] * 3 + ["WARNING"] * 2 + ["ERROR"]
    assert levels("warning") == ["WARNING"] * 2 + ["ERROR"]
    assert levels("error") == ["ERROR"]


def test_a_field_may_be_named_like_a_part_of_the_record():
    """A field called `event` does not hide what happened."""
    assert "INFO started event_=x level_=y" in told(happened("started", event="x", level="y"))
