"""Ours: the whole monitor, with its store on disk, over pages of pretend vendors."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bellbuoy import app as composition
from bellbuoy.app import App
from bellbuoy.config import Config, Watched
from bellbuoy.formats import statuspage
from bellbuoy.http import HttpSettings
from bellbuoy.model.facts import Page, Provider
from bellbuoy.observer import Observer, VisitDone
from bellbuoy.platform import run

# A vendor's front is spared by a budget; here it would measure only our patience.
UNBUDGETED = SimpleNamespace(
    api_version=statuspage.api_version,
    NAME=statuspage.NAME,
    PLATFORM=None,
    PROBES=statuspage.PROBES,
    claims=statuspage.claims,
    read=statuspage.read,
)


class Counting(Observer):
    """Counts visits by outcome and by page; `until` waits for a number of them."""

    def __init__(self) -> None:
        self.visits = 0
        self.outcomes: Counter[str] = Counter()
        self.by_page: Counter[str] = Counter()
        self._wanted = 0
        self._reached = asyncio.Event()

    def visit_done(self, details: VisitDone) -> None:
        self.visits += 1
        self.outcomes[details.outcome] += 1
        self.by_page[details.page_key] += 1
        if self.visits == self._wanted:
            self._reached.set()

    async def until(self, visits: int) -> None:
        self._wanted = visits
        if self.visits < visits:
            self._reached.clear()
            await self._reached.wait()


def config(
    urls: Sequence[str],
    directory: str,
    *,
    every: float,
    format: str = "feed",
    budgeted: bool = False,
    **http: Any,
) -> Config:
    """A configuration that watches these addresses, with its store in `directory`."""
    pages = (
        Page(
            key=url,
            url=url,
            provider=Provider(slug=f"vendor{n}", name=f"Vendor {n}"),
            format=format,
            every=every,
            every_is_explicit=True,
        )
        for n, url in enumerate(urls)
    )
    return Config(
        watched=tuple(Watched(page=page) for page in pages),
        http=HttpSettings(allow_private=("127.0.0.0/8",), **http),
        store=f"sqlite:///{Path(directory) / 'bellbuoy.db'}",
        formats={} if budgeted else {"statuspage": UNBUDGETED},  # type: ignore[dict-item]
    )


def polls(
    urls: list[str],
    count: int,
    *,
    format: str = "feed",
    ca_file: str | None = None,
    every: float = 0.001,
) -> dict[str, Any]:
    """CPU seconds of a poll, as fast as polls can be made, after the first sweep.

    The states of all pages are written once in each sweep, as they are each minute at a
    poll a minute.
    """

    async def measure(app: App, counting: Counting) -> dict[str, Any]:
        sweeps = max(count // len(urls), 1)
        before = Counter(counting.outcomes)
        begun, began = counting.visits, time.process_time()
        for sweep in range(sweeps):
            await counting.until(begun + (sweep + 1) * len(urls))
            await app._rounds.flush()  # noqa: SLF001 - once a minute by itself
        cpu, visits = time.process_time() - began, counting.visits - begun
        outcomes = counting.outcomes - before
        return {"cpu": cpu / visits, "visits": visits, "outcomes": outcomes}

    return watch(urls, measure, format=format, every=every, ca_file=ca_file)


def watch(
    urls: Sequence[str],
    measure: Callable[[App, Counting], Awaitable[dict[str, Any]]],
    **options: Any,
) -> dict[str, Any]:
    """Run the monitor; once every page was looked at, `measure` it."""
    composition.FLUSH_EVERY = 1e9

    async def main() -> dict[str, Any]:
        counting = Counting()
        with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
            async with App(config(urls, directory, **options), observer=counting) as app:
                await app.first_sweep()
                return await measure(app, counting)

    return run(main)
