"""Figures for Prometheus, in its text format.

    what happened -> Metrics counts it at once ----.
                                                    +-> render -> text
    what stands now -> Stock, passed in --------'

The format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format, the
names: https://prometheus.io/docs/practices/naming/. Labels are bounded: addresses and names of
the config, and words of ours. No title, no text of a vendor is one, but for the names of
components, which are capped (`gauges`).
"""

import platform
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.utils import floatToGoString

from bellbuoy import __version__
from bellbuoy.events import EventKind
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.model.facts import Page
from bellbuoy.observer import (
    STORE,
    Attempted,
    Happened,
    Observer,
    Recorded,
    RequestDone,
    VisitDone,
)
from bellbuoy.telemetry.gauges import families, family
from bellbuoy.telemetry.stock import Stock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of what `render` returns."""

POLL_LAGS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds, in seconds, of how late visits begin: up to a page that missed five minutes."""

LOOP_LAGS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds, of how late the event loop wakes: up to one that is stuck."""

_OUTCOMES = ("not modified", "changed", "failed")
_STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "none")
_TRIED = (DeliveryStatus.DONE, DeliveryStatus.WAITING, DeliveryStatus.DEAD)


class Metrics(Observer):
    """Counts what happens, and renders that beside what stands.

    `pages` and `receivers` are those of the config; of any other nothing is counted.
    """

    def __init__(self, pages: Iterable[Page], receivers: Iterable[str] = ()) -> None:
        self._providers = {page.key: page.provider.slug for page in pages}
        self._receivers = tuple(receivers)
        self._polls: Counter[tuple[str, str]] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._requests: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._store_errors = 0
        self._poll_lags = _Spread(POLL_LAGS)
        self._loop_lags = _Spread(LOOP_LAGS)
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def request_done(self, details: RequestDone) -> None:
        """Count a request by the class of its status."""
        status = details.status
        self._requests["none" if status is None else f"{status // 100}xx"] += 1

    def visit_done(self, details: VisitDone) -> None:
        """Count a poll, why it failed, and how late it began."""
        self._polls[details.page_key, details.outcome] += 1
        if details.failure is not None:
            self._failures[details.page_key, details.failure.value] += 1
        self._poll_lags.add(details.lag)

    def recorded(self, details: Recorded) -> None:
        """Count events by their kind."""
        self._events.update(details.kinds)

    def attempted(self, details: Attempted) -> None:
        """Count a delivery that was tried, by what came of it."""
        self._attempts[details.delivery.receiver, details.delivery.status.value] += 1

    def happened(self, details: Happened) -> None:
        """Count what the store refused."""
        if details.about == STORE and details.level == "error":
            self._store_errors += 1

    def woke(self, lag: float) -> None:
        """Count a wake-up of the event loop that came so many seconds late."""
        self._loop_lags.add(lag)

    def render(self, stock: Stock) -> bytes:
        """All figures as text, in UTF-8.

        It takes a few microseconds for each line; with thousands of pages, call it in a thread.
        """
        now = CollectorRegistry()
        now.register(_Now(stock))
        return generate_latest(self._registry) + generate_latest(now)

    def collect(self) -> Iterator[Metric]:
        """What was counted, for prometheus-client."""
        yield _build_info()
        yield from self._about_polls()
        yield from self._about_the_rest()

    def describe(self) -> Iterator[Metric]:
        """Nothing ahead: there is one collector of these names."""
        return iter(())

    def _about_polls(self) -> Iterator[Metric]:
        polls, failures = dict(self._polls), dict(self._failures)
        yield _counter(
            "polls",
            "Visits that ended, by outcome.",
            ("provider", "page", "outcome"),
            [
                ((slug, key, outcome), polls.get((key, outcome), 0))
                for key, slug in self._providers.items()
                for outcome in _OUTCOMES
            ],
        )
        yield _counter(
            "poll_failures",
            "Visits that failed, by reason; absent is none.",
            ("provider", "page", "reason"),
            [
                ((self._providers[key], key, reason), count)
                for (key, reason), count in failures.items()
                if key in self._providers
            ],
        )
        yield self._poll_lags.as_metric("poll_lag_seconds", "How late visits began.")

    def _about_the_rest(self) -> Iterator[Metric]:
        requests, events, attempts = dict(self._requests), dict(self._events), dict(self._attempts)
        yield _counter(
            "http_requests",
            "HTTP requests to pages and receivers, by class of status; none is no answer.",
            ("status",),
            [((status,), requests.get(status, 0)) for status in _STATUSES],
        )
        yield _counter(
            "events_recorded",
            "Events that were new to the log, by kind.",
            ("kind",),
            [((kind.value,), events.get(kind.value, 0)) for kind in EventKind],
        )
        yield _counter(
            "delivery_attempts",
            "Deliveries that were tried, by what they are since: done, waiting (again) or dead.",
            ("receiver", "status"),
            [
                ((name, status.value), attempts.get((name, status.value), 0))
                for name in self._receivers
                for status in _TRIED
            ],
        )
        yield _counter(
            "store_errors", "Writes that the store refused.", (), [((), self._store_errors)]
        )
        yield self._loop_lags.as_metric(
            "event_loop_lag_seconds", "How late the event loop woke, twice a second."
        )


class _Now:
    """A stock, as prometheus-client collects it."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    def collect(self) -> Iterator[Metric]:
        return families(self._stock)

    def describe(self) -> Iterator[Metric]:
        return iter(())


class _Spread:
    """How values spread over ranges: a histogram."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def as_metric(self, name: str, meaning: str) -> Metric:
        """As the format has it: each range holds those below it."""
        below, buckets = 0, list[tuple[str, float]]()
        for bound, count in zip((*self._bounds, float("inf")), tuple(self._counts), strict=True):
            below += count
            buckets.append((floatToGoString(bound), below))
        family = HistogramMetricFamily(f"bellbuoy_{name}", meaning)
        family.add_metric((), buckets, self._sum)
        return family


def _build_info() -> Metric:
    family = GaugeMetricFamily(
        "bellbuoy_build_info", "1, with what runs here.", labels=("version", "python")
    )
    family.add_metric((__version__, platform.python_version()), 1.0)
    return family


def _counter(
    name: str,
    meaning: str,
    labels: Sequence[str],
    samples: Iterable[tuple[Sequence[str], float]],
) -> Metric:
    return family(CounterMetricFamily, name, meaning, labels, samples)
