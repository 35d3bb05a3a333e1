"""The clock of a worker beside that of the store."""

from datetime import UTC, datetime, timedelta

from bellbuoy.workers.clock import TOLERATED, Clock

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A clock that can be set."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        """What it shows."""
        return self.at


def test_the_first_time_is_believed():
    """Whoever joins goes by the store's clock from the start."""
    clock = Clock(Machine())
    assert clock.set_by(NOW - HOUR)
    assert clock() == NOW - HOUR
    assert clock.off == HOUR


def test_a_small_difference_is_left():
    """It would only make the instants jump."""
    clock = Clock(Machine())
    assert not clock.set_by(NOW + TOLERATED)
    assert clock() == NOW


def test_an_answer_that_was_heard_late_changes_nothing():
    """A process that was paused before it heard the time takes the next one."""
    machine = Machine()
    clock = Clock(machine)
    assert not clock.set_by(NOW)
    machine.at += HOUR
    assert not clock.set_by(NOW)
    assert not clock.set_by(machine.at)
    assert clock() == machine.at


def test_a_clock_that_was_set_is_noticed_the_second_time():
    """Forward and back: by then it is no late answer."""
    machine = Machine()
    clock = Clock(machine)
    clock.set_by(NOW)
    for step in (HOUR, -HOUR):
        off = clock.off
        machine.at += step
        assert not clock.set_by(NOW)
        assert clock.set_by(NOW)
        assert clock.off == off + step
        assert clock() == NOW
