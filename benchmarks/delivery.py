"""From the log through twenty routes to five webhooks over real sockets.

Twice: as fast as it goes, and at a rate that the machine holds. In both it is counted whether
each receiver got each event, once, and each incident in its order.
"""

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from bellbuoy import platform
from bellbuoy.app import App
from bellbuoy.config import Config
from bellbuoy.events import Event, to_json
from bellbuoy.http import HttpSettings
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.notifiers import Receiver, webhook
from bellbuoy.observer import Attempted, Observer
from bellbuoy.stores.opening import open_store
from benchmarks import lives
from benchmarks.figures import Figure, Scale, apart, micros, ratio, spread
from benchmarks.receivers import Receivers

SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
AT_ONCE = 4
"""Posts on their way to a receiver at once, as with us."""

RATE = 100.0
"""Events recorded in a second where the time to arrival is measured."""

APPENDED = 500
"""Events recorded in one transaction where it goes as fast as it can."""

WHOLE = "none lost, none twice, in order"

Arrivals = list[list[tuple[str, float]]]


def run(scale: Scale) -> Iterator[Figure]:
    repeats = min(scale.repeats, 3)
    yield _fast(scale.of(10_000, 100), repeats)
    yield from _steady(scale.of(2000, 100), repeats)


def _fast(events: int, repeats: int) -> Figure:
    ours, plain, grown, cpu = [], [], [], []
    counts: Counter[str] = Counter()
    for _ in range(repeats):
        with Receivers(len(lives.RECEIVERS)) as receivers:
            posted = apart("benchmarks.delivery", "posted", urls=receivers.urls, count=events)
            plain.append(_seconds(posted["began"], receivers.arrived()))
            done = apart("benchmarks.delivery", "delivered", urls=receivers.urls, count=events)
            arrived = receivers.arrived()
        ours.append(_seconds(done["began"], arrived))
        grown.append(done["grown"] / 2**20)
        cpu.append(done["cpu"] / events / len(lives.RECEIVERS))
        counts.update(_judged(events, arrived))
    _, measured = ratio(ours, plain)
    return Figure(
        what=f"{events:,} events through 20 routes to 5 webhooks: events per second (CPU "
        f"{micros(cpu)} a delivery, memory +{spread(grown)} MB); "
        "time against an aiohttp loop that posts the same bodies",
        ours=f"{events / median(ours):.0f}/s",
        baseline=f"{events / median(plain):.0f}/s",
        target=WHOLE,
        measured=measured,
        holds=_is_whole(counts),
        counts=dict(counts),
    )


def _steady(events: int, repeats: int) -> Iterator[Figure]:
    plain, ours, beside = ({0.5: [], 0.99: []} for _ in range(3))
    counts: Counter[str] = Counter()
    grown: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(repeats):
        _add_lags(plain, *_at_a_rate("posted", events))
        for hangs, lags in ((False, ours), (True, beside)):
            done, arrived = _at_a_rate("delivered", events, 1 if hangs else 0)
            _add_lags(lags, done, arrived)
            grown[hangs].append(done["grown"] / 2**20)
            counts.update(_judged(events, arrived))
    bare = "against aiohttp without a store"
    way = f"from commit to arrival at 5 webhooks, {RATE:.0f} events a second"
    hung = f"a fifth hangs (memory +{spread(grown[True])} MB)"
    unhung = f"against none hung (+{spread(grown[False])} MB)"
    pairs = (
        (f"{way}, median; {bare}", ours[0.5], plain[0.5]),
        (f"{way}, p99; {bare}", ours[0.99], plain[0.99]),
        (f"the same p99 of 4 webhooks while {hung}; {unhung}", beside[0.99], ours[0.99]),
    )
    for what, lags, baseline in pairs:
        yield Figure(
            what=what,
            ours=f"{median(lags):.3g} ms",
            baseline=f"{median(baseline):.3g} ms",
            target=WHOLE,
            measured=ratio(lags, baseline)[1],
            holds=_is_whole(counts),
            counts=dict(counts),
        )


def _at_a_rate(function: str, events: int, hanging: int = 0) -> tuple[dict[str, Any], Arrivals]:
    """What a function of this module returned, and the arrivals at those that do not hang."""
    count = len(lives.RECEIVERS)
    with Receivers(count, hanging=count - hanging) as receivers:
        arguments: dict[str, Any] = {"urls": receivers.urls, "count": events, "rate": RATE}
        if hanging:
            arguments["hanging"] = hanging
        done = apart("benchmarks.delivery", function, **arguments)
        return done, receivers.arrived()[: count - hanging]


def _add_lags(to: dict[float, list[float]], done: dict[str, Any], arrived: Arrivals) -> None:
    """Add the lag, in milliseconds, that each share of all deliveries does not exceed."""
    lags = sorted(at - done["committed"][id] for some in arrived for id, at in some)
    for share, values in to.items():
        values.append(lags[min(int(len(lags) * share), len(lags) - 1)] * 1000)


def _seconds(began: float, arrived: Arrivals) -> float:
    return max(at for some in arrived for _, at in some) - began


def _judged(count: int, arrived: Arrivals) -> dict[str, int]:
    """How many deliveries were lost, came twice, or came before an earlier one of their lane."""
    places = {event.id: (event.lane, n) for n, event in enumerate(lives.events(count))}
    deliveries = lost = twice = disordered = 0
    for some in arrived:
        distinct = {id for id, _ in some}
        deliveries += len(some)
        lost += len(places.keys() - distinct)
        twice += len(some) - len(distinct)
        newest: dict[str, int] = {}
        for id, _ in some:
            lane, place = places[id]
            disordered += place < newest.get(lane, -1)
            newest[lane] = max(place, newest.get(lane, -1))
    return {"deliveries": deliveries, "lost": lost, "twice": twice, "disordered": disordered}


def _is_whole(counts: dict[str, int]) -> bool:
    return not (counts["lost"] or counts["twice"] or counts["disordered"])


class Settled(Observer):
    """Knows when so many deliveries are done."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.all = asyncio.Event()

    def attempted(self, details: Attempted) -> None:
        self._wanted -= details.delivery.status is DeliveryStatus.DONE
        if not self._wanted:
            self.all.set()


def delivered(
    urls: list[str], count: int, rate: float | None = None, hanging: int = 0
) -> dict[str, Any]:
    """Record events in a running monitor, at a rate or as fast as it goes, until all are settled.

    The last `hanging` receivers never answer, so that nothing of theirs is waited for.
    `began` and `committed` (by the event's id) are seconds of the system's monotonic clock.
    """

    async def main() -> dict[str, Any]:
        settled = Settled(count * (len(urls) - hanging))
        with tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory:
            config = _config(urls, directory)
            async with (
                open_store(config.store, poller=True) as store,
                App(config, store=store, observer=settled),
            ):
                began, cpu, before = time.monotonic(), time.process_time(), _resident()
                if rate is None:
                    committed: dict[str, float] = {}
                    waiting = lives.events(count)
                    while some := list(islice(waiting, APPENDED)):
                        await store.append(some)
                else:
                    committed = await _at(rate, count, store.append)
                await settled.all.wait()
                return {
                    "began": began,
                    "committed": committed,
                    "cpu": time.process_time() - cpu,
                    "grown": _resident() - before,
                }

    return platform.run(main)


def posted(urls: list[str], count: int, rate: float | None = None) -> dict[str, Any]:
    """The baseline: the same bodies to each receiver, at once or at a rate, and nothing kept."""

    async def main() -> dict[str, Any]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            seats = {url: asyncio.Semaphore(AT_ONCE) for url in urls}

            async def post(url: str, id: str, body: bytes) -> None:
                headers = {"webhook-id": id, "content-type": "application/cloudevents+json"}
                async with seats[url], session.post(url, data=body, headers=headers) as response:
                    await response.read()

            async def take(url: str, mine: Iterator[tuple[str, bytes]]) -> None:
                for id, body in mine:
                    await post(url, id, body)

            async def spread_out(some: list[Event]) -> None:
                for event in some:
                    body = to_json(event)
                    waiting.update(asyncio.create_task(post(url, event.id, body)) for url in urls)

            waiting: set[asyncio.Task[None]] = set()
            if rate is not None:
                committed = await _at(rate, count, spread_out)
                await asyncio.gather(*waiting)
                return {"committed": committed}
            bodies = [(event.id, to_json(event)) for event in lives.events(count)]
            began = time.monotonic()
            queues = [(url, iter(bodies)) for url in urls]
            await asyncio.gather(*(take(*each) for each in queues for _ in range(AT_ONCE)))
            return {"began": began}

    return platform.run(main)


async def _at(rate: float, count: int, record: Any) -> dict[str, float]:
    """Record one event after the other at a rate; when each was."""
    committed: dict[str, float] = {}
    began = time.monotonic()
    for n, event in enumerate(lives.events(count)):
        await asyncio.sleep(max(began + n / rate - time.monotonic(), 0))
        await record([event])
        committed[event.id] = time.monotonic()
    return committed


def _config(urls: list[str], directory: str) -> Config:
    settings = [webhook.Settings(url=url, secret=SECRET) for url in urls]
    return Config(
        watched=(),
        receivers=tuple(
            Receiver(name=name, kind="webhook", settings=each)
            for name, each in zip(lives.RECEIVERS, settings, strict=True)
        ),
        routes=lives.routes(),
        needs=lives.LANDSCAPE.needs,
        categories=lives.LANDSCAPE.categories,
        http=HttpSettings(),
        store=f"sqlite:///{Path(directory) / 'bellbuoy.db'}",
    )


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
