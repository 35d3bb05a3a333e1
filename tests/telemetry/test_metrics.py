"""Figures for Prometheus: what is counted, what stands, and that there is no end of neither."""

import shutil
import subprocess
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bellbuoy.errors import Unreadable
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.model.facts import ComponentStatus, Impact, IncidentKind
from bellbuoy.model.known import Health
from bellbuoy.model.leases import Role
from bellbuoy.observer import Happened, Recorded, refused
from bellbuoy.telemetry.stock import (
    COMPONENTS_A_PAGE,
    COMPONENTS_IN_ALL,
    ComponentNow,
    PageNow,
    Stock,
)
from tests.telemetry.scraped import (
    FAILED,
    FULL,
    KEY,
    NOW,
    PAGE,
    READABLE,
    attempt,
    counted,
    request,
    samples,
    value,
    visit,
)

OF_PAGE = {"provider": "acme", "page": KEY}


def page_now(**changes):
    """A stock of the one page, changed."""
    return Stock(pages=(replace(FULL.pages[0], **changes),))


def test_polls_are_counted_by_page_and_outcome():
    """And failures by their reason."""
    metrics = counted()
    for each in (visit(), visit(), visit("changed"), FAILED):
        metrics.visit_done(each)
    found = samples(metrics)
    counts = {
        outcome: value(found, "polls_total", **OF_PAGE, outcome=outcome)
        for outcome in ("not modified", "changed", "failed")
    }
    assert counts == {"not modified": 2, "changed": 1, "failed": 1}
    reason = Unreadable.NOT_THE_FORMAT.value
    assert value(found, "poll_failures_total", **OF_PAGE, reason=reason) == 1


def test_what_can_be_counted_is_there_before_it_happens():
    """A counter that appears with its first increase hides that increase from `increase()`."""
    found = samples(counted())
    assert value(found, "polls_total", **OF_PAGE, outcome="failed") == 0
    assert value(found, "delivery_attempts_total", receiver="ops", status="dead") == 0
    assert value(found, "http_requests_total", status="5xx") == 0
    assert all(value(found, "events_recorded_total", kind=kind.value) == 0 for kind in EventKind)
    assert value(found, "store_errors_total") == 0


def test_requests_are_counted_by_the_class_of_their_status():
    """A request without any answer is a class of its own."""
    metrics = counted()
    for status in (200, 204, 304, 429, None):
        metrics.request_done(request(status))
    found = samples(metrics)
    counts = {s: value(found, "http_requests_total", status=s) for s in ("2xx", "3xx", "4xx")}
    assert counts == {"2xx": 2, "3xx": 1, "4xx": 1}
    assert value(found, "http_requests_total", status="none") == 1


def test_n1_deliveries_are_counted_by_what_came_of_them():
    """A dead letter is a figure that somebody can be called for."""
    metrics = counted()
    for status in (DeliveryStatus.WAITING, DeliveryStatus.WAITING, DeliveryStatus.DEAD):
        metrics.attempted(attempt(status))
    found = samples(metrics)
    assert value(found, "delivery_attempts_total", receiver="ops", status="waiting") == 2
    assert value(found, "delivery_attempts_total", receiver="ops", status="dead") == 1
    assert value(found, "delivery_attempts_total", receiver="ops", status="done") == 0


def test_events_are_counted_by_kind():
    """Each of them, also where several were recorded together."""
    metrics = counted()
    metrics.recorded(Recorded(kinds=("incident.opened", "incident.updated", "incident.opened")))
    found = samples(metrics)
    assert value(found, "events_recorded_total", kind="incident.opened") == 2
    assert value(found, "events_recorded_total", kind="incident.updated") == 1


def test_p2_what_the_store_refuses_is_counted():
    """A full disk is a figure; other trouble, and its end, is another matter."""
    metrics = counted()
    metrics.happened(refused("disk is full"))
    metrics.happened(Happened(what="waits for the store no longer", about="store"))
    metrics.happened(Happened(what="a bug", level="error"))
    assert value(samples(metrics), "store_errors_total") == 1


def test_lags_are_told_as_histograms():
    """Each bucket holds all that are not above its bound."""
    metrics = counted()
    for lag in (0.0, 0.05, 3.0, 4000.0):
        metrics.visit_done(visit(lag=lag))
        metrics.woke(lag)
    found = samples(metrics)
    assert value(found, "poll_lag_seconds_bucket", le="0.05") == 2
    assert value(found, "poll_lag_seconds_bucket", le="5.0") == 3
    assert value(found, "poll_lag_seconds_bucket", le="+Inf") == 4
    assert value(found, "poll_lag_seconds_count") == 4
    assert value(found, "event_loop_lag_seconds_sum") == 4003.05
    assert value(found, "event_loop_lag_seconds_bucket", le="0.05") == 2


def test_a_page_is_told_with_its_freshness_and_its_latency():
    """Instants, not ages: they are right whenever they are looked at."""
    found = samples(counted())
    assert value(found, "page_up", **OF_PAGE) == 1
    assert value(found, "page_last_read_timestamp_seconds", **OF_PAGE) == NOW.timestamp()
    assert value(found, "page_last_visit_timestamp_seconds", **OF_PAGE) == NOW.timestamp()
    assert value(found, "page_interval_seconds", **OF_PAGE) == 60
    assert value(found, "page_latency_seconds", **OF_PAGE) == 0.25
    assert value(found, "page_failed_visits", **OF_PAGE) == 0


@pytest.mark.parametrize(
    ("health", "up"),
    [
        (Health(), None),
        (Health(failures=1, polled_at=NOW), 0),
        (replace(READABLE, failures=1), 1),
        (replace(READABLE, failures=9, unreadable=Unreadable.GONE), 0),
        (replace(READABLE, failures=9, unreadable=None), 1),
    ],
    ids=["never visited", "never read", "failed once", "unreadable", "we are offline"],
)
def test_a_page_is_up_as_long_as_it_does_not_count_as_unreadable(health, up):
    """Before the first look nothing is said: neither green nor red would be true."""
    assert value(samples(counted(), page_now(health=health)), "page_up", **OF_PAGE) == up


def test_components_are_told_as_numbers_in_the_order_of_the_house():
    """Unknown is above zero, so that it is never green."""
    shown = tuple(
        ComponentNow(id=status.value, name=status.value, status=status)
        for status in ComponentStatus
    )
    found = samples(counted(), page_now(shown=shown))
    numbers = {
        status: value(
            found, "component_status", **OF_PAGE, component=status.value, component_id=status.value
        )
        for status in ComponentStatus
    }
    assert numbers == {status: status.rank for status in ComponentStatus}
    assert numbers[ComponentStatus.UNKNOWN] > 0


def test_what_is_open_and_what_waits_is_told():
    """By page, kind and impact; by receiver and status."""
    found = samples(counted())
    assert value(found, "open_incidents", **OF_PAGE, kind="incident", impact="critical") == 2
    assert value(found, "page_components", **OF_PAGE, status="operational") == 7
    assert value(found, "deliveries", receiver="ops", status="waiting") == 3
    assert value(found, "deliveries", receiver="ops", status="dead") == 0
    oldest = (NOW - timedelta(minutes=10)).timestamp()
    assert value(found, "delivery_oldest_waiting_timestamp_seconds", receiver="ops") == oldest
    assert value(found, "receiver_disabled", receiver="ops") == 0
    assert value(found, "log_last_seq") == 77
    assert value(found, "ready") == 1


def test_workers_are_told_by_role_and_what_this_one_holds():
    """Nothing of it where nobody shares the store."""
    found = samples(counted())
    assert [value(found, "workers", role=role.value) for role in Role] == [3, 3, 2]
    assert value(found, "worker_leases", kind="shard") == 86
    assert value(found, "worker_leases", kind="delivery") == 1
    alone = samples(counted(), Stock())
    assert not [name for name, _ in alone if name.startswith("bellbuoy_worker")]


def test_a_store_that_cannot_be_read_leaves_gaps_and_no_zeros():
    """No deliveries would be a lie; no figure is the truth."""
    found = samples(counted(), Stock(pages=FULL.pages, unready=("polling stalled",)))
    assert value(found, "ready") == 0
    assert value(found, "log_last_seq") is None
    assert value(found, "deliveries", receiver="ops", status="waiting") is None


def test_j8_ten_thousand_titles_are_as_many_series_as_one():
    """No title is a label: what is open is counted by kind and impact."""
    few = page_now(incidents={(IncidentKind.INCIDENT, Impact.MAJOR): 1})
    many = page_now(incidents={(IncidentKind.INCIDENT, Impact.MAJOR): 10_000})
    metrics = counted()
    before = samples(metrics, few).keys()
    for number in range(10_000):
        metrics.visit_done(visit("changed"))
        metrics.recorded(Recorded(kinds=("incident.opened",)))
        metrics.happened(Happened(what=f"title {number}", level="error"))
        metrics.attempted(attempt(DeliveryStatus.DONE))
    assert samples(metrics, many).keys() == before


def test_j8_what_the_config_does_not_name_has_no_series():
    """Neither a page nor a receiver that somebody else made up."""
    metrics = counted()
    before = samples(metrics).keys()
    strange = visit("failed", failure=Unreadable.GONE, key="https://other.example")
    metrics.visit_done(strange)
    metrics.attempted(attempt(DeliveryStatus.DEAD, receiver="other"))
    metrics.request_done(request(999))
    assert samples(metrics).keys() == before


def test_j8_a_page_with_three_thousand_components_shows_a_hundred():
    """All are counted by status; so few have a series of their own."""
    shown = tuple(
        ComponentNow(id=str(number), name=f"c{number}", status=ComponentStatus.OPERATIONAL)
        for number in range(3000)
    )
    found = samples(counted(), page_now(shown=shown))
    named = [key for key in found if key[0] == "bellbuoy_component_status"]
    assert len(named) == COMPONENTS_A_PAGE


def test_j8_all_pages_together_show_five_thousand_components():
    """Those of the first pages of the config."""
    one = PageNow(
        provider="acme",
        page=KEY,
        every=60.0,
        health=READABLE,
        shown=tuple(
            ComponentNow(id=str(number), name="c", status=ComponentStatus.OPERATIONAL)
            for number in range(COMPONENTS_A_PAGE)
        ),
    )
    pages = tuple(replace(one, page=f"https://{number}.example") for number in range(60))
    found = samples(counted(), Stock(pages=pages))
    named = [key for key in found if key[0] == "bellbuoy_component_status"]
    assert len(named) == COMPONENTS_IN_ALL


def test_j8_a_name_with_quotes_and_line_breaks_stays_one_label():
    """A vendor cannot add a sample by the name of a component."""
    name = 'x"} 1\nbellbuoy_ready 0\n\\'
    evil = ComponentNow(id="c", name=name, status=ComponentStatus.DEGRADED)
    found = samples(counted(), page_now(shown=(evil,)))
    assert value(found, "ready") == 1
    assert value(found, "component_status", **OF_PAGE, component=name, component_id="c") == 3


def test_rendering_twice_says_the_same():
    """Nothing is used up, and nothing is registered twice."""
    metrics = counted()
    once, again = samples(metrics), samples(metrics)
    assert {k: v for k, v in once.items() if k[0].startswith("bellbuoy_")} == {
        k: v for k, v in again.items() if k[0].startswith("bellbuoy_")
    }


def test_two_monitors_in_one_process_do_not_share_their_figures():
    """Nothing goes through the library's global registry."""
    one, other = counted(), counted()
    one.visit_done(visit())
    assert value(samples(other), "polls_total", **OF_PAGE, outcome="not modified") == 0


@pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="there is no promtool here (Debian's package prometheus)",
)
def test_prometheus_own_linter_finds_nothing_in_the_figures():
    """Names, units, types and escapes are as its guide wants them."""
    metrics = counted(pages=(PAGE, replace(PAGE, key="https://two.example")))
    metrics.visit_done(FAILED)
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=metrics.render(FULL),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
