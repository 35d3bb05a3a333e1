"""What a dashboard asks of a long log: its newest events, and those in which words stand."""

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from bellbuoy.stores.opening import open_store
from benchmarks import lives
from benchmarks.figures import Figure, Scale, apart, ratio, spread

AT_ONCE = 50
"""Events in a page of results."""

LONGEST = 20.0
"""Milliseconds that a page of events may take."""

LONGEST_SEARCH = 1000.0
"""Milliseconds that a search may take."""

TIMES = 20
"""How often each question is asked in a process, each time at another place of the log."""

PLAIN = "SELECT seq, facts FROM event WHERE seq < ? ORDER BY seq DESC LIMIT ?"


def run(scale: Scale) -> Iterator[Figure]:
    events = scale.of(1_000_000, 200)
    with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
        place = str(Path(directory) / "bellbuoy.db")
        apart("benchmarks.event_page", "filled", place=place, count=events)
        some = [
            apart("benchmarks.event_page", "asked", place=place, count=events)
            for _ in range(scale.repeats)
        ]
    plain = [one["plain"] for one in some]
    questions = {
        "latest": (f"a page of {AT_ONCE} events", LONGEST),
        "of page": (f"{AT_ONCE} events of one of {lives.PROVIDERS} pages", LONGEST),
        "common": ("a search for a word that is in every event", LONGEST_SEARCH),
        "rare": ("a search for a word that is in five events", LONGEST_SEARCH),
    }
    for name, (what, longest) in questions.items():
        ours = [one[name] for one in some]
        yield Figure(
            what=f"{what}, from a log of {events:,}; against a plain SELECT ... LIMIT {AT_ONCE}",
            ours=f"{spread(ours)} ms",
            baseline=f"{median(plain):.3g} ms",
            target=f"<= {longest:.0f} ms",
            measured=ratio(ours, plain)[1],
            holds=median(ours) <= longest,
            counts={"events": events, "found": some[0]["found"][name]},
        )


def filled(place: str, count: int) -> None:
    """Make a log of so many events."""

    async def main() -> None:
        async with open_store(place, poller=True) as store:
            waiting = lives.events(count)
            while some := list(islice(waiting, 1000)):
                await store.append(some)

    asyncio.run(main())


def asked(place: str, count: int) -> dict[str, Any]:
    """Median milliseconds of each question and of the baseline, in turns over the same places."""

    async def main() -> dict[str, Any]:
        took: dict[str, list[float]] = {"plain": []}
        found: dict[str, int] = {}
        rng = random.Random(1)
        async with open_store(place) as store:
            (middle,) = await store.read_events(after=count // 2, limit=1)
            rare = middle.incident.title if middle.incident else ""
            questions = {
                "latest": lambda at: store.latest_events(before=at),
                "of page": lambda at: store.latest_events(before=at, page=middle.page.key),
                "common": lambda at: store.search_events("requests", before=at),
                "rare": lambda _: store.search_events(rare),
            }
            with closing(sqlite3.connect(place)) as connection:
                for _ in range(TIMES):
                    at = rng.randrange(count // 2, count + 2)
                    began = time.perf_counter()
                    connection.execute(PLAIN, (at, AT_ONCE)).fetchall()
                    took["plain"].append(time.perf_counter() - began)
                    for name, question in questions.items():
                        began = time.perf_counter()
                        found[name] = len(await question(at))
                        took.setdefault(name, []).append(time.perf_counter() - began)
        return {name: median(each) * 1000 for name, each in took.items()} | {"found": found}

    return asyncio.run(main())
