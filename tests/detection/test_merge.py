"""What a page says, look after look, and which events that makes."""

from datetime import timedelta
from typing import Any

import pytest

from bellbuoy.detection.incidents import MAX_REVISIONS
from bellbuoy.detection.merge import MAX_CLOSED, is_emptied
from bellbuoy.detection.moving import carried_over
from bellbuoy.detection.reasons import Reason
from bellbuoy.events import Event
from bellbuoy.model.facts import Incident, IncidentUpdate, Part, Snapshot
from tests.detection.saying import PROBED, Watch, at, component, incident, page_says, update

QUIET = page_says()
SCHEDULED = update("1", "scheduled", "we will work", minute=1)
OPENED = update("1", "investigating", "we look", minute=1)
IDENTIFIED = update("2", "identified", "found it", minute=2)
WATCHING = update("3", "monitoring", "fixed it", minute=3)
RESOLVED = update("4", "resolved", "all good", minute=4)


def test_first_look_at_a_quiet_page_is_silent() -> None:
    """Nothing open and nothing past: nothing to say."""
    assert Watch().kinds(QUIET) == []


def test_c8_first_look_adopts_history_and_announces_what_is_open_once() -> None:
    """Past incidents are silent; the open one is a single event with its newest words."""
    past = [incident(f"p{n}", update("1", "resolved"), started=-n) for n in range(300)]
    watch = Watch()
    merged = watch.look(page_says(*past, incident("a", OPENED, IDENTIFIED)))
    assert [event.kind for event in merged.events] == ["incident.opened"]
    assert merged.events[0].update is not None
    assert merged.events[0].update.body == "found it"
    assert merged.events[0].reason == "already open"
    assert watch.kinds(page_says(*past, incident("a", OPENED, IDENTIFIED))) == []
    more = page_says(*past, incident("a", OPENED, IDENTIFIED, WATCHING))
    assert watch.kinds(more) == ["incident.updated"]


def test_planned_work_at_the_first_look_is_adopted_in_silence_and_told_when_it_begins() -> None:
    """What lies in the future is not news at the first look, but its beginning is."""
    planned = incident("m", update("1", "scheduled"), kind="maintenance")
    watch = Watch()
    assert watch.kinds(page_says(planned)) == []
    begun = incident(
        "m", update("1", "scheduled"), update("2", "in_progress", minute=1), kind="maintenance"
    )
    assert watch.kinds(page_says(begun)) == ["maintenance.started"]


def test_a_whole_life_is_one_event_a_step() -> None:
    """Four steps seen one by one are four events, in order."""
    watch = Watch(QUIET)
    kinds: list[str] = []
    for count in range(1, 5):
        steps = (OPENED, IDENTIFIED, WATCHING, RESOLVED)[:count]
        kinds += watch.kinds(page_says(incident("a", *steps)))
    assert kinds == [
        "incident.opened",
        "incident.updated",
        "incident.updated",
        "incident.resolved",
    ]


def test_several_updates_between_two_looks_are_one_event_each_in_order() -> None:
    """Nothing between two polls is folded into one."""
    watch = Watch(QUIET)
    events = watch.look(page_says(incident("a", OPENED, IDENTIFIED, WATCHING))).events
    assert [event.update and event.update.id for event in events] == ["1", "2", "3"]
    assert [event.kind for event in events] == [
        "incident.opened",
        "incident.updated",
        "incident.updated",
    ]
    assert not any(event.late for event in events)


def test_a_life_that_was_over_before_it_was_seen_is_told_step_by_step_and_late() -> None:
    """Opened and resolved between two polls: every step, each marked late."""
    watch = Watch(QUIET)
    events = watch.look(page_says(incident("a", OPENED, RESOLVED))).events
    assert [event.kind for event in events] == ["incident.opened", "incident.resolved"]
    assert all(event.late for event in events)


def test_a_single_resolved_message_is_one_late_resolution() -> None:
    """Vendors post incidents that are born resolved."""
    watch = Watch(QUIET)
    events = watch.look(page_says(incident("a", RESOLVED))).events
    assert [(event.kind, event.late) for event in events] == [("incident.resolved", True)]


def test_c7_a_backdated_incident_keeps_the_vendors_time_beside_ours() -> None:
    """Started ten hours ago and over: logged as late, observed now."""
    watch = Watch(page_says(window=(("old",), -6000, True)))
    event = watch.look(page_says(incident("a", update("1", "resolved", minute=-590), started=-600)))
    (told,) = event.events
    assert told.late
    assert told.at == at(-590)
    assert told.observed_at == at(1)


def test_c5_an_entry_older_than_the_first_window_slides_in_silently() -> None:
    """When the vendor deletes the newest entry, an older one becomes visible: history, not news."""
    watch = Watch(page_says(window=(("x",), -100, True)))
    merged = watch.look(page_says(incident("old", RESOLVED, started=-200)))
    assert merged.events == ()
    assert merged.withheld[0] == ("old", Reason.OLDER_THAN_FLOOR)


def test_c5_an_incident_deleted_by_the_vendor_is_withdrawn_once_and_comes_back_reopened() -> None:
    """Three complete looks and fifteen minutes without it, and a 404 of its own: withdrawn."""
    watch = Watch(QUIET, page_says(incident("a", OPENED)))
    assert watch.kinds(QUIET) == []
    assert watch.kinds(QUIET, minutes=20) == []
    assert watch.kinds(QUIET) == [], "its own address did not say that it is gone"
    assert watch.kinds(page_says(gone=("a",))) == ["incident.withdrawn"]
    assert watch.kinds(page_says(gone=("a",))) == []
    assert watch.kinds(page_says(incident("a", OPENED))) == ["incident.reopened"]


def test_c5_what_was_withdrawn_is_reopened_by_an_entry_that_is_as_it_was() -> None:
    """A format need not decode it again; what never was away is no event."""
    watch = Watch(QUIET, page_says(incident("a", OPENED), incident("b", OPENED)))
    for _ in range(3):
        watch.look(page_says(unchanged=("b",)), minutes=20)
    assert watch.kinds(page_says(gone=("a",), unchanged=("b",))) == ["incident.withdrawn"]
    back = page_says(unchanged=("a", "b", "never told"))
    assert watch.kinds(back) == ["incident.reopened"]
    assert watch.kinds(back) == []


def test_an_incident_that_vanishes_for_a_few_looks_and_returns_is_no_event() -> None:
    """Absence is not resolution."""
    watch = Watch(QUIET, page_says(incident("a", OPENED)))
    for _ in range(7):
        assert watch.kinds(QUIET) == []
    assert watch.kinds(page_says(incident("a", OPENED))) == []


def test_an_absence_that_nothing_explains_settles_in_the_end() -> None:
    """A thousand full looks for one lost incident are enough; it stays open all the same."""
    watch = Watch(page_says(incident("a", OPENED)))
    for _ in range(999):
        watch.look(QUIET)
    assert watch.known.is_unsettled
    watch.look(QUIET)
    assert not watch.known.is_unsettled
    assert watch.known.incidents["a"].is_open


def test_absence_from_a_list_that_is_not_complete_never_counts() -> None:
    """An incident that falls out of a feed's window stays what it was."""
    watch = Watch(page_says(incident("a", OPENED)))
    gone = page_says(gone=("a",), complete=frozenset())
    for _ in range(50):
        assert watch.kinds(gone, minutes=60) == []
    assert watch.known.incidents["a"].is_open


def test_c6_reopened_keeps_its_key() -> None:
    """Resolved and then investigating again is the same incident."""
    again = update("5", "investigating", "it is back", minute=9)
    watch = Watch(QUIET, page_says(incident("a", OPENED)))
    assert watch.kinds(page_says(incident("a", OPENED, RESOLVED))) == ["incident.resolved"]
    assert watch.kinds(page_says(incident("a", OPENED, RESOLVED, again))) == ["incident.reopened"]
    assert set(watch.known.incidents) == {"a"}


def test_c1_a_text_edited_in_place_is_one_edit_with_before_and_after() -> None:
    """Same id, same stamps, one other word."""
    watch = Watch(page_says(incident("a", OPENED)))
    edited = incident("a", update("1", "investigating", "we look closer", minute=1))
    (event,) = watch.look(page_says(edited)).events
    assert event.kind == "incident.edited"
    assert event.changes == {"body": ("we look", "we look closer")}
    assert event.is_log_only
    assert watch.kinds(page_says(edited)) == []


def test_an_edit_of_the_closing_update_is_for_whoever_was_told_of_the_end() -> None:
    """Vendors put the root cause into the closing update afterwards."""
    watch = Watch(page_says(incident("a", OPENED)), page_says(incident("a", OPENED, RESOLVED)))
    cause = incident("a", OPENED, update("4", "resolved", "it was DNS", minute=4))
    (event,) = watch.look(page_says(cause)).events
    assert event.kind == "incident.edited"
    assert event.closing
    assert not event.is_log_only


def test_white_space_is_not_an_edit() -> None:
    """A template that puts blanks between its tags says nothing new."""
    watch = Watch(page_says(incident("a", OPENED)))
    assert watch.kinds(page_says(incident("a", update("1", body="we   look", minute=1)))) == []


def test_c2_a_stamp_that_moves_alone_is_nothing() -> None:
    """A hundred bumps of updated_at, no event."""
    watch = Watch(page_says(incident("a", OPENED, updated=0), stamp=0))
    for bump in range(1, 101):
        watch.minute = bump
        assert watch.kinds(page_says(incident("a", OPENED, updated=bump), stamp=bump)) == []


def test_c3_a_text_that_changes_at_every_look_is_capped_and_makes_the_page_noisy() -> None:
    """A page that prints the time into its texts has no end of edits."""
    watch = Watch(page_says(incident("a", OPENED)))
    kinds: list[str] = []
    for look in range(200):
        says = incident("a", update("1", "investigating", f"we look; now {look}", minute=1))
        kinds += watch.kinds(page_says(says))
    assert kinds == ["incident.edited"] * MAX_REVISIONS
    assert watch.known.noisy == {"a/1"}


def test_c4_two_copies_that_alternate_announce_each_update_once() -> None:
    """Old, new, old, new ... two hundred times."""
    old = page_says(incident("a", OPENED, title="Truble", updated=1), stamp=1)
    new = page_says(incident("a", OPENED, IDENTIFIED, title="Trouble", updated=2), stamp=2)
    watch = Watch(QUIET)
    kinds = [kind for _ in range(200) for snapshot in (new, old) for kind in watch.kinds(snapshot)]
    assert kinds == ["incident.opened", "incident.updated"]


def test_c4_copies_without_stamps_that_alternate_in_pairs_do_not_flap() -> None:
    """Old, old, new, new: a value that was held before needs newer evidence to return."""
    old = page_says(incident("a", OPENED, title="Old"))
    new = page_says(incident("a", OPENED, title="New"))
    watch = Watch(old)
    kinds = [k for _ in range(50) for s in (new, new, old, old) for k in watch.kinds(s)]
    assert kinds == ["incident.changed"]


def test_c9_equal_times_keep_the_vendors_order_and_a_late_insert_comes_last() -> None:
    """Order is time, then place; a message that slides in between is news, but not a step back."""
    same = [update(str(n), body=f"words {n}", minute=5) for n in range(3)]
    watch = Watch(QUIET)
    events = watch.look(page_says(incident("a", *same))).events
    assert [event.update and event.update.id for event in events] == ["0", "1", "2"]
    inserted = update("x", "identified", "forgot to say", minute=2)
    closing = update("9", "resolved", minute=9)
    watch.look(page_says(incident("a", *same, closing)))
    (event,) = watch.look(page_says(incident("a", inserted, *same, closing))).events
    assert event.kind == "incident.updated"
    assert event.at == at(2)
    assert not watch.known.incidents["a"].is_open


def test_c10_an_id_used_again_is_another_generation() -> None:
    """Same id, a start days later, no update in common."""
    watch = Watch(page_says(incident("a", OPENED, RESOLVED)))
    reused = incident("a", update("n1", minute=5000), started=5000)
    (event,) = watch.look(page_says(reused)).events
    assert event.kind == "incident.opened"
    assert event.incident is not None
    assert event.incident.id == "a#2"
    assert watch.kinds(page_says(reused)) == []


def test_c11_a_merged_or_split_incident_loses_no_update() -> None:
    """Updates that appear under another incident are new there; none is lost, none guessed away."""
    watch = Watch(page_says(incident("a", OPENED), incident("b", IDENTIFIED)))
    moved = page_says(incident("a", OPENED, IDENTIFIED))
    assert watch.kinds(moved) == ["incident.updated"]
    assert watch.known.incidents["b"].is_open


def test_an_update_removed_by_the_vendor_is_kept_and_not_told_again() -> None:
    """The set of updates only grows."""
    both = page_says(incident("a", OPENED, IDENTIFIED))
    watch = Watch(both)
    watch.look(page_says(incident("a", OPENED, status="identified")))
    assert len(watch.known.incidents["a"].updates) == 2
    assert watch.kinds(both) == []


def test_the_same_words_with_a_later_stamp_are_a_bump_where_only_the_latest_is_shown() -> None:
    """incident.io's feed shows one message under its stamp."""
    watch = Watch(page_says(incident("a", update("latest:1", body="we look"))))
    bumped = watch.look(page_says(incident("a", update("latest:2", body="we look"))))
    assert bumped.events == ()
    assert ("a", Reason.BUMP) in bumped.withheld
    more = page_says(incident("a", update("latest:3", body="found it")))
    assert watch.kinds(more) == ["incident.updated"]


def test_the_same_words_under_another_id_are_another_update() -> None:
    """Vendors repeat themselves: seventeen times in one outage."""
    watch = Watch(page_says(incident("a", OPENED)))
    again = update("2", "investigating", "we look", minute=2)
    assert watch.kinds(page_says(incident("a", OPENED, again))) == ["incident.updated"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", "Renamed"), ("impact", "critical"), ("components", ("API", "Web"))],
)
def test_a_register_moves_at_once_on_newer_evidence(field: str, value: object) -> None:
    """A later stamp vouches for the new value."""
    before = incident("a", OPENED, components=("API",), updated=1)
    watch = Watch(page_says(before, stamp=1))
    after = incident("a", OPENED, **{"components": ("API",), field: value}, updated=2)
    (event,) = watch.look(page_says(after, stamp=2)).events
    assert event.kind == "incident.changed"
    assert list(event.changes) == [field]
    assert watch.kinds(page_says(after, stamp=2)) == []


def test_a_register_without_newer_evidence_moves_when_seen_twice() -> None:
    """Once may be a glitch."""
    watch = Watch(page_says(incident("a", OPENED)))
    renamed = page_says(incident("a", OPENED, title="Renamed"))
    assert watch.kinds(renamed) == []
    assert watch.known.is_unsettled
    assert watch.kinds(renamed) == ["incident.changed"]
    assert not watch.known.is_unsettled


def test_a_rename_that_comes_with_an_update_belongs_to_it() -> None:
    """One event tells both."""
    watch = Watch(page_says(incident("a", OPENED)))
    (event,) = watch.look(page_says(incident("a", OPENED, IDENTIFIED, title="Renamed"))).events
    assert event.kind == "incident.updated"
    assert event.changes == {"title": ("Trouble", "Renamed")}


def _work(*updates: IncidentUpdate, **more: Any) -> Incident:
    """Planned work of an hour, if nothing else is said."""
    said = {"kind": "maintenance", "impact": "none", "started": 600, "until": 660}
    return incident("m", *updates, **(said | more))


def test_planned_work_that_is_put_off_without_a_message_is_told() -> None:
    """Who reckons with it has to know; to go back needs newer evidence, as of any register."""
    watch = Watch(page_says(), page_says(_work(SCHEDULED, updated=1), stamp=1))
    late = page_says(_work(SCHEDULED, started=1200, until=1290, updated=2), stamp=2)
    (event,) = watch.look(late).events
    assert event.kind == "maintenance.changed"
    assert event.changes == {
        "started_at": (f"{at(600):%FT%TZ}", f"{at(1200):%FT%TZ}"),
        "scheduled_until": (f"{at(660):%FT%TZ}", f"{at(1290):%FT%TZ}"),
    }
    assert event.incident is not None
    assert (event.incident.started_at, event.incident.scheduled_until) == (at(1200), at(1290))
    assert watch.kinds(late) == []
    assert watch.kinds(page_says(_work(SCHEDULED, updated=1), stamp=1)) == []


def test_a_new_plan_that_comes_with_an_update_belongs_to_it() -> None:
    """One event tells both, and says already when the work is to begin now."""
    watch = Watch(page_says(), page_says(_work(SCHEDULED)))
    put_off = update("2", "scheduled", "We begin later.", minute=2)
    (event,) = watch.look(page_says(_work(SCHEDULED, put_off, started=1200))).events
    assert event.kind == "maintenance.updated"
    assert list(event.changes) == ["started_at"]
    assert event.incident is not None
    assert event.incident.started_at == at(1200)


def test_a_planned_end_that_was_not_known_before_is_taken_in_silence() -> None:
    """A page that comes to state it, or a document that states more, has moved nothing."""
    watch = Watch(page_says(), page_says(_work(SCHEDULED, until=None, updated=1)))
    assert watch.kinds(page_says(_work(SCHEDULED, until=660, updated=2))) == []
    assert watch.kinds(page_says(_work(SCHEDULED, until=None, updated=3))) == []
    (held,) = watch.known.incidents.values()
    assert held.scheduled_until == at(660)


def test_a_planned_end_that_comes_with_an_update_stands_in_its_event() -> None:
    """An event tells the work as it stands right after it."""
    watch = Watch(page_says(), page_says(_work(SCHEDULED, until=None)))
    begun = update("2", "in_progress", "we work", minute=600)
    (event,) = watch.look(page_says(_work(SCHEDULED, begun))).events
    assert event.changes == {}
    assert event.incident is not None
    assert event.incident.scheduled_until == at(660)


def test_the_plan_of_work_that_is_over_stays_as_it_was_told() -> None:
    """Vendors write the real times over the planned ones at the end: the update tells that."""
    watch = Watch(page_says(), page_says(_work(SCHEDULED)))
    done = update("2", "completed", "Done.", minute=630)
    (event,) = watch.look(page_says(_work(SCHEDULED, done, until=630))).events
    assert event.kind == "maintenance.completed"
    assert event.changes == {}
    (held,) = watch.known.incidents.values()
    assert held.scheduled_until == at(660)


def test_the_start_of_an_incident_may_be_dated_back_in_silence() -> None:
    """Nobody reckons with it: it only says since when."""
    watch = Watch(page_says(incident("a", OPENED, started=5, updated=5)))
    assert watch.kinds(page_says(incident("a", OPENED, started=1, updated=6))) == []
    (held,) = watch.known.incidents.values()
    assert held.started_at == at(1)


def test_an_impact_that_is_not_stated_any_more_is_kept() -> None:
    """A feed that tells the end of an incident states no impact."""
    watch = Watch(page_says(incident("a", OPENED, impact="critical")))
    (event,) = watch.look(page_says(incident("a", OPENED, RESOLVED, impact="unknown"))).events
    assert event.changes == {}
    assert event.incident is not None
    assert event.incident.impact == "critical"


def test_components_taken_off_at_the_end_are_kept() -> None:
    """Vendors unlink the components of an incident when they resolve it."""
    watch = Watch(page_says(incident("a", OPENED, components=("API",))))
    events = watch.look(page_says(incident("a", OPENED, RESOLVED))).events
    assert [event.kind for event in events] == ["incident.resolved"]
    assert events[0].incident is not None
    assert [part.name for part in events[0].incident.components] == ["API"]


def test_a_status_that_ends_without_an_update_is_a_resolution() -> None:
    """Some pages only move the status word."""
    watch = Watch(page_says(incident("a", OPENED, updated=1)))
    over = incident("a", OPENED, status="resolved", updated=2)
    (event,) = watch.look(page_says(over)).events
    assert event.kind == "incident.resolved"
    assert event.update is None


def test_one_message_rewritten_to_resolved_is_a_resolution() -> None:
    """A feed that edits its only message in place still ends the incident."""
    watch = Watch(page_says(incident("a", update("entry", "investigating", "down"))))
    over = page_says(incident("a", update("entry", "resolved", "up again")))
    assert watch.kinds(over) == ["incident.resolved"]
    assert watch.kinds(over) == []


def test_a_vendors_step_back_is_an_update() -> None:
    """Monitoring to identified happens, and is told."""
    watch = Watch(page_says(incident("a", OPENED, WATCHING)))
    back = update("5", "identified", "not yet", minute=5)
    assert watch.kinds(page_says(incident("a", OPENED, WATCHING, back))) == ["incident.updated"]


def test_an_older_copy_ends_nothing_and_moves_nothing() -> None:
    """A cache that serves yesterday's page is not news."""
    now = page_says(incident("a", OPENED), components=(component("API", "degraded"),), stamp=10)
    old = page_says(components=(component("API"),), stamp=5)
    watch = Watch()
    watch.minute = 10
    watch.look(now)
    for _ in range(30):
        assert watch.kinds(old) == []
    assert watch.known.incidents["a"].missing_polls == 0
    assert watch.known.components["API"].status == "degraded"


def test_a_stamp_from_the_future_does_not_make_the_page_mute() -> None:
    """A vendor whose clock ran ahead is believed as soon as it is set right."""
    watch = Watch(page_says(stamp=1000))
    degraded = page_says(components=(component("API", "degraded"),), stamp=5)
    kinds = [kind for _ in range(2) for kind in watch.kinds(degraded)]
    assert kinds == ["component.changed"]


def test_a_component_that_moves_alone_is_an_event() -> None:
    """Many vendors flip a component and write no incident."""
    watch = Watch(page_says(stamp=1))
    degraded = page_says(components=(component("API", "degraded"),), stamp=2)
    (event,) = watch.look(degraded).events
    assert event.kind == "component.changed"
    assert event.changes == {"status": ("operational", "degraded")}
    assert watch.kinds(degraded) == []


def test_a_component_that_moves_twice_the_same_way_is_two_changes_with_two_ids() -> None:
    """Down, up, down: three events, no two with one id."""
    watch = Watch(page_says(stamp=0))
    ids = set()
    for turn in range(1, 7):
        status = "degraded" if turn % 2 else "operational"
        says = page_says(components=(component("API", status),), stamp=turn)
        ids.update(event.id for event in watch.look(says).events)
    assert len(ids) == 6


def test_a_component_that_moves_with_its_incident_belongs_to_it() -> None:
    """Opening, update or end: one event, not two."""
    watch = Watch(page_says(stamp=0))
    down = (component("API", "major_outage"),)
    hit = incident("a", OPENED, components=("API",))
    assert watch.kinds(page_says(hit, components=down, stamp=1)) == ["incident.opened"]
    over = incident("a", OPENED, RESOLVED, components=("API",))
    assert watch.kinds(page_says(over, stamp=2)) == ["incident.resolved"]


def test_groups_have_no_events_of_their_own() -> None:
    """A heading turns red because a component below it does."""
    watch = Watch(page_says(components=(component("All", is_group=True),), stamp=0))
    red = page_says(components=(component("All", "major_outage", is_group=True),), stamp=1)
    assert watch.kinds(red) == []


def test_s5_a_burst_that_overflows_the_window_is_one_gap_and_all_that_is_visible() -> None:
    """Eighty incidents between two looks at a window of fifty."""
    first = [incident(f"k{n}", RESOLVED, started=n) for n in range(50)]
    names = tuple(one.id for one in first)
    watch = Watch(page_says(*first, window=(names, 0, True)))
    burst = [incident(f"n{n}", OPENED, started=100 + n) for n in range(50)]
    names = tuple(one.id for one in burst)
    kinds = watch.kinds(page_says(*burst, window=(names, 100, True)))
    assert kinds == ["page.gap"] + ["incident.opened"] * 50
    assert watch.kinds(page_says(*burst, window=(names, 100, True))) == []


def test_s3_a_page_that_lost_everything_it_had_is_emptied() -> None:
    """An empty list where there were components is a fault, and nothing is resolved by it."""
    watch = Watch(page_says(incident("a", OPENED)))
    assert is_emptied(watch.known, page_says(components=()))
    assert not is_emptied(watch.known, page_says())
    no_components_read = page_says(components=(), complete=frozenset({Part.OPEN_INCIDENTS}))
    assert not is_emptied(watch.known, no_components_read)


def test_closed_incidents_are_bounded_and_what_was_forgotten_is_not_news_again() -> None:
    """A page's memory ends, but its floor rises above what was forgotten."""
    many = [incident(f"i{n}", RESOLVED, started=n) for n in range(MAX_CLOSED + 50)]
    watch = Watch(page_says(*many))
    assert len(watch.known.incidents) == MAX_CLOSED
    assert watch.kinds(page_says(*many[:60])) == []


def test_an_entry_that_did_not_change_is_seen_all_the_same() -> None:
    """What was not decoded because it is the same is not missing."""
    watch = Watch(page_says(incident("a", OPENED)), QUIET)
    assert watch.known.incidents["a"].missing_polls == 1
    assert watch.kinds(page_says(unchanged=("a",))) == []
    assert watch.known.incidents["a"].missing_polls == 0


def test_maintenance_runs_its_own_life() -> None:
    """Scheduled, started, updated, completed."""
    steps = [
        update("1", "scheduled"),
        update("2", "in_progress", minute=1),
        update("3", "verifying", minute=2),
        update("4", "completed", minute=3),
    ]
    watch = Watch(QUIET)
    kinds = [
        kind
        for count in range(1, 5)
        for kind in watch.kinds(page_says(incident("m", *steps[:count], kind="maintenance")))
    ]
    assert kinds == [
        "maintenance.scheduled",
        "maintenance.started",
        "maintenance.updated",
        "maintenance.completed",
    ]


def test_every_silence_has_a_reason() -> None:
    """The answer to "why was I not told?" is kept for each thing seen in silence."""
    watch = Watch()
    planned = incident("m", update("1", "scheduled"), kind="maintenance")
    merged = watch.look(page_says(incident("a", RESOLVED), planned))
    assert {reason for _, reason in merged.withheld} == {
        Reason.BASELINE_OVER,
        Reason.BASELINE_PLANNED,
        Reason.NEW_COMPONENT,
    }


def test_lag_is_the_difference_of_two_clocks() -> None:
    """The vendor's time and ours both stand on every event."""
    watch = Watch(QUIET)
    watch.minute = 30
    (event,) = watch.look(page_says(incident("a", OPENED))).events
    assert event.at is not None
    assert event.observed_at - event.at == timedelta(minutes=29)


# Probes


def found(status: str) -> Snapshot:
    """What a probe found."""
    return page_says(components=(component("API", status),))


def test_a_probe_that_is_ill_when_we_come_is_told_at_the_second_look() -> None:
    """Once, from unknown; what a status page says at the first look is adopted in silence."""
    probe = Watch(page=PROBED)
    looks = ["major_outage"] * 3 + ["operational"] * 3
    told = [[event.changes["status"] for event in probe.look(found(s)).events] for s in looks]
    assert told == [
        [],
        [("unknown", "major_outage")],
        [],
        [],
        [("major_outage", "operational")],
        [],
    ]
    page = Watch()
    assert [page.kinds(found("major_outage")) for _ in range(3)] == [[], [], []]


def test_a_probe_that_was_ill_for_one_look_when_we_came_is_not_told_of() -> None:
    """Whatever comes after, nobody was told that it was ill."""
    probe = Watch(page=PROBED)
    assert [probe.kinds(found(s)) for s in ("major_outage", "operational", "operational")] == [
        [], [], []
    ]  # fmt: skip
    assert not probe.known.is_unsettled


def test_what_is_certain_need_not_be_seen_twice() -> None:
    """Nor at the first look."""
    for looks in (["operational", "major_outage"], ["major_outage"]):
        probe = Watch(page=PROBED)
        events = [probe.look(found(status), is_certain=True).events for status in looks]
        assert [event.kind for event in events[-1]] == ["component.changed"]
        assert not probe.known.is_unsettled


def test_a_component_that_left_and_is_back_is_told_with_ids_of_its_own() -> None:
    """Also where the vendor changed its engine meanwhile."""
    page = Watch()
    well, out = page_says(), page_says(components=(component("API", "major_outage"),))
    events: list[Event] = []
    for between in (page_says(components=(component("Web"),)), None, None):
        looks = [well, well, out, out, well, well]
        events += [event for snapshot in looks for event in page.look(snapshot).events]
        if between is None:
            page.known = carried_over(page.known, well)
        else:
            page.look(between)
    assert len({event.id for event in events}) == len(events) == 6


def test_a_probe_that_falls_ill_twice_is_told_twice_with_ids_of_their_own() -> None:
    """The revision tells one outage from the next."""
    probe = Watch(page=PROBED)
    looks = [found(s) for s in ("major_outage", "operational", "major_outage") for _ in range(2)]
    events = [event for snapshot in looks for event in probe.look(snapshot).events]
    assert len({event.id for event in events}) == len(events) == 3
