"""The figures of what stands, as families of gauges.

Labels are addresses and names of the config and words of ours. The one thing that a vendor can
add to is the list of components, so it is capped (`stock`).
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.telemetry.stock import (
    COMPONENTS_A_PAGE,
    COMPONENTS_IN_ALL,
    PageNow,
    ReceiverNow,
    Stock,
    WorkersNow,
)

_PAGE = ("provider", "page")


def families(stock: Stock) -> Iterator[Metric]:
    """The figures of a stock."""
    yield from _monitor(stock)
    yield from _pages(stock.pages)
    yield from _looks(stock.pages)
    yield from _incidents(stock.pages)
    yield from _components(stock.pages)
    yield from _receivers(stock.receivers)
    if stock.workers is not None:
        yield from _workers(stock.workers)


def _monitor(stock: Stock) -> Iterator[Metric]:
    yield _gauge("ready", "1 while the monitor is ready.", (), [((), not stock.unready)])
    yield _gauge(
        "monitor_offline",
        "1 while most pages fail at once, so that it is our own network.",
        (),
        [((), stock.is_offline)],
    )
    if stock.last_seq is not None:
        yield _gauge(
            "log_last_seq",
            "The number of the event that was recorded last.",
            (),
            [((), stock.last_seq)],
        )


def _pages(pages: Sequence[PageNow]) -> Iterator[Metric]:
    named = [((one.provider, one.page), one, one.health) for one in pages]
    yield _gauge(
        "page_up",
        "1 if the page can be read, 0 if it counts as unreadable or never could be read.",
        _PAGE,
        [
            (labels, health.unreadable is None and health.read_at is not None)
            for labels, _, health in named
            if health.read_at is not None or health.failures
        ],
    )
    yield _gauge(
        "page_failed_visits",
        "Visits that failed in a row until now.",
        _PAGE,
        [(labels, health.failures) for labels, _, health in named],
    )
    yield _gauge(
        "page_interval_seconds",
        "How often the page is to be visited.",
        _PAGE,
        [(labels, one.every) for labels, one, _ in named],
    )


def _looks(pages: Sequence[PageNow]) -> Iterator[Metric]:
    """When pages were visited and read, and how long their answers took."""
    named = [((one.provider, one.page), one.health) for one in pages]
    yield _gauge(
        "page_last_visit_timestamp_seconds",
        "When the last visit ended, as Unix time.",
        _PAGE,
        [(labels, at.timestamp()) for labels, health in named if (at := health.polled_at)],
    )
    yield _gauge(
        "page_last_read_timestamp_seconds",
        "When the page was last read, as Unix time.",
        _PAGE,
        [(labels, at.timestamp()) for labels, health in named if (at := health.read_at)],
    )
    yield _gauge(
        "page_latency_seconds",
        "How long the last answer took.",
        _PAGE,
        [(labels, health.latency) for labels, health in named if health.latency is not None],
    )


def _incidents(pages: Sequence[PageNow]) -> Iterator[Metric]:
    yield _gauge(
        "open_incidents",
        "Open incidents and planned work; absent is none.",
        (*_PAGE, "kind", "impact"),
        [
            ((one.provider, one.page, kind.value, impact.value), count)
            for one in pages
            for (kind, impact), count in one.incidents.items()
        ],
    )


def _components(pages: Sequence[PageNow]) -> Iterator[Metric]:
    yield _gauge(
        "page_components",
        "All components of the page, by status; absent is none.",
        (*_PAGE, "status"),
        [
            ((one.provider, one.page, status.value), count)
            for one in pages
            for status, count in one.components.items()
        ],
    )
    shown = (
        ((one.provider, one.page, component.id, component.name), component.status.rank)
        for one in pages
        for component in one.shown[:COMPONENTS_A_PAGE]
    )
    yield _gauge(
        "component_status",
        "0 operational, 1 maintenance, 2 unknown, 3 degraded, 4 partial outage, 5 major outage.",
        (*_PAGE, "component_id", "component"),
        [sample for _, sample in zip(range(COMPONENTS_IN_ALL), shown, strict=False)],
    )


def _receivers(receivers: Sequence[ReceiverNow]) -> Iterator[Metric]:
    yield _gauge(
        "deliveries",
        "Deliveries that are kept, by status.",
        ("receiver", "status"),
        [
            ((one.name, status.value), one.deliveries.get(status, 0))
            for one in receivers
            for status in DeliveryStatus
        ],
    )
    yield _gauge(
        "delivery_oldest_waiting_timestamp_seconds",
        "When the oldest delivery that waits was made, as Unix time; absent if none waits.",
        ("receiver",),
        [((one.name,), at.timestamp()) for one in receivers if (at := one.oldest)],
    )
    yield _gauge(
        "receiver_disabled",
        "1 if the receiver answered that it wants no more (410).",
        ("receiver",),
        [((one.name,), one.is_disabled) for one in receivers],
    )


def _workers(workers: WorkersNow) -> Iterator[Metric]:
    yield _gauge(
        "workers",
        "Workers alive that share the store, by role; one with several counts for each.",
        ("role",),
        [((role.value,), count) for role, count in workers.alive.items()],
    )
    yield _gauge(
        "worker_leases",
        "What this worker holds: shards of the pages, and leases of deliveries.",
        ("kind",),
        [(("shard",), workers.shards), (("delivery",), workers.deliveries)],
    )


def _gauge(
    name: str,
    meaning: str,
    labels: Sequence[str],
    samples: Iterable[tuple[Sequence[str], float]],
) -> Metric:
    return family(GaugeMetricFamily, name, meaning, labels, samples)


def family(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    meaning: str,
    labels: Sequence[str],
    samples: Iterable[tuple[Sequence[str], float]],
) -> Metric:
    """Figures of one name, each with the values of its labels; `bellbuoy_` goes before the name."""
    found = kind(f"bellbuoy_{name}", meaning, labels=labels)
    for values, value in samples:
        found.add_metric(values, float(value))
    return found
