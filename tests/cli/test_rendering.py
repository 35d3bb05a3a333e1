"""What is printed of an event, and what is not."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.cli.rendering import every_kind, usual_kinds
from bellbuoy.config import Config, Watched
from bellbuoy.events import (
    MONITOR,
    MONITOR_PAGE,
    ComponentFacts,
    Event,
    EventKind,
    IncidentComponent,
    PageRef,
)
from bellbuoy.model.facts import ComponentStatus, IncidentStatus, Provider
from tests.cli.pretend import NOW, OPENAI, config, event, page

BERLIN = "Europe/Berlin"


def texts(**more):
    """What a console in this config prints."""
    return usual_kinds(config(**more), as_json=False)


def resolved():
    """The end of an incident, as in the promise of the form."""
    one = event(1, EventKind.INCIDENT_RESOLVED, "Elevated error rate for ChatGPT conversations")
    return replace(
        one,
        incident=replace(
            one.incident,
            components=(IncidentComponent(id="c1", name="Conversations"),),
            url="https://status.openai.com/incidents/01K",
        ),
        update=replace(
            one.update,
            status=IncidentStatus.RESOLVED,
            body="All impacted services have now fully recovered.",
        ),
    )


def moved(provider=OPENAI):
    """A component's status moved."""
    return Event(
        id="e",
        kind=EventKind.COMPONENT_CHANGED,
        provider=provider,
        page=PageRef(key=page().key, url=page().url),
        observed_at=NOW,
        component=ComponentFacts(
            id="c", name="API", group="Core", region=None,
            status=ComponentStatus.DEGRADED, status_raw="degraded_performance",
        ),
        changes={"status": ("operational", "degraded")},
    )  # fmt: skip


def test_a_block_in_the_form_of_the_field():
    """The promised form, word by word, and one blank line after it."""
    assert texts()(resolved()) == (
        "[2026-02-23 16:09:30] Provider: OpenAI\n"
        "  Product: Conversations\n"
        "  Status: Elevated error rate for ChatGPT conversations -- Resolved\n"
        "  Impact: major\n"
        "  Message: All impacted services have now fully recovered.\n"
        "  Link: https://status.openai.com/incidents/01K\n"
        "\n"
    )


def test_times_are_shown_where_the_config_says():
    """`display.timezone` moves the clock of a block, in winter by one hour."""
    assert texts(timezone=BERLIN)(resolved()).startswith("[2026-02-23 17:09:30] ")


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (EventKind.INCIDENT_OPENED, True),
        (EventKind.INCIDENT_CHANGED, True),
        (EventKind.INCIDENT_EDITED, False),
        (EventKind.MAINTENANCE_STARTED, False),
        (EventKind.PAGE_UNREADABLE, True),
        (EventKind.MONITOR_OFFLINE, True),
    ],
)
def test_the_usual_kinds(kind, shown):
    """Incidents, pages and ourselves; maintenances and mere edits are for the log."""
    one = event(1, kind)
    if kind.family in {"page", "monitor"}:
        one = Event(
            id="e", kind=kind, provider=MONITOR, page=MONITOR_PAGE, observed_at=NOW, reason="x"
        )
    assert (texts()(one) is not None) == shown


def test_components_are_told_of_where_they_were_asked_for():
    """`components:` of a provider, or --kinds, announces their changes."""
    assert texts()(moved()) is None
    assert usual_kinds(config(), ("component",), as_json=False)(moved()) is not None
    asking = Config(watched=(Watched(page=page(), components=("API",)),), store="memory:")
    assert usual_kinds(asking, as_json=False)(moved()) is not None
    assert usual_kinds(asking, as_json=False)(moved(Provider(slug="x", name="X"))) is None


def test_json_is_every_kind_unless_kinds_are_asked_for():
    """One line each, also for what no console announces."""
    render = usual_kinds(config(), as_json=True)
    line = render(event(1, EventKind.INCIDENT_EDITED))
    assert line.count("\n") == 1
    assert json.loads(line)["id"] == "event-1"
    only = usual_kinds(config(), ("page", "incident.resolved"), as_json=True)
    assert only(event(1, EventKind.INCIDENT_EDITED)) is None
    assert only(resolved()) is not None


def test_reading_the_log_shows_what_no_console_announces():
    """`events` prints edits and maintenances, too."""
    render = every_kind("UTC", as_json=False)
    assert render(event(1, EventKind.INCIDENT_EDITED)) is not None
    assert every_kind("UTC", ("page",), as_json=False)(resolved()) is None


anything = st.text(st.characters(codec=None), max_size=40)


@given(anything, anything, anything, anything)
def test_j3_vendor_text_never_steers_the_terminal_nor_starts_a_line(title, body, name, provider):
    """Whatever a vendor writes, each line is ours: a head, or indented; no control bytes."""
    one = event(1, EventKind.INCIDENT_CHANGED, title)
    one = replace(
        one,
        provider=Provider(slug="x", name=provider),
        incident=replace(one.incident, components=(IncidentComponent(id="c", name=name),)),
        update=replace(one.update, body=body),
        changes={"title": (body, title)},
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    text = texts()(one)
    head, *lines = text.removesuffix("\n\n").split("\n")
    assert head.startswith("[2026-01-01 00:00:00] Provider:")
    assert all(line.startswith("  ") for line in lines)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text.replace("\n", ""))
