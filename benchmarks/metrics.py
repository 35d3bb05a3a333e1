"""What figures add to a visit: the calls that an unchanged poll makes to its observer."""

import time
from collections.abc import Iterator
from typing import Any

from bellbuoy.model.facts import Page, Provider
from bellbuoy.observer import Observer, RequestDone, VisitDone
from bellbuoy.telemetry.metrics import Metrics
from benchmarks.figures import Figure, Scale, apart, ratio, spread
from benchmarks.vendors import Vendors

MOST = 1.05
"""How much a poll may cost with figures, against one without."""


def run(scale: Scale) -> Iterator[Figure]:
    count = scale.of(4000, 20)
    some = [
        apart("benchmarks.metrics", "counting", visits=scale.of(200_000, 200))
        for _ in range(scale.repeats)
    ]
    with Vendors("same", hosts=scale.of(200, 5)) as vendors:
        polls = [
            apart("benchmarks.watching", "polls", urls=vendors.urls, count=count)
            for _ in range(scale.repeats)
        ]
    plain = [each["cpu"] for each in polls]
    added = [one["counting"] - one["ignoring"] for one in some]
    value, measured = ratio([a + b for a, b in zip(plain, added, strict=True)], plain)
    yield Figure(
        what="CPU per poll, all 304, counted for Prometheus; against nobody who listens",
        ours=f"+{spread([each * 1e6 for each in added])} µs",
        baseline=f"{spread([each * 1e6 for each in plain])} µs",
        target=f"<= {MOST}x",
        measured=measured,
        holds=value <= MOST,
        counts={"visits": some[0]["visits"], "counted": some[0]["counted"]},
    )


def counting(visits: int) -> dict[str, Any]:
    """CPU seconds of a visit's calls to Metrics, and to an observer that ignores them."""
    keys = [f"https://status{number}.example" for number in range(1000)]
    metrics = Metrics(
        [
            Page(key=key, url=key, provider=Provider(slug="v", name="V"), format="statuspage")
            for key in keys
        ]
    )
    told = [
        (
            RequestDone(method="GET", url=key, status=304, seconds=0.1),
            VisitDone(page_key=key, provider="v", outcome="not modified", seconds=0.1, lag=0.01),
        )
        for key in keys
    ]
    spent = {
        name: _tell(observer, told, visits)
        for name, observer in (("ignoring", Observer()), ("counting", metrics))
    }
    counted = sum(
        sample.value
        for family in metrics.collect()
        for sample in family.samples
        if sample.name == "bellbuoy_polls_total"
    )
    return {**spent, "visits": visits, "counted": counted}


def _tell(observer: Observer, told: list[tuple[RequestDone, VisitDone]], visits: int) -> float:
    began = time.process_time()
    for number in range(visits):
        request, visit = told[number % len(told)]
        observer.request_done(request)
        observer.visit_done(visit)
    return (time.process_time() - began) / visits
