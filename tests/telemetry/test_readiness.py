"""Whether the monitor is ready, as a function of what is known of it."""

import pytest

from bellbuoy.observer import VisitDone
from bellbuoy.telemetry.readiness import LastVisit, Vitals, patience, stuck, unready


@pytest.mark.parametrize(
    ("vitals", "reasons"),
    [
        (Vitals(shortest=60.0, silence=299.0), ()),
        (Vitals(shortest=60.0, silence=301.0), ("polling stalled: no visit ended for 301 s",)),
        (Vitals(shortest=600.0, silence=1799.0), ()),
        (Vitals(shortest=600.0, silence=1801.0), ("polling stalled: no visit ended for 1801 s",)),
        (Vitals(shortest=None, silence=1e6), ()),
        (Vitals(dead=("flush (OSError)",)), ("a task died: flush (OSError)",)),
        (Vitals(is_refused=True), ("the store refuses to be written",)),
        (Vitals(is_unread=True), ("the store cannot be read",)),
        (Vitals(is_stopping=True), ("it is stopping",)),
    ],
)
def test_p9_every_reason_is_said_and_nothing_else_is_one(vitals, reasons):
    """Polling may be silent for five minutes, or three of the shortest intervals."""
    assert unready(vitals) == reasons


def test_all_reasons_are_said_together():
    """Whoever looks sees the whole of it."""
    worst = Vitals(dead=("a (E)", "b (E)"), silence=999.0, shortest=30.0, is_refused=True)
    assert len(unready(worst)) == 4


def test_p2_a_full_disk_makes_unready_but_is_no_reason_to_restart():
    """A restart empties no disk, and would lose what is held in memory."""
    vitals = Vitals(is_refused=True, is_stopping=True)
    assert unready(vitals)
    assert stuck(vitals) == ()


def test_patience_is_five_minutes_or_three_looks():
    """Whichever is longer."""
    assert [patience(10.0), patience(100.0), patience(3600.0)] == [300.0, 300.0, 10800.0]


def test_the_last_visit_counts_from_the_start():
    """So that a monitor is ready before its first visit has ended, and not for ever."""
    time = 5.0
    last = LastVisit(lambda: time)
    assert last.at == 5.0
    time = 8.0
    last.visit_done(VisitDone(page_key="p", provider="a", outcome="failed", seconds=1.0))
    assert last.at == 8.0
