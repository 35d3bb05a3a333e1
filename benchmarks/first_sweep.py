"""The first look at 5,000 Statuspage pages, each with 50 incidents, on one core."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bellbuoy.app import App
from bellbuoy.platform import max_rss_bytes
from benchmarks import watching
from benchmarks.figures import Figure, Scale, apart
from benchmarks.vendors import Vendors


def run(scale: Scale) -> Iterator[Figure]:
    hosts = scale.of(5000, 5)
    with Vendors("statuspage", hosts=hosts) as vendors:
        found = apart("benchmarks.first_sweep", "sweep", urls=vendors.urls)
    counts = {"pages": found["pages"], "fine": found["fine"], "known": found["known"]}
    yield Figure(
        what=f"first sweep of {hosts} pages on one core, three questions each",
        ours=f"{found['seconds']:.0f} s ({found['cpu']:.0f} s of CPU)",
        baseline="",
        target="<= 60 s",
        measured=f"{found['seconds']:.0f} s",
        holds=found["seconds"] <= 60 and found["fine"] == hosts,
        counts=counts,
    )
    each = found["bytes"] / hosts / 1024
    yield Figure(
        what="resident memory of each of these pages, 50 known incidents each",
        ours=f"{each:.1f} KB (at most {found['peak'] / hosts / 1024:.1f})",
        baseline=f"{found['empty'] / 1024 / 1024:.0f} MB with one page",
        target="<= 15 KB",
        measured=f"{each:.1f} KB",
        holds=each <= 15,
        counts=counts,
    )


def sweep(urls: list[str]) -> dict[str, Any]:
    """Seconds and resident bytes of the first sweep, above a process that watches one page."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    async def nothing(_: App, __: Any) -> dict[str, Any]:
        return {}

    watching.watch(urls[:1], nothing, format="statuspage", every=60.0, budgeted=True)
    empty = _resident()
    began, cpu_began = time.monotonic(), time.process_time()

    async def measure(app: App, _: Any) -> dict[str, Any]:
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu_began
        await asyncio.sleep(5)
        resident = _resident()
        standing = app.standing()
        known = await app.store.load_known(urls[-1])
        return {
            "seconds": seconds,
            "cpu": cpu,
            "bytes": resident - empty,
            "peak": max_rss_bytes() - empty,
            "empty": empty,
            "pages": standing.pages,
            "fine": standing.fine,
            "known": len(known.incidents),
        }

    return watching.watch(urls, measure, format="statuspage", every=60.0, budgeted=True)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
