"""Many workers over one PostgreSQL: what a poll costs, how soon others take over, what is written.

The server is one of our own, with `fsync` off: what is measured is the work, not this disk.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct, structs
from tests import postgres
from tests.fleet.harness import Fleet
from tests.fleet.script import Plan
from tests.fleet.wal import QUIET, Wal
from tests.polling import scripted

from bellbuoy import app as composition
from bellbuoy import platform
from bellbuoy.app import App
from bellbuoy.model.leases import Role
from benchmarks import watching
from benchmarks.figures import Figure, Scale, apart, micros, ratio, spread
from benchmarks.vendors import Vendors
from benchmarks.watching import Counting

WORKERS = (1, 2, 4)
MOST = 1.3
"""How many times SQLite's CPU a poll may cost a worker."""

LINEAR = 1.2
"""How many times the CPU of one worker's poll the poll of many may cost each of them."""

_AGAIN = 30.0
_SAMPLED = 0.25


class Polled(Struct, frozen=True):
    """A stretch in which all workers polled: seconds of CPU a poll, theirs and the server's."""

    rate: float
    cpu: float
    server: float


def run(scale: Scale) -> Iterator[Figure]:
    binaries = postgres.programs()
    if binaries is None:
        raise SystemExit(postgres.WANTING)
    yield from _polling(scale, binaries)
    yield from _taking_over(scale, binaries)
    yield from _writing(scale, binaries)


def _polling(scale: Scale, binaries: Path) -> Iterator[Figure]:
    pages, repeats = scale.of(10_000, 100), min(scale.repeats, 3)
    seconds = max(10.0 * scale.size, 0.5)
    numbers = [count for count in WORKERS if count <= max(4 * scale.size, 2)]
    polled: dict[int, list[Polled]] = {count: [] for count in (0, *numbers)}
    hosts = scale.of(500, 10)
    for _ in range(repeats):
        with Vendors("brief", hosts=hosts) as vendors:
            urls = [f"{vendors.urls[n % hosts]}/p{n}" for n in range(pages)]
            for count, runs in polled.items():
                runs.append(_poll(urls, count, seconds, binaries))
    alone = [each.cpu for each in polled[0]]
    for count in numbers:
        mine = polled[count]
        one = [each.cpu for each in polled[1]]
        against, most = (alone, MOST) if count == 1 else (one, LINEAR)
        value, measured = ratio([each.cpu for each in mine], against)
        server = micros([each.server for each in mine])
        rates = spread([each.rate for each in mine])
        yield Figure(
            what=f"{pages:,} pages on {hosts} hosts, {count} worker"
            f"{'s' if count > 1 else ''} over PostgreSQL: polls a second (the server's CPU "
            f"{server} a poll); CPU per poll against {'SQLite' if count == 1 else 'one worker'}",
            ours=f"{rates}/s, {micros([each.cpu for each in mine])}",
            baseline=f"{spread([e.rate for e in polled[0]])}/s, {micros(alone)}"
            if count == 1
            else micros(one),
            measured=measured,
            target=f"<= {most:g}x",
            holds=value <= most,
            counts={"workers": count, "polls": min(each.rate for each in mine)},
        )


def _poll(urls: list[str], workers: int, seconds: float, binaries: Path) -> Polled:
    """Poll with so many workers; with none, one process over SQLite."""
    if not workers:
        with TemporaryDirectory(prefix="bellbuoy-bench-") as folder:
            return _polls_of(urls, f"sqlite:///{folder}/bellbuoy.db", 1, seconds, lambda: 0.0)
    with postgres.cluster(binaries) as own:
        own.start()
        return _polls_of(urls, own.address, workers, seconds, lambda: _cpu_of(own))


def _polls_of(urls: list[str], store: str, workers: int, seconds: float, server: Any) -> Polled:
    arguments = {"urls": urls, "store": store, "workers": workers, "seconds": seconds}
    with (
        TemporaryDirectory(prefix="bellbuoy-bench-") as meeting,
        ThreadPoolExecutor(workers) as threads,
    ):
        runs = [
            threads.submit(apart, "benchmarks.fleet", "polls", **arguments, meeting=meeting)
            for _ in range(workers)
        ]
        used = []
        while not all(each.done() for each in runs):
            used.append((time.monotonic(), server()))
            time.sleep(_SAMPLED)
        told = [each.result() for each in runs]
    begin = max(each["settled"] for each in told)
    end = begin + seconds
    parts = [_between(each["samples"], begin, end) for each in told]
    visits = sum(_gained(part, 2) for part in parts)
    lasted = median(_gained(part, 0) for part in parts)
    mine = _between(used, begin, end)
    return Polled(
        rate=visits / lasted,
        cpu=sum(_gained(part, 1) for part in parts) / visits,
        server=_gained(mine, 1) / visits,
    )


def _between(samples: list[Any], begin: float, end: float) -> list[Any]:
    return [each for each in samples if begin <= each[0] <= end]


def _gained(samples: list[Any], column: int) -> float:
    return samples[-1][column] - samples[0][column]


def polls(
    urls: list[str], store: str, workers: int, seconds: float, meeting: str
) -> dict[str, Any]:
    """Poll as one of so many workers, as fast as it goes, for `seconds` after all have settled.

    In the directory `meeting` each of them says that it has.

    The states of its pages are written once in each sweep. `samples` are (instant, CPU, visits)
    in seconds of the system's monotonic clock and of this process.
    """
    composition.FLUSH_EVERY = 1e9
    composition.STOP_WITHIN = 1.0

    async def main() -> dict[str, Any]:
        counting = Counting()
        with TemporaryDirectory(prefix="bellbuoy-bench-") as folder:
            config = structs.replace(watching.config(urls, folder, every=0.001), store=store)
            async with App(config, observer=counting) as app:
                flushing = asyncio.create_task(_flush(app, counting))
                await _settled(app, workers)
                _arrive(meeting)
                while _arrived(meeting) < workers:  # noqa: ASYNC110 - other processes
                    await asyncio.sleep(0.05)
                began, samples = time.monotonic(), []
                while time.monotonic() < began + seconds + 1:
                    samples.append((time.monotonic(), time.process_time(), counting.visits))
                    await asyncio.sleep(_SAMPLED)
                flushing.cancel()
        return {"settled": began, "samples": samples}

    return platform.run(main)


def _arrive(meeting: str) -> None:
    Path(meeting, str(os.getpid())).touch()


def _arrived(meeting: str) -> int:
    return sum(1 for _ in Path(meeting).iterdir())


async def _settled(app: App, workers: int) -> None:
    """Return when all are there, and each has looked at its share."""
    while True:
        await asyncio.sleep(_SAMPLED)
        taken = len(app._rounds.scheduler)  # noqa: SLF001 - what nobody else needs to know
        swept = app.looked_at() == taken > 0
        live = (await app.store.roster()).live(Role.POLL) if app.store.is_shared else (None,)
        share = len(app.config.watched) / workers
        if swept and len(live) == workers and taken < 1.5 * share + 5:
            return


async def _flush(app: App, counting: Counting) -> None:
    done = 0
    while True:
        await asyncio.sleep(0.05)
        if counting.visits - done >= max(len(app._rounds.scheduler), 1):  # noqa: SLF001
            done = counting.visits
            await app._rounds.flush()  # noqa: SLF001 - once a minute by itself


def _cpu_of(own: postgres.Cluster) -> float:
    """The CPU of a server and all its processes that live, in seconds."""
    main = int((own.data / "postmaster.pid").read_text().split()[0])
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == main or stat.parent.name == str(main):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def _taking_over(scale: Scale, binaries: Path) -> Iterator[Figure]:
    plan = Plan(hosts=scale.of(200, 10), pages=scale.of(1000, 20), lives=0, seconds=0)
    took: dict[str, list[float]] = {"joined": [], "retired": [], "killed": []}
    for _ in range(min(scale.repeats, 3)):
        with postgres.cluster(binaries) as own, TemporaryDirectory() as folder:
            own.start()
            with Fleet(Path(folder), own.address, plan, every="1s") as fleet:
                one, two = fleet.join("one"), fleet.join("two")
                fleet.until_working(one, two, within=60)
                fleet.until_known(within=60)
                began = time.time()
                three = fleet.join("three")
                fleet.until_working(three, within=60)
                took["joined"].append(time.time() - began)
                began = time.time()
                two.retire()
                took["retired"].append(fleet.until_polled(since=began, within=_AGAIN))
                began = time.time()
                three.kill()
                took["killed"].append(fleet.until_polled(since=began, within=_AGAIN))
    told = {
        "joined": "from the start of a worker to its first poll of pages that others had",
        "retired": f"from a worker's SIGTERM until each of {plan.pages:,} pages was polled again",
        "killed": f"from a worker's kill -9 until each of {plan.pages:,} pages was polled again",
    }
    for name, what in told.items():
        yield Figure(
            what=f"{what}, a poll a second",
            ours=f"{median(took[name]):.1f} s",
            baseline="",
            measured=spread(took[name], " s"),
            target=f"<= {_AGAIN:.0f} s",
            holds=max(took[name]) <= _AGAIN,
            counts={"runs": len(took[name])},
        )


def _writing(scale: Scale, binaries: Path) -> Iterator[Figure]:
    with postgres.cluster(binaries) as own:
        own.start(*QUIET)
        done = apart(
            "benchmarks.fleet",
            "written",
            address=own.address,
            pages=scale.of(1000, 50),
            polls=scale.of(50_000, 500),
        )
    unchanged = done["polled"] / done["polls"]
    yield Figure(
        what=f"WAL of a poll that changes nothing, beside the signs of life ({done['life']:.0f} "
        f"bytes each), of {done['polls']:,}; baseline: what the minute's batch writes for a page",
        ours=f"{unchanged:.3g} bytes",
        baseline=f"{done['kept'] / done['pages']:.0f} bytes",
        measured=f"{unchanged:.3g} bytes",
        target="0 bytes",
        holds=done["polled"] == 0,
        counts={"bytes": done["polled"], "polls": done["polls"]},
    )


def written(address: str, pages: int, polls: int) -> dict[str, float]:
    """What polls that change nothing write, and what then is written for each page."""
    composition.FLUSH_EVERY = 1e9

    async def main() -> dict[str, float]:
        counting = Counting()
        some = [scripted.page(number, every=0.001) for number in range(pages)]
        network = scripted.ScriptedNetwork(lambda _, __: b"{}")
        config = structs.replace(scripted.config(*some), store=address)
        async with App(config, network=network, observer=counting) as app:
            await app.first_sweep()
            await counting.until(counting.visits + 2 * pages)
            await app._rounds.flush()  # noqa: SLF001 - once a minute by itself
            wal = Wal(address)
            await counting.until(counting.visits + polls)
            polled = wal.read()
            await app._rounds.flush()  # noqa: SLF001
            kept = wal.read()
            await app._membership.renew()  # noqa: SLF001 - every 5 s by itself
            alive = wal.read()
            wal.close()
        beside = {"worker", "Transaction"}
        return {
            "polls": polls,
            "pages": pages,
            "polled": sum(size for name, size in polled.items() if name not in beside),
            "kept": sum(kept.values()),
            "life": sum(alive.values()),
        }

    return platform.run(main)
