"""Quiet hours and the hours of digests."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellbuoy.routing.schedules import (
    Quiet,
    Rhythm,
    Window,
    next_digest,
    parse_days,
    parse_rhythm,
    parse_window,
    quiet_until,
)

NIGHT = Quiet(windows=(parse_window("22:00-07:00"),), timezone="Europe/Berlin")
OFFICE = Quiet(
    windows=(parse_window("mon-fri 09:00-17:00"),), timezone="Europe/Berlin", outside=True
)


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("22:00-07:00", Window(begin=time(22), end=time(7))),
        (
            "mon-fri 09:00-17:30",
            Window(days=parse_days("mon-fri"), begin=time(9), end=time(17, 30)),
        ),
        ("sat,sun", Window(days=frozenset({5, 6}))),
        ("FRI-MON", Window(days=frozenset({4, 5, 6, 0}))),
        ("18:00-24:00", Window(begin=time(18))),
    ],
)
def test_windows_as_people_write_them(text, window):
    """Hours, days, or both."""
    assert parse_window(text) == window


@pytest.mark.parametrize(
    "text",
    ["", "22:00", "25:00-07:00", "22-07", "22:60-07:00", "someday 09:00-17:00", "a b 1:00-2:00"],
)
def test_what_is_no_window_is_refused_with_how_to_write_one(text):
    """The error shows an example."""
    with pytest.raises(ValueError, match="like '"):
        parse_window(text)


@pytest.mark.parametrize("text", ["", "09:00", "daily", "daily 9", "often 09:00"])
def test_what_is_no_rhythm_is_refused(text):
    """The error shows an example."""
    with pytest.raises(ValueError, match="like '"):
        parse_rhythm(text, "UTC")


def test_a_night_ends_in_the_morning_of_its_own_zone():
    """22:00 to 07:00 in Berlin is 21:00 to 06:00 UTC in winter."""
    assert quiet_until(NIGHT, at("2026-01-12T20:59")) is None
    assert quiet_until(NIGHT, at("2026-01-12T21:00")) == at("2026-01-13T06:00")
    assert quiet_until(NIGHT, at("2026-01-13T05:59")) == at("2026-01-13T06:00")
    assert quiet_until(NIGHT, at("2026-01-13T06:00")) is None


def test_outside_office_hours_lasts_over_the_weekend():
    """From Friday 17:00 to Monday 09:00 nothing is told."""
    assert quiet_until(OFFICE, at("2026-01-16T15:59")) is None
    assert quiet_until(OFFICE, at("2026-01-16T16:00")) == at("2026-01-19T08:00")
    assert quiet_until(OFFICE, at("2026-01-19T08:00")) is None


def test_windows_that_touch_are_one():
    """A quiet night before a quiet Sunday ends on Sunday at midnight."""
    quiet = Quiet(windows=(*NIGHT.windows, parse_window("sun")), timezone="UTC")
    assert quiet_until(quiet, at("2026-01-17T23:00")) == at("2026-01-19T07:00")


def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer():
    """Hours are wall time: in March the night has 8 hours, in October 10."""
    spring = quiet_until(NIGHT, at("2026-03-28T21:30"))
    autumn = quiet_until(NIGHT, at("2026-10-24T20:30"))
    assert spring == at("2026-03-29T05:00")
    assert autumn == at("2026-10-25T06:00")


def test_an_hour_that_a_clock_change_skips_is_that_much_later():
    """A digest at 02:30 goes out once on the day that has no 02:30."""
    rhythm = parse_rhythm("daily 02:30", "Europe/Berlin")
    first = next_digest(rhythm, at("2026-03-28T12:00"))
    assert first == at("2026-03-29T01:30")
    assert next_digest(rhythm, first) == at("2026-03-30T00:30")


def test_an_hour_that_comes_twice_counts_once():
    """A digest at 02:30 goes out at the first of the two."""
    rhythm = parse_rhythm("daily 02:30", "Europe/Berlin")
    first = next_digest(rhythm, at("2026-10-24T12:00"))
    assert first == at("2026-10-25T00:30")
    assert next_digest(rhythm, first) == at("2026-10-26T01:30")


def test_quiet_without_end_ends_all_the_same():
    """A whole week of quiet days holds nothing for ever."""
    always = Quiet(windows=(parse_window("mon-sun"),), timezone="UTC")
    end = quiet_until(always, at("2026-01-12T12:00"))
    assert end is not None
    assert timedelta(days=13) < end - at("2026-01-12T12:00") < timedelta(days=16)


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    hours=st.tuples(st.integers(0, 23), st.integers(0, 23)),
    days=st.sets(st.integers(0, 6), min_size=1),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"]),
    outside=st.booleans(),
)
def test_the_end_of_quiet_is_later_and_is_not_quiet(now, hours, days, zone, outside):
    """Whoever waits for the end has waited, and may then be told."""
    window = Window(days=frozenset(days), begin=time(hours[0]), end=time(hours[1]))
    quiet = Quiet(windows=(window,), timezone=zone, outside=outside)
    end = quiet_until(quiet, now)
    if end is not None and end < now + timedelta(days=13):
        assert end > now
        assert quiet_until(quiet, end) is None


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    days=st.sets(st.integers(0, 6), min_size=1),
    hour=st.integers(0, 23),
)
def test_the_next_digest_is_within_eight_days(now, days, hour):
    """It is never now, so that a digest cannot follow itself."""
    rhythm = Rhythm(at=time(hour), timezone="America/New_York", days=frozenset(days))
    found = next_digest(rhythm, now)
    assert now < found <= now + timedelta(days=8)
