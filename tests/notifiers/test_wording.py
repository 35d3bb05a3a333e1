"""The words that every kind of receiver shares."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from bellbuoy.events import EventKind
from bellbuoy.model.facts import IncidentStatus
from bellbuoy.notifiers import Digest
from bellbuoy.notifiers._wording import digest_words, state
from tests.event_samples import AT, component_event, incident_event, message, page_event


def digest(*events):
    """These events as one message."""
    told = tuple(message(event, reason="quiet hours") for event in events)
    return Digest(id="d1", messages=told, sent_at=int(AT.timestamp()))


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (UNSET, "Scheduled for 2026-02-23 22:30"),
        (datetime(2026, 2, 23, 22, 45, tzinfo=UTC), "Scheduled for 2026-02-23 22:30 to 23:45"),
        (
            datetime(2026, 2, 24, 1, 0, tzinfo=UTC),
            "Scheduled for 2026-02-23 22:30 to 2026-02-24 02:00",
        ),
    ],
)
def test_planned_work_says_when_it_begins_and_ends_in_the_readers_zone(until, said):
    """The day only once, where it is the same there."""
    event = incident_event(EventKind.MAINTENANCE_SCHEDULED, status=IncidentStatus.SCHEDULED)
    begins = datetime(2026, 2, 23, 21, 30, tzinfo=UTC)
    plan = replace(event.incident, started_at=begins, scheduled_until=until)
    assert state(replace(event, incident=plan), "Europe/Berlin") == said


@given(seqs=st.sets(st.integers(1, 60), min_size=2))
def test_n2_a_digest_names_every_event_by_its_place_in_the_log(seqs):
    """Runs are written as such; each number can be read back, and no other."""
    (line,) = digest_words(digest(*(incident_event(seq=seq) for seq in sorted(seqs)))).lines
    written = line.state.rpartition("[#")[2].removesuffix("]")
    named = set()
    for run in written.split(", "):
        first, _, last = run.partition("-")
        named.update(range(int(first), int(last or first) + 1))
    assert named == seqs


def test_a_digest_begins_with_what_is_still_open_the_gravest_first():
    """What came and went stands below; a notice without a life has a line of its own."""
    words = digest_words(
        digest(
            incident_event(incident="i1", title="Gone", seq=1),
            incident_event(EventKind.INCIDENT_RESOLVED, incident="i1", title="Gone", seq=2),
            component_event("API", seq=3),
            incident_event(incident="i2", title="Open", seq=4),
            page_event(EventKind.PAGE_MOVED, seq=5),
        )
    )
    assert words.subject == "5 messages about 4 incidents, 2 still open (quiet hours)"
    assert [line.is_open for line in words.lines] == [True, True, False, False]
    assert {line.subject for line in words.lines[:2]} == {"OpenAI: API", "OpenAI: Open"}
