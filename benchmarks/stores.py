"""What is written to PostgreSQL beside SQLite, on the same disk of the same machine.

A visit that taught something (known state, page and one event) while fifty others do the same,
and events recorded one by one, each answered when it is on disk.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count

from tests import postgres
from tests.stores.samples import event, incident, known, page, visit

from bellbuoy import platform
from bellbuoy.model.known import Known
from bellbuoy.stores import Store
from bellbuoy.stores.opening import open_store
from benchmarks.figures import Figure, Scale, apart, ratio, spread

AT_ONCE = 50
"""Pages that are visited at the same time."""

MOST = 5.0
"""How many times SQLite's time PostgreSQL may take: each statement is a question to a server."""


def run(scale: Scale) -> Iterator[Figure]:
    with postgres.server() as server:
        if server is None:
            raise SystemExit(postgres.WANTING)
        yield from _beside(server, scale)


def _beside(server: str, scale: Scale) -> Iterator[Figure]:
    for name, what, size in (("visits", "visits that changed", 4000), ("appends", "appends", 1000)):
        number = scale.of(size, AT_ONCE)
        ours, sqlite, worst = [], [], []
        for _ in range(min(scale.repeats, 3)):
            with tempfile.TemporaryDirectory() as folder:
                sqlite.append(_seconds(name, f"{folder}/bellbuoy.db", number)["seconds"] / number)
            with postgres.schema(server) as address:
                done = _seconds(name, address, number)
            ours.append(done["seconds"] / number)
            worst.append(done["p99"] * 1000)
        times, told = ratio(ours, sqlite)
        yield Figure(
            what=f"{what}, in PostgreSQL beside SQLite",
            ours=f"{spread([1 / each for each in ours])}/s, p99 {spread(worst, ' ms')}",
            baseline=f"{spread([1 / each for each in sqlite])}/s",
            measured=told,
            target=f"at most {MOST:g}x the time",
            holds=times <= MOST,
            counts={"written": done["written"]},
        )


def visits(address: str, number: int) -> dict[str, float]:
    """Visit pages, `AT_ONCE` at a time, each of which has an incident with a new update."""
    return platform.run(lambda: _measure(address, _visit, number, AT_ONCE))


def appends(address: str, number: int) -> dict[str, float]:
    """Record events one after the other."""
    return platform.run(lambda: _measure(address, _append, number, 1))


async def _measure(
    address: str, write: Callable[[Store, int], Awaitable[None]], number: int, at_once: int
) -> dict[str, float]:
    async with open_store(address, poller=True) as store:
        numbers, took = count(), []

        async def work() -> None:
            while (mine := next(numbers)) < number:
                began = time.monotonic()
                await write(store, mine)
                took.append(time.monotonic() - began)

        began = time.monotonic()
        await asyncio.gather(*(work() for _ in range(at_once)))
        seconds = time.monotonic() - began
        return {"seconds": seconds, "p99": _p99(took), "written": await store.last_seq()}


async def _visit(store: Store, number: int) -> None:
    of = page(f"https://{number}.example")
    before = await store.load_known(of.key)
    now: Known = known(incident(), page_key=of.key)
    await store.commit(visit(before, now, event(number, of=of), of=of))


async def _append(store: Store, number: int) -> None:
    await store.append([event(number)])


def _seconds(name: str, address: str, number: int) -> dict[str, float]:
    os.sync()
    return apart("benchmarks.stores", name, address=address, number=number)


def _p99(took: Sequence[float]) -> float:
    return sorted(took)[min(int(len(took) * 0.99), len(took) - 1)]
