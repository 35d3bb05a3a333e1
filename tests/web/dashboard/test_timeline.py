"""The story of an incident as values: every step by both clocks, and what became of it."""

from datetime import timedelta

from msgspec.structs import replace

from bellbuoy.delivery.explanation import Answer
from bellbuoy.events import ALREADY_OPEN, Event, EventKind
from bellbuoy.model.facts import AffectedComponent, ComponentStatus, IncidentStatus
from bellbuoy.web.dashboard.difference import Piece
from bellbuoy.web.dashboard.timeline import Story, remembered, story
from tests.web.lookout import OF, lookout, main_incident
from tests.web.sites import component, incident, minutes_ago, told, update, watched

ACME = watched("acme", "Acme")
OPEN = incident(
    "i1",
    "Slow",
    update(1, IncidentStatus.INVESTIGATING, "It is slow.\n\nWe look.", minutes_ago(30)),
    update(2, IncidentStatus.IDENTIFIED, "We found it.", minutes_ago(10)),
)
FIRST, SECOND = told(ACME, OPEN)


def _story(*events: Event, answers: tuple[Answer, ...] = ()) -> Story:
    return story(OPEN, events, answers)


def _answer(event: Event, receiver: str, outcome: str, **more) -> Answer:
    return Answer(event=event, receiver=receiver, outcome=outcome, rule="rule", **more)


def test_the_newest_step_stands_first_with_both_clocks_and_the_lag():
    """What is true now is read first."""
    newest, oldest = _story(FIRST, SECOND).entries
    assert (newest.heading, newest.status) == ("Identified", "identified")
    assert oldest.paragraphs == ("It is slow.", "We look.")
    assert newest.clocks.vendor_at == minutes_ago(10)
    assert newest.clocks.lag == timedelta(seconds=20)


def test_an_edit_is_an_entry_of_its_own_with_the_words_that_went_and_came():
    """And the text is not told a second time."""
    edit = replace(
        SECOND,
        id="edit",
        kind=EventKind.INCIDENT_EDITED,
        observed_at=minutes_ago(5),
        changes={"body": ("We lost it.", "We found it.")},
    )
    entry = _story(FIRST, SECOND, edit).entries[0]
    assert entry.heading == "Edited"
    assert entry.paragraphs == ()
    assert Piece("gone", "lost") in entry.changes[0].pieces
    assert Piece("new", "found") in entry.changes[0].pieces


def test_components_that_join_and_leave_are_named():
    """Impact, title and status as before and after."""
    changed = replace(
        SECOND,
        id="changed",
        kind=EventKind.INCIDENT_CHANGED,
        update=None,
        changes={
            "components": ("API, Web", "API, Login"),
            "impact": ("minor", "major"),
            "status": ("in_progress", "verifying"),
        },
    )
    parts, impact, status = _story(changed).entries[0].changes
    assert (parts.came, parts.went) == (("Login",), ("Web",))
    assert (impact.before, impact.after) == ("minor", "major")
    assert (status.before, status.after) == ("in progress", "verifying")


def test_late_reopened_and_withdrawn_are_marked():
    """So that nobody takes them for the usual step."""
    reopened = replace(SECOND, id="r", kind=EventKind.INCIDENT_REOPENED, late=True)
    withdrawn = replace(SECOND, id="w", kind=EventKind.INCIDENT_WITHDRAWN, update=None)
    first, second, _ = _story(reopened, withdrawn).entries
    assert first.heading == "Withdrawn"
    assert second.marks == ("reopened", "late: it was over before we saw it")


def test_what_was_open_when_we_came_has_no_lag():
    """It was not we who were late."""
    entry = _story(replace(FIRST, reason=ALREADY_OPEN), SECOND).entries[-1]
    assert entry.is_old
    assert entry.reason == ""


def test_receivers_with_the_same_outcome_share_a_line():
    """Those who were told stand first; each reason is said once."""
    answers = (
        _answer(FIRST, "mail", "not asked for", reason="another provider"),
        _answer(FIRST, "ops", "sent", at=minutes_ago(29)),
        _answer(FIRST, "chat", "sent", at=minutes_ago(28)),
        _answer(FIRST, "pager", "dead", attempts=5, detail="503 Service Unavailable"),
    )
    entry = _story(FIRST, answers=answers).entries[-1]
    assert entry.glance == (("sent", "ops, chat"), ("dead", "pager"), ("not asked for", "mail"))
    sent, dead, _ = entry.hearings
    assert sent.at == minutes_ago(29)
    assert dead.why == "5 attempts, 503 Service Unavailable, by “rule”"


def test_updates_whose_events_were_pruned_are_still_shown():
    """By the vendor's clock alone, in their order."""
    newest, oldest = _story(SECOND).entries
    assert newest.event_id
    assert not oldest.event_id
    assert oldest.paragraphs == ("It is slow.", "We look.")
    assert oldest.clocks.seen_at is None
    bare = _story().entries
    assert [entry.heading for entry in bare] == ["Identified", "Investigating"]


def test_an_incident_whose_page_was_forgotten_is_remembered_by_its_events():
    """The log outlives what is held."""
    found = remembered((FIRST, SECOND))
    assert found is not None
    assert (found.key, found.title, found.status) == ("i1", "Slow", IncidentStatus.IDENTIFIED)
    assert remembered(()) is None


def test_the_components_stand_as_their_page_says_now():
    """Whatever the incident said of them."""
    named = replace(OPEN, components=(AffectedComponent(id="api", name="API"),))
    held = (component("API", ComponentStatus.MAJOR_OUTAGE),)
    assert [part.state for part in story(named, (), (), held=held).parts] == ["major_outage"]


def test_the_vendors_own_word_stands_beside_ours_where_it_is_another():
    """A partial outage that counts as major."""
    about = main_incident()
    seen, _ = lookout()
    events = tuple(one for one in seen.events if one.provider == OF["Beaconlight AI"].page.provider)
    found = story(about, events, ())
    assert found.impact_raw == "partial outage"
    assert [entry.heading for entry in found.entries] == [
        "Identified",
        "Changed",
        "Edited",
        "Investigating",
        "Investigating",
    ]


def test_an_incident_that_is_over_says_how_long_it_took():
    """From the vendor's beginning to the vendor's end."""
    over = incident(
        "i2",
        "Over",
        update(1, IncidentStatus.INVESTIGATING, "x", minutes_ago(90)),
        update(2, IncidentStatus.RESOLVED, "y", minutes_ago(30)),
    )
    found = story(over, (), ())
    assert found.lasted == timedelta(hours=1)
    assert found.step == 4
    assert _story().lasted is None
