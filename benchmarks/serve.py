"""What serving adds to a poll: the same monitor with and without its port, and a listener on it."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
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


def run(scale: Scale) -> Iterator[Figure]:
    count = scale.of(4000, 20)
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


def polls(urls: list[str], count: int, *, with_port: bool) -> dict[str, Any]:
    """CPU seconds of a poll, as fast as polls can be made, after the first sweep."""
    composition.FLUSH_EVERY = 1e9

    async def main() -> dict[str, Any]:
        counting, overview = Counting(), Overview()
        observer = Observers((overview, counting)) if with_port else counting
        with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
            async with App(config(urls, directory, every=0.001), observer=observer) as app:
                await app.first_sweep()
                if not with_port:
                    return {**await _measure(counting, count), "listeners": 0}
                overview.open(app)
                return await _served(app, overview, counting, count)

    return run_loop(main)


async def _served(app: App, overview: Overview, counting: Counting, count: int) -> dict[str, Any]:
    web = Web(port=0)
    with listen(web) as opened:
        async with serving(application(Site(app, web, overview)), opened):
            reader, writer = await asyncio.open_connection(*opened.getsockname())
            writer.write(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await reader.readuntil(b"id: ")
            try:
                return {**await _measure(counting, count), "listeners": 1}
            finally:
                writer.close()
                app.request_stop()


async def _measure(counting: Counting, count: int) -> dict[str, Any]:
    begun, began = counting.visits, time.process_time()
    await counting.until(begun + count)
    cpu, visits = time.process_time() - began, counting.visits - begun
    return {"cpu": cpu / visits, "visits": visits}
