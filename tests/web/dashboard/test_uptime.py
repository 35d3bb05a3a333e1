"""How each day was: the worst of it, and never green without evidence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.events import MONITOR_PAGE, EventKind
from bellbuoy.model.facts import (
    AffectedComponent,
    ComponentStatus,
    Impact,
    IncidentKind,
    IncidentStatus,
)
from bellbuoy.web.dashboard.uptime import LONG_AGO, Past, Spell, bars, days
from tests.event_samples import component_event, monitor_event, page_event
from tests.web.sites import component, incident, update

NOW = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
LONG_KNOWN = NOW - timedelta(days=400)
API = component("API")
GREEN = ComponentStatus.OPERATIONAL
GREY = ComponentStatus.UNKNOWN


def at(day: int, hour: float = 0.0) -> datetime:
    """An instant of November 2026."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour)


def over(key, began, ended, *parts, impact=Impact.MAJOR, **more):
    """An incident that is over, of these components."""
    return incident(
        key,
        "Trouble",
        update(1, IncidentStatus.INVESTIGATING, "x", began),
        update(2, IncidentStatus.RESOLVED, "y", ended),
        impact=impact,
        components=tuple(AffectedComponent(name=part) for part in parts),
        **more,
    )


def moved(seq, when, before, after):
    """The component `API` moved."""
    event = component_event("API", seq=seq, observed_at=when, changes={"status": (before, after)})
    return replace(event, component=replace(event.component, id=API.id, status=after))


def past(**facts) -> Past:
    """A page that is known for long and was read just now."""
    known = {"components": (API,), "known_since": LONG_KNOWN, "read_at": NOW}
    return Past(**{**known, **facts})


def of(found, day: int):
    """The status and the minutes of a day of November."""
    (one,) = [each for each in found if each.day.month == 11 and each.day.day == day]
    return one.status, one.minutes


def test_a_page_that_was_always_read_and_never_had_trouble_is_green():
    """Ninety days, of which today is not over."""
    found = bars(past(), NOW)
    assert len(found.page) == 90
    assert {one.status for one in found.page} == {GREEN}
    assert found.page[-1].minutes == 16 * 60 + 30
    assert found.components == {}


def test_days_before_the_page_was_known_are_grey():
    """Nobody was there to look."""
    found = bars(past(known_since=at(18, 12)), NOW)
    assert of(found.page, 17) == (GREY, 1440)
    assert of(found.page, 18) == (GREY, 720)
    assert of(found.page, 19) == (GREEN, 1440)


def test_a_page_that_was_never_read_is_grey_throughout():
    """Also today."""
    assert {one.status for one in bars(past(known_since=None), NOW).page} == {GREY}


def test_an_incident_colours_the_days_of_what_it_names_and_of_the_page():
    """By its impact, for as long as it was."""
    other = component("Site")
    found = bars(
        past(components=(API, other), incidents=(over("i", at(10, 23), at(11, 2), "API"),)), NOW
    )
    outage = ComponentStatus.PARTIAL_OUTAGE
    assert of(found.components["api"], 10) == (outage, 60)
    assert of(found.components["api"], 11) == (outage, 120)
    assert of(found.components["api"], 12) == (GREEN, 1440)
    assert of(found.page, 10) == (outage, 60)
    assert "site" not in found.components
    assert found.unnamed == 0


def test_an_incident_that_names_nothing_counts_for_the_page_alone_and_is_counted():
    """No component is blamed for it."""
    found = bars(past(incidents=(over("i", at(10, 1), at(10, 2)),)), NOW)
    assert of(found.page, 10) == (ComponentStatus.PARTIAL_OUTAGE, 60)
    assert found.components == {}
    assert found.unnamed == 1


def test_a_notice_and_planned_work_that_was_not_begun_are_no_trouble():
    """Neither is what the vendor called off."""
    planned = {"kind": IncidentKind.MAINTENANCE, "impact": Impact.NONE}
    quiet = (
        over("notice", at(10, 1), at(10, 2), "API", impact=Impact.NONE),
        over("off", at(10, 1), at(10, 2), "API", **planned, status=IncidentStatus.CANCELLED),
        over("ahead", at(10, 1), at(10, 2), "API", **planned, status=IncidentStatus.SCHEDULED),
    )
    assert bars(past(incidents=quiet), NOW).components == {}
    done = over("done", at(10, 1), at(10, 2), "API", **planned, status=IncidentStatus.COMPLETED)
    found = bars(past(incidents=(done,)), NOW)
    assert of(found.components["api"], 10) == (ComponentStatus.MAINTENANCE, 60)


def test_a_components_own_events_count_from_one_to_the_next():
    """What it was before the first of them, too."""
    found = bars(
        past(
            events=(
                moved(1, at(9, 12), "operational", "degraded"),
                moved(2, at(10, 12), "degraded", "major_outage"),
                moved(3, at(10, 13), "major_outage", "operational"),
            )
        ),
        NOW,
    ).components["api"]
    assert of(found, 8) == (GREEN, 1440)
    assert of(found, 9) == (ComponentStatus.DEGRADED, 720)
    assert of(found, 10) == (ComponentStatus.MAJOR_OUTAGE, 60)
    assert of(found, 11) == (GREEN, 1440)


def test_a_component_that_returned_with_an_incident_is_well_from_its_end_on():
    """The move that comes with an incident has no event of its own."""
    found = bars(
        past(
            events=(moved(1, at(10, 1), "operational", "degraded"),),
            incidents=(
                over("i", at(10, 2), at(10, 4), "API", impact=Impact.NONE),
                over("j", at(10, 2), at(10, 4), "API", impact=Impact.MINOR),
            ),
        ),
        NOW,
    ).components["api"]
    assert of(found, 10) == (ComponentStatus.DEGRADED, 180)
    assert of(found, 11) == (GREEN, 1440)


def test_a_component_that_was_ill_when_its_first_event_came_was_so_since_we_know_it():
    """Or since the incident that made it ill."""
    events = (moved(1, at(10, 12), "partial_outage", "operational"),)
    found = bars(past(events=events, known_since=at(9, 6)), NOW).components["api"]
    assert of(found, 9) == (ComponentStatus.PARTIAL_OUTAGE, 1080)
    assert of(found, 8)[0] is GREY


def test_a_component_that_is_ill_now_colours_today():
    """Although nothing says since when."""
    ill = component("API", ComponentStatus.DEGRADED)
    found = bars(past(components=(ill,)), NOW).components["api"]
    assert found[-1].status is ComponentStatus.DEGRADED
    assert found[-1].minutes == 0
    assert found[-2].status is GREEN


def test_time_that_could_not_be_read_is_grey_and_trouble_in_it_is_not_hidden():
    """An outage is worse than not knowing; planned work is not."""
    blind = (
        page_event(EventKind.PAGE_UNREADABLE, seq=1, observed_at=at(10, 6)),
        page_event(EventKind.PAGE_READABLE, seq=2, observed_at=at(12, 6)),
    )
    found = bars(past(events=blind, incidents=(over("i", at(11, 1), at(11, 2), "API"),)), NOW)
    assert of(found.page, 10) == (GREY, 1080)
    assert of(found.page, 11) == (ComponentStatus.PARTIAL_OUTAGE, 60)
    assert of(found.page, 12) == (GREY, 360)
    assert of(found.quiet, 11) == (GREY, 1440)


def test_time_in_which_we_were_offline_is_grey_also_if_its_beginning_is_kept_no_more():
    """And what has no end goes on."""
    ours = {"page": MONITOR_PAGE}
    blind = (
        monitor_event(EventKind.MONITOR_ONLINE, seq=1, observed_at=at(10, 6), **ours),
        monitor_event(EventKind.MONITOR_OFFLINE, seq=2, observed_at=at(19, 23), **ours),
    )
    found = bars(past(events=blind, known_since=at(10)), NOW).page
    assert of(found, 10) == (GREY, 360)
    assert of(found, 11) == (GREEN, 1440)
    assert of(found, 19) == (GREY, 60)
    assert found[-1].status is GREY


def test_a_page_that_nobody_has_read_for_long_is_grey_since_then():
    """Even though no event told of it yet."""
    found = bars(past(read_at=at(18, 12), is_blind=True), NOW).page
    assert of(found, 18) == (GREY, 720)
    assert found[-1].status is GREY


def test_a_name_is_enough_to_find_a_component_and_its_group_decides_between_two():
    """Many vendors give names only."""
    parts = tuple(component("EC2", id=f"ec2-{region}", region=region) for region in ("us", "eu"))
    named = AffectedComponent(name="ec2", group="eu")
    trouble = over("i", at(10, 1), at(10, 2))
    found = bars(past(components=parts, incidents=(replace(trouble, components=(named,)),)), NOW)
    assert set(found.components) == {"ec2-eu"}


instants = st.integers(0, 100 * 24 * 60).map(lambda m: NOW - timedelta(minutes=m))
spells = st.builds(
    lambda status, one, other: Spell(status=status, began=min(one, other), ended=max(one, other)),
    st.sampled_from(ComponentStatus),
    instants,
    instants,
)


@given(st.lists(spells, max_size=12), st.randoms())
def test_the_order_in_which_trouble_is_told_does_not_matter(some, chance):
    """The same spells, shuffled, make the same days."""
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert days(shuffled, NOW) == days(some, NOW)


@given(st.lists(spells, max_size=12), spells)
def test_more_trouble_never_makes_a_day_better(some, one):
    """Not by status, and at the same status not by minutes."""
    for before, after in zip(days(some, NOW), days([*some, one], NOW), strict=True):
        assert after.status.rank >= before.status.rank
        if after.status is before.status is not GREEN:
            assert after.minutes >= before.minutes


@given(st.lists(spells, max_size=12), instants)
def test_a_day_is_never_green_without_evidence(some, known_since):
    """Whatever else is told, a day that was not known from its beginning on is not green."""
    blind = Spell(status=GREY, began=LONG_AGO, ended=known_since)
    for one in days([*some, blind], NOW):
        begins = datetime(one.day.year, one.day.month, one.day.day, tzinfo=UTC)
        if begins < known_since:
            assert one.status is not GREEN


@given(st.lists(spells, max_size=12))
def test_a_day_has_no_more_minutes_than_it_has(some):
    """Overlaps count once."""
    for one in days(some, NOW):
        assert 0 <= one.minutes <= 1440


@pytest.mark.parametrize("count", [1, 7, 90])
def test_the_last_day_is_today(count):
    """And there are as many as are asked for, each once."""
    found = days([], NOW, count)
    assert found[-1].day == NOW.date()
    assert len({one.day for one in found}) == count
