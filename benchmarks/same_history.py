"""An incidents.json of 150 KB that comes with a new ETag and the same entries."""

import json
import time
from collections.abc import Iterator
from typing import Any

from bellbuoy.exchange import Response
from bellbuoy.formats import statuspage
from bellbuoy.model.facts import Page, Provider, Snapshot
from bellbuoy.model.known import Seen
from benchmarks import documents
from benchmarks.figures import Figure, Scale, apart, micros, ratio


def run(scale: Scale) -> Iterator[Figure]:
    some = [
        apart("benchmarks.same_history", "reading", count=scale.of(200, 3))
        for _ in range(scale.repeats)
    ]
    ours, baseline = [one["ours"] for one in some], [one["baseline"] for one in some]
    value, measured = ratio(ours, baseline)
    decoded = max(one["decoded"] for one in some)
    yield Figure(
        what=f"reading an unchanged incidents.json ({some[0]['size'] // 1000} KB), {decoded} "
        "entries decoded; against json.loads",
        ours=micros(ours),
        baseline=micros(baseline),
        target="<= 0.5x, 0 decoded",
        measured=measured,
        holds=value <= 0.5 and decoded == 0,
        counts={"decoded": decoded, "unchanged": some[0]["unchanged"], "size": some[0]["size"]},
    )


def reading(count: int) -> dict[str, Any]:
    """CPU seconds of reading it again, and of json.loads, in turns."""

    url = "https://status.example"
    page = Page(
        key=url, url=url, provider=Provider(slug="e", name="E"), format="statuspage", every=60.0
    )
    ours = 0.0

    def read(seen: Seen, moved: int) -> Snapshot:
        nonlocal ours
        exchange = statuspage.read(page, seen)
        request = next(exchange)
        try:
            while True:
                if request.url.endswith("incidents.json"):
                    response = Response(
                        url=request.url, status=200, body=documents.incidents(moved=moved)
                    )
                    began = time.process_time()
                    try:
                        request = exchange.send(response)
                    finally:
                        ours += time.process_time() - began
                elif request.url.endswith("summary.json"):
                    body = documents.summary()
                    request = exchange.send(Response(url=request.url, status=200, body=body))
                else:
                    body = documents.incidents(kind="scheduled_maintenances", count=0)
                    request = exchange.send(Response(url=request.url, status=200, body=body))
        except StopIteration as end:
            return end.value

    first = read(Seen(first_look=True), 0)
    ours, baseline, decoded, snapshot = 0.0, 0.0, 0, first
    seen = Seen(entries=first.entries, stamp=first.stamp, after_gap=True, history_due=True)
    for moved in range(1, count + 1):
        snapshot = read(seen, moved)
        decoded += len(snapshot.incidents)
        body = documents.incidents(moved=moved)
        began = time.process_time()
        json.loads(body)
        baseline += time.process_time() - began
    return {
        "ours": ours / count,
        "baseline": baseline / count,
        "decoded": decoded,
        "unchanged": len(snapshot.unchanged),
        "size": len(documents.incidents()),
    }
