"""What serving adds to a poll: the same monitor with and without its port, and a listener on it."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

from bellbuoy import app as composition
from bellbuoy.app import App
from bellbuoy.config.web import Web
from bellbuoy.observer import Observers
from bellbuoy.platform import run as run_loop
from bellbuoy.web.application import application
from bellbuoy.web.overview import Overview
from bellbuoy.web.server import listen, serving
from bellbuoy.web.site import Site
from benchmarks.figures import Figure, Scale, apart, micros, ratio
from benchmarks.vendors import Vendors
from benchmarks.watching import Counting, config

Measure = Callable[[Counting, int], Awaitable[dict[str, Any]]]


def run(scale: Scale) -> Iterator[Figure]:
    count = scale.of(12_000, 20)
    alone, served = [], []
    with Vendors("same", hosts=scale.of(200, 5)) as vendors:
        for number in range(scale.repeats):
            both = [(alone, False), (served, True)]
            # Whoever comes first may find the machine busier.
            for found, with_port in both if number % 2 else both[::-1]:
                found.append(
                    apart(
                        "benchmarks.serve",
                        "polls",
                        urls=vendors.urls,
                        count=count,
                        with_port=with_port,
                    )
                )
    ours, baseline = [each["cpu"] for each in served], [each["cpu"] for each in alone]
    value, measured = ratio(ours, baseline)
    yield _of_idleness(scale)
    yield Figure(
        what="CPU per poll, all 304, served and listened to; against watching alone",
        ours=micros(ours),
        baseline=micros(baseline),
        target="<= 1.1x",
        measured=measured,
        holds=value <= 1.1,
        counts={
            "visits": sum(each["visits"] for each in served),
            "listeners": sum(each["listeners"] for each in served),
        },
    )


def _of_idleness(scale: Scale) -> Figure:
    """What goes on at an open port whether or not anything is polled."""
    seconds = 10.0 if scale.of(100, 1) > 10 else 0.5
    costs = {
        with_port: [
            apart("benchmarks.serve", "idleness", seconds=seconds, with_port=with_port)["cpu"]
            for _ in range(scale.repeats)
        ]
        for with_port in (False, True)
    }
    worst = max(costs[True]) * 1000
    return Figure(
        what="CPU a second of an open port and a listener while nothing is polled; "
        "against watching alone",
        ours=f"{worst:.3g} ms",
        baseline=f"{max(costs[False]) * 1000:.3g} ms",
        target="<= 10 ms a second",
        measured=f"{worst:.3g} ms",
        holds=worst <= 10,
        counts={"runs": len(costs[True])},
    )


def idleness(seconds: float, *, with_port: bool) -> dict[str, Any]:
    """CPU seconds a second of a monitor that has nothing to do for so long."""

    async def rest(_counting: Counting, _count: int) -> dict[str, Any]:
        began = time.process_time()
        await asyncio.sleep(seconds)
        return {"cpu": (time.process_time() - began) / seconds}

    return _monitor([], 0, rest, every=3600.0, with_port=with_port)


def polls(urls: list[str], count: int, *, with_port: bool) -> dict[str, Any]:
    """CPU seconds of a poll, as fast as polls can be made, after the first sweep."""
    return _monitor(urls, count, _measure, every=0.001, with_port=with_port)


def _monitor(
    urls: list[str], count: int, measure: Measure, *, every: float, with_port: bool
) -> dict[str, Any]:
    composition.FLUSH_EVERY = 1e9

    async def main() -> dict[str, Any]:
        counting, overview = Counting(), Overview()
        observer = Observers((overview, counting)) if with_port else counting
        with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
            async with App(config(urls, directory, every=every), observer=observer) as app:
                await app.first_sweep()
                if not with_port:
                    return {**await measure(counting, count), "listeners": 0}
                overview.open(app)
                return await _served(app, overview, partial(measure, counting, count))

    return run_loop(main)


async def _served(
    app: App, overview: Overview, measure: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    web = Web(port=0)
    with listen(web) as opened:
        async with serving(application(Site(app, web, overview)), opened):
            reader, writer = await asyncio.open_connection(*opened.getsockname())
            writer.write(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await reader.readuntil(b"id: ")
            try:
                return {**await measure(), "listeners": 1}
            finally:
                writer.close()
                app.request_stop()


async def _measure(counting: Counting, count: int) -> dict[str, Any]:
    # While the routes are built no poll is made; connections that were closed meanwhile are
    # opened anew, which is the price of a start and not of a poll.
    await counting.until(counting.visits + count // 2)
    begun, began = counting.visits, time.process_time()
    await counting.until(begun + count)
    cpu, visits = time.process_time() - began, counting.visits - begun
    return {"cpu": cpu / visits, "visits": visits}
