"""Most pages take the connection and never answer: the others must not notice.

Counted after the first sweep, in which each hung page holds a seat for three seconds.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bellbuoy import platform
from bellbuoy.app import App
from benchmarks import watching
from benchmarks.figures import Figure, Scale, apart
from benchmarks.vendors import Vendors

CASES = ((100, 60), (1000, 900))
EVERY = 5.0
"""Seconds between two polls of a page; the deadline of a visit is 20 s as by default."""


def run(scale: Scale) -> Iterator[Figure]:
    """Polls of the healthy pages in a while, with the others hung and with none hung."""
    settle, length = scale.of(75, 8), scale.of(30, 6)
    for pages, hung in CASES:
        hosts, healthy = scale.of(pages, 10), scale.of(pages - hung, 4)

        def measure(hanging: int | None, hosts: int = hosts, healthy: int = healthy) -> int:
            with Vendors("same", hosts=hosts, hanging=hanging) as vendors:
                arguments = {"urls": vendors.urls, "healthy": healthy}
                return apart(
                    "benchmarks.hung_pages", "healthy_polls", **arguments, settle=settle,
                    length=length,
                )["polls"]  # fmt: skip

        with ThreadPoolExecutor(2) as both:
            ours, baseline = both.map(measure, (healthy, None))
        yield Figure(
            what=f"polls of the other pages while {hosts - healthy} of {hosts} hang; "
            "against none hung",
            ours=f"{ours}",
            baseline=f"{baseline}",
            target=">= 0.97x",
            measured=f"{ours / baseline:.3g}x",
            holds=ours >= 0.97 * baseline,
            counts={"ours": ours, "baseline": baseline},
        )


def healthy_polls(urls: list[str], healthy: int, settle: float, length: float) -> dict[str, Any]:
    """How often the first pages are polled within `length` seconds, after `settle` seconds."""

    async def main() -> dict[str, Any]:
        counting = watching.Counting()
        with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
            config = watching.config(urls, directory, every=EVERY)
            async with App(config, observer=counting):
                await asyncio.sleep(settle)
                before = sum(counting.by_page[url] for url in urls[:healthy])
                await asyncio.sleep(length)
                return {"polls": sum(counting.by_page[url] for url in urls[:healthy]) - before}

    return platform.run(main)
