"""When to look again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bellbuoy.detection.cadence import (
    BACKOFF_AT_MOST,
    HELD_AT_MOST,
    first_delay,
    next_delay,
    phase,
    wants_refresh,
)
from bellbuoy.model.known import Health, PageState
from tests.detection.saying import PAGE, START, at

STATE = PageState(page_key=PAGE.key, refreshed_at=START)
MINUTELY = replace(PAGE, every=60.0)
BY_HAND = replace(MINUTELY, every_is_explicit=True)


def failing(times: int, minutes: float = 0) -> PageState:
    """A page that failed this often in a row, for so long."""
    since = START - timedelta(minutes=minutes)
    return replace(STATE, health=Health(failures=times, failing_since=since))


def test_a_healthy_page_is_looked_at_every_period() -> None:
    """Sixty seconds are sixty seconds."""
    assert next_delay(MINUTELY, STATE, START) == 60


def test_first_looks_are_spread_over_half_a_minute_at_most() -> None:
    """A page has its place in the minute by its key."""
    assert 0 <= first_delay(MINUTELY, 10_000) < 30
    assert 0 <= first_delay(replace(PAGE, every=5.0), 10_000) < 5
    assert 0 <= first_delay(MINUTELY, 5) < 0.1, "five pages need not wait"
    assert phase("a") == phase("a") != phase("b")


def test_a_servers_freshness_slows_us_down_but_not_a_period_written_by_hand() -> None:
    """An explicit period is never stretched by a max-age."""
    assert next_delay(MINUTELY, STATE, START, max_age=120) == 120
    assert next_delay(MINUTELY, STATE, START, max_age=86400) == 300
    assert next_delay(BY_HAND, STATE, START, max_age=120) == 60


def test_an_open_incident_doubles_the_pace_and_no_more() -> None:
    """Never faster than ten seconds by our own wish, never slower than the period."""
    state = replace(STATE, has_open=True)
    assert next_delay(MINUTELY, state, START) == 30
    assert next_delay(replace(PAGE, every=12.0), state, START) == 10
    assert next_delay(replace(PAGE, every=1.0), state, START) == 1


def test_failures_back_off_to_ten_minutes_and_success_resets() -> None:
    """Politely slower, with a cap."""
    unreadable = replace(failing(9, 30).health, unreadable="network")
    delay = next_delay(MINUTELY, replace(STATE, health=unreadable), START)
    assert 0.75 * BACKOFF_AT_MOST <= delay <= BACKOFF_AT_MOST
    assert next_delay(MINUTELY, STATE, START) == 60


def test_backoff_does_not_delay_the_first_verdict() -> None:
    """R5: the visit that may declare a page unreadable comes when it is due."""
    delay = next_delay(MINUTELY, failing(4, 4), START)
    assert delay <= 60


def test_while_we_are_offline_nothing_slows_down() -> None:
    """It is us, so the first sign of life is wanted soon."""
    assert next_delay(MINUTELY, failing(20, 60), START, is_offline=True) == 60


def test_h5_a_held_host_is_left_alone_for_an_hour_at_most() -> None:
    """Retry-After counts, within reason."""
    held = replace(STATE, health=Health(held_until=at(10)))
    assert next_delay(BY_HAND, held, START) == 600
    for_days = replace(STATE, health=Health(held_until=at(60 * 48)))
    assert next_delay(BY_HAND, for_days, START) == HELD_AT_MOST


def test_h1_looks_without_validators_come_hourly_and_more_often_in_trouble() -> None:
    """Some servers freeze their ETag."""
    assert not wants_refresh(STATE, at(59))
    assert wants_refresh(STATE, at(61))
    assert wants_refresh(replace(STATE, has_open=True), at(6))
    assert wants_refresh(replace(STATE, unsettled=True), at(0))
    assert wants_refresh(STATE, at(-1)), "a last look in the future is no last look"


@given(
    st.integers(0, 100),
    st.floats(0, 600),
    st.floats(1, 3600),
    st.one_of(st.none(), st.floats(0, 1e6)),
    st.booleans(),
)
def test_the_delay_is_always_sane(
    failures: int, minutes: float, every: float, max_age: float | None, offline: bool
) -> None:
    """Never under half the period, never over an hour beyond it, whatever comes together."""
    state = failing(failures, minutes) if failures else STATE
    page = replace(PAGE, every=every)
    delay = next_delay(page, state, START, max_age=max_age, is_offline=offline)
    assert min(every / 2, 10) <= delay <= max(every, HELD_AT_MOST)
