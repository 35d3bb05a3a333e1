"""When a delivery is tried again, and when it is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.delivery.retries import (
    FEWEST_ATTEMPTS,
    FEWEST_ATTEMPTS_AWAY,
    FIRST_WAIT,
    GIVE_UP_AFTER,
    HELD_AT_MOST,
    LONGEST_WAIT,
    next_attempt_at,
)
from tests.event_samples import AT, incident_event, message

NEW = message(incident_event()).delivery
MOMENT = timedelta(seconds=1)


def wait(attempts, *, chance=0.5, retry_after=None, age=timedelta(), away=False):
    """Seconds until the next attempt; None if there is none."""
    delivery = replace(NEW, attempts=attempts)
    at = next_attempt_at(delivery, AT + age, retry_after=retry_after, chance=chance, away=away)
    return None if at is None else (at - AT - age).total_seconds()


def test_waits_double_up_to_ten_minutes():
    """Seconds at first, so that a hiccup costs little; minutes later, so that nobody is flooded."""
    assert [wait(n) for n in range(9)] == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert wait(10_000) == 600


@given(attempts=st.integers(0, 100_000), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_spread_by_a_quarter_to_either_side(attempts, chance):
    """Never at once, never much longer than the longest."""
    assert FIRST_WAIT * 0.75 <= wait(attempts, chance=chance) <= LONGEST_WAIT * 1.25


@pytest.mark.parametrize("asked", [0.0, 3.0, 60.0, 3600.0, 1e9])
def test_a_receiver_that_asks_to_wait_is_left_alone_so_long(asked):
    """Retry-After lengthens a wait and never shortens it; a week of it is not believed."""
    assert wait(0, retry_after=asked) == min(max(asked, FIRST_WAIT), HELD_AT_MOST)


def test_n1_after_three_days_it_is_given_up():
    """Tried for 72 hours, not a moment less."""
    assert wait(400, age=GIVE_UP_AFTER - MOMENT) is not None
    assert wait(400, age=GIVE_UP_AFTER) is None


def test_what_is_old_but_was_hardly_tried_is_not_given_up():
    """A laptop that slept for a week wakes up before its network does."""
    week = timedelta(days=7)
    assert [wait(n, age=week) is None for n in (0, FEWEST_ATTEMPTS - 2, FEWEST_ATTEMPTS - 1)] == [
        False,
        False,
        True,
    ]


@given(
    asked=st.lists(st.none() | st.floats(0, 1e7), min_size=1, max_size=50),
    chance=st.floats(0, 1, exclude_max=True),
    took=st.floats(0, 30),
)
def test_n1_a_whole_life_of_failures_is_bounded_and_polite(asked, chance, took):
    """Never before what was asked for, never at once, and over soon after three days."""
    now, delivery = AT, NEW
    for attempt in range(10_000):
        now += timedelta(seconds=took)
        wanted = asked[attempt % len(asked)]
        at = next_attempt_at(delivery, now, retry_after=wanted, chance=chance)
        if at is None:
            break
        least = max(FIRST_WAIT * 0.75, min(wanted or 0.0, HELD_AT_MOST))
        assert least - 0.001 <= (at - now).total_seconds() <= HELD_AT_MOST
        now, delivery = at, replace(delivery, attempts=delivery.attempts + 1)
    else:
        raise AssertionError("it is never given up")
    longest = timedelta(seconds=HELD_AT_MOST + took)
    assert GIVE_UP_AFTER <= now - AT <= GIVE_UP_AFTER + longest


def test_m7_a_receiver_that_is_away_is_tried_again_soon_however_long_it_is_away():
    """What waits for it goes out within seconds after it is back; it is given up all the same."""
    assert {wait(n, away=True) for n in (0, 1, 10, 10_000)} == {FIRST_WAIT}
    assert wait(7, away=True, retry_after=60.0) == 60
    assert wait(FEWEST_ATTEMPTS_AWAY - 2, away=True, age=GIVE_UP_AFTER) == FIRST_WAIT
    assert wait(FEWEST_ATTEMPTS_AWAY - 1, away=True, age=GIVE_UP_AFTER) is None
