"""How long a loop keeps those waiting who are due, and a monitor that measures it on itself.

python -m tests.lag URL STORE PATH... watches the pages at these paths of a vendor until each
was read three times, and prints what it measured as one line of JSON.

What is measured is the lag that this process makes itself. A mark is due every 5 ms, whether
the loop is free or not, so that one long hold counts for each mark in it. Of the time by
which a mark is late, that is left out in which the loop's thread was ready and the system
ran something else (Linux tells: /proc/thread-self/schedstat), and it is never more than the
processor time that all threads of the process used meanwhile. So another process's load adds
nothing, and a callback that takes long, or a thread that keeps Python's lock, counts in full.
What is not seen is a wait for a disk or a socket in the loop's own thread.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from bellbuoy import platform
from bellbuoy.app import App
from bellbuoy.config import Config, Watched
from bellbuoy.formats import Formats
from bellbuoy.http import HttpSettings
from bellbuoy.model.facts import Page, Provider
from bellbuoy.observer import Observer, VisitDone
from tests.faultd import LOOPBACK

EVERY = 0.005
"""Seconds between two marks."""

LOOKS = 3
"""Visits to each page."""


def _time_in_line() -> float:
    """Seconds for which this thread was ready to run while the system ran something else."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    return 0.0


class Meter:
    """Collects the lags of the loop's marks in seconds, while `watch` runs in a task."""

    def __init__(self) -> None:
        self.lags: list[float] = []

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            used, in_line = time.process_time(), _time_in_line()
            due = time.perf_counter() + EVERY
            await asyncio.sleep(EVERY)
            late = time.perf_counter() - due
            in_line = _time_in_line() - in_line
            used = time.process_time() - used
            while late >= 0:
                self.lags.append(max(min(late - in_line, used), 0.0))
                late -= EVERY

    def lag(self, share: float) -> float:
        """The lag that this share of all marks does not exceed."""
        in_order = sorted(self.lags)
        return in_order[min(int(len(in_order) * share), len(in_order) - 1)]


class _Looks(Observer):
    """Knows when each page was looked at often enough."""

    def __init__(self, paths: list[str]) -> None:
        self.outcomes: Counter[str] = Counter()
        self.done = asyncio.Event()
        self._left = Counter(dict.fromkeys(paths, LOOKS))

    def visit_done(self, visit: VisitDone) -> None:
        self.outcomes[visit.outcome] += 1
        self._left[visit.provider] -= 1
        if max(self._left.values()) <= 0:
            self.done.set()


def _page(url: str, path: str) -> Page:
    format = "feed" if path in {"feed", "broken", "other"} else "statuspage"
    address = f"{url}/{path}"
    provider = Provider(slug=path, name=path)
    return Page(
        key=address,
        url=address,
        provider=provider,
        format=format,
        every=0.5,
        every_is_explicit=True,
    )


async def _main(url: str, store: str, paths: list[str]) -> None:
    for name in ("feed", "statuspage"):
        Formats({})[name]  # modules are loaded once in a life, and not by a large body
    looks, meter = _Looks(paths), Meter()
    config = Config(
        watched=tuple(Watched(page=_page(url, path)) for path in paths),
        http=HttpSettings(allow_private=LOOPBACK, timeout=300.0, per_host=len(paths)),
        store=store,
    )
    async with App(config, observer=looks) as app:
        watching = asyncio.create_task(meter.watch())
        await looks.done.wait()
        watching.cancel()
        recorded = await app.store.last_seq()
    measured = {"marks": len(meter.lags), "p50": meter.lag(0.5), "p99": meter.lag(0.99)}
    print(json.dumps({**measured, "outcomes": looks.outcomes, "recorded": recorded}), flush=True)


if __name__ == "__main__":
    platform.run(lambda: _main(sys.argv[1], sys.argv[2], sys.argv[3:]))
