"""What an on-call engineer reads."""

import asyncio
import errno
import io
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bellbuoy.errors import DelayedError
from bellbuoy.events import ALREADY_OPEN, NO_LONGER_WATCHED, EventKind
from bellbuoy.model.facts import Impact, IncidentStatus, Provider
from bellbuoy.notifiers import console
from bellbuoy.notifiers.console import block
from tests.event_samples import AT, component_event, incident_event, message, monitor_event
from tests.event_samples import page_event as page

RESOLVED = incident_event(
    EventKind.INCIDENT_RESOLVED,
    status=IncidentStatus.RESOLVED,
    body="All impacted services have now fully recovered.",
    incident="01K",
)
CONTROLS = {chr(code) for code in (*range(10), *range(11, 32), *range(127, 160))}


def status(event, timezone="UTC"):
    """The text after `Status: ` in a block."""
    [line] = [line for line in block(event, timezone).split("\n") if line.startswith("  Status: ")]
    return line.removeprefix("  Status: ")


def test_the_block_has_the_form_of_this_fields_tools():
    """Exactly the block of the documentation."""
    assert block(RESOLVED) == (
        "[2026-02-23 16:09:30] Provider: OpenAI\n"
        "  Product: Conversations\n"
        "  Status: Elevated error rate for ChatGPT conversations -- Resolved\n"
        "  Impact: major\n"
        "  Message: All impacted services have now fully recovered.\n"
        "  Link: https://status.openai.com/incidents/01K"
    )


def test_times_are_in_the_zone_of_the_display_and_of_the_vendor_if_it_gave_one():
    """16:09 in London is 17:09 in Berlin; without a vendor's time, ours is shown."""
    assert block(RESOLVED, "Europe/Berlin").startswith("[2026-02-23 17:09:30]")
    ours = AT + timedelta(hours=1)
    event = incident_event(at=None, observed_at=ours)
    assert block(event).startswith("[2026-02-23 17:09:30]")


def test_what_the_vendor_did_not_say_has_no_line():
    """No components, no text, no known impact: no empty lines."""
    event = incident_event(components=(), body="", impact=Impact.UNKNOWN)
    names = [line.split(":")[0].strip() for line in block(event).split("\n")[1:]]
    assert names == ["Status", "Link"]


def test_many_components_are_counted():
    """A cloud's outage names hundreds."""
    event = incident_event(components=(*(f"zone {n}" for n in range(40)), "zone 0"))
    [line] = [line for line in block(event).split("\n") if "Product" in line]
    assert line.endswith("zone 11 and 28 more")


@pytest.mark.parametrize(
    ("kind", "rest", "expected"),
    [
        ("incident.opened", {}, "T -- Investigating"),
        ("incident.opened", {"reason": ALREADY_OPEN}, "T -- Investigating (already open)"),
        ("incident.resolved", {"late": True, "status": "resolved"}, "T -- Resolved (seen late)"),
        ("incident.reopened", {}, "T -- Reopened, Investigating"),
        ("incident.edited", {"closing": True, "status": "resolved"}, "T -- Resolved (text edited)"),
        ("incident.withdrawn", {}, "T -- withdrawn by the vendor"),
        ("incident.withdrawn", {"reason": NO_LONGER_WATCHED}, "T -- no longer watched"),
        ("maintenance.scheduled", {"status": "scheduled"}, "T -- Scheduled for 2026-02-23 16:09"),
        ("maintenance.started", {"status": "in_progress"}, "T -- In progress"),
    ],
)
def test_every_step_of_a_life_is_named(kind, rest, expected):
    """Late, already open, edited and withdrawn are told apart."""
    rest = {**rest, "status": IncidentStatus(rest.get("status", "investigating"))}
    assert status(incident_event(EventKind(kind), title="T", **rest)) == expected


def test_a_change_shows_before_and_after():
    """Impact and title of an incident, status of a component."""
    changes = {"impact": (Impact.MINOR, Impact.MAJOR), "components": ("", "API, Web")}
    text = block(incident_event(EventKind.INCIDENT_CHANGED, update=None, changes=changes))
    assert "  Changed: impact minor -> major; components none -> API, Web" in text
    text = block(component_event("API", group="Europe"))
    assert "  Product: API (Europe)\n  Status: operational -> partial outage\n  Link: " in text
    text = block(component_event("API", reason="HTTP 200, text not found"))
    assert "  Message: HTTP 200, text not found\n  Link: " in text


def test_pages_and_the_monitor_say_what_is_not_known():
    """Silence is not health, and the reason is there."""
    unreadable = page(EventKind.PAGE_UNREADABLE, reason="blocked")
    assert status(unreadable) == (
        "the status page cannot be read (blocked): nothing is known until it can"
    )
    for kind in EventKind:
        if kind.family in {"page", "monitor"}:
            event = (page if kind.family == "page" else monitor_event)(kind, reason="because")
            assert status(event)
            assert "because" in block(event)


@given(text=st.text(), title=st.text(), name=st.text(), other=st.text())
def test_j3_no_control_byte_and_no_line_of_a_vendors_own(text, title, name, other):
    """Bytes 0 to 31 and 127 to 159 never reach the terminal, and vendor text starts no line."""
    event = incident_event(
        body=text,
        title=title,
        components=(name, other),
        impact=Impact.UNKNOWN,
        status=IncidentStatus.UNKNOWN,
        provider=Provider(slug="x", name=other),
        changes={"title": (title, other)},
        reason=text,
    )
    for shown in (block(event), block(page(reason=text)), block(component_event(name, other))):
        assert not CONTROLS & set(shown)
        first, *others = shown.split("\n")
        assert first.startswith("[2026-")
        for line in others:
            assert line.startswith("  ")
            assert line.strip()


@pytest.mark.parametrize(
    "evil",
    [
        "\x1b]0;owned\x07title",
        "a\n[2026-02-23 16:09:30] Provider: Fake",
        "a\r\nERROR fake line",
        "a\x85[2026",
        "a\u2028[2026",
        "\u202egnp.exe",
        "tab\there",
    ],
)
def test_j3_terminal_tricks_are_only_text(evil):
    """Escape sequences, fake lines, line separators and bidi overrides do nothing."""
    lines = block(incident_event(body=evil, title=evil, components=(evil,))).split("\n")
    assert not CONTROLS & set("".join(lines))
    assert [line for line in lines if line.startswith("[")] == lines[:1]
    assert "\u202e" not in "".join(lines)


@pytest.mark.parametrize("at", [datetime.min, datetime.max])
def test_a_time_at_the_edge_of_dates_does_not_end_the_output(at):
    """A vendor's year 1 or 9999 is printed as well as it can be."""
    at = at.replace(tzinfo=UTC)
    for zone in ("Asia/Tokyo", "America/New_York"):
        assert "Provider: OpenAI" in block(incident_event(at=at), zone)


def test_an_unknown_zone_is_refused_in_the_config():
    """A typo is found when the config is read, not at three in the night."""
    assert console.Settings(timezone="Europe/Berlin").timezone == "Europe/Berlin"
    for name in ("Europe/Berlino", "", "../etc/passwd", "CET+25"):
        with pytest.raises(ValidationError, match="IANA"):
            console.Settings(timezone=name)


async def test_a_terminal_gets_one_blank_line_between_events(capsys):
    """Two events, and a note where an earlier one of the incident is missing."""
    async with console.open(console.Settings()) as door:
        await door.notify(message(RESOLVED))
        await door.notify(message(RESOLVED, after_gap=True))
    first, second, rest = capsys.readouterr().out.split("\n\n")
    assert first == block(RESOLVED)
    assert second == block(RESOLVED) + (
        "\n  Note: an earlier event of this incident could not be delivered"
    )
    assert rest == ""


async def test_what_the_encoding_lacks_is_shown_as_its_code(monkeypatch):
    """A terminal of ASCII shows the rest of the line."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    async with console.open(console.Settings()) as door:
        await door.notify(message(incident_event(body="Störung bei 東京")))
    assert b"St\\xf6rung bei \\u6771\\u4eac" in out.buffer.getvalue()


async def test_a_reader_that_went_away_delays_and_loses_nothing(monkeypatch):
    """A closed pipe is not a receiver that wants no more: the next run has another one."""

    class Closed(io.StringIO):
        def flush(self):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    async with console.open(console.Settings()) as door:
        with pytest.raises(DelayedError, match="standard output: Broken pipe"):
            await door.notify(message(RESOLVED))


async def test_n6_a_terminal_that_hangs_holds_up_nothing_else(monkeypatch):
    """While the write hangs the loop goes on, and a cancelled write is left behind."""
    free = threading.Event()

    class Paused(io.StringIO):
        def write(self, text):
            free.wait()
            return len(text)

    monkeypatch.setattr(sys, "stdout", Paused())
    async with console.open(console.Settings()) as door:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await door.notify(message(RESOLVED))
    free.set()
