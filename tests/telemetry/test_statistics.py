"""The figures of `--stats`."""

import pytest

from bellbuoy.errors import Unreadable
from bellbuoy.observer import VisitDone
from bellbuoy.telemetry.statistics import Statistics


def visit(outcome="not modified", lag=0.0, events=0):
    """One poll's end."""
    failure = Unreadable.NETWORK if outcome == "failed" else None
    return VisitDone(
        page_key="p",
        provider="acme",
        outcome=outcome,
        seconds=0.1,
        lag=lag,
        events=events,
        failure=failure,
    )


def test_every_poll_is_counted_by_its_outcome():
    """The figures add up, under the names that the help promises."""
    statistics = Statistics()
    for outcome, events in [("changed", 3), ("not modified", 0), ("failed", 0), ("changed", 1)]:
        statistics.visit_done(visit(outcome, events=events))
    figures = statistics.figures()
    assert list(figures) == [
        "polls",
        "not_modified",
        "changed",
        "failed",
        "events",
        "cpu_seconds",
        "max_rss_bytes",
        "lag",
    ]
    assert [figures[key] for key in list(figures)[:5]] == [4, 1, 2, 1, 4]
    assert figures["cpu_seconds"] > 0
    assert figures["max_rss_bytes"] > 1_000_000


def test_lag_is_told_as_its_worst_and_its_99th_percentile():
    """One late visit of a thousand is the worst, and not the 99th percentile."""
    statistics = Statistics()
    for number in range(999):
        statistics.visit_done(visit(lag=0.01 + number * 1e-5))
    statistics.visit_done(visit(lag=7.0))
    lag = statistics.figures()["lag"]
    assert lag["max"] == 7.0
    assert lag["p99"] == pytest.approx(0.0199, rel=0.03)


def test_a_run_without_a_poll_has_figures_too():
    """Stopped before the first poll, everything is zero."""
    figures = Statistics().figures()
    assert figures["polls"] == 0
    assert figures["lag"] == {"p99": 0.0, "max": 0.0}


def test_months_of_lags_stay_small():
    """A hundred thousand different lags are kept in a few hundred steps."""
    statistics = Statistics()
    for number in range(100_000):
        statistics.visit_done(visit(lag=number / 30))
    assert len(statistics._lags) < 1_000
