"""A poll that changes nothing writes nothing: counted in the database's own write-ahead log."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from msgspec.structs import replace

from bellbuoy.app import App
from bellbuoy.observer import Observer, VisitDone
from tests.fleet.wal import QUIET, Wal
from tests.polling.scripted import ScriptedNetwork, config, page
from tests.postgres import Cluster

PAGES = 50
POLLS = 10_000


class Counting(Observer):
    """Counts visits; `until` waits for so many more."""

    def __init__(self) -> None:
        self.visits = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    def visit_done(self, details: VisitDone) -> None:
        """Count it."""
        self.visits += 1
        if self.visits == self._wanted:
            self._reached.set()

    async def until(self, more: int) -> None:
        """Return when there were so many more."""
        self._reached.clear()
        self._wanted = self.visits + more
        await self._reached.wait()


@pytest.fixture
def wal(cluster: Cluster) -> Iterator[Wal]:
    """The log of a server that writes nothing of its own accord."""
    cluster.stop()
    cluster.start(*QUIET)
    try:
        log = Wal(cluster.address)
    except psycopg.errors.UndefinedFile:
        pytest.skip("PostgreSQL's pg_walinspect is not installed (postgresql-contrib)")
    yield log
    log.close()


async def test_a_poll_that_changes_nothing_writes_nothing(cluster: Cluster, wal: Wal):
    """Ten thousand polls: the signs of life of the worker, and not a byte beside them.

    The minute's batch then writes each page once, however often it was polled.
    """
    pages = [page(number, every=0.01) for number in range(PAGES)]
    counting, settings = Counting(), replace(config(*pages), store=cluster.address)
    network = ScriptedNetwork(lambda url, time: b'{"complete":["open incidents"]}')
    async with App(settings, network=network, observer=counting) as app:
        await app.first_sweep()
        await counting.until(10 * PAGES)
        await app._rounds.flush()
        wal.skip()
        await counting.until(POLLS)
        polled = wal.read()
        await app._rounds.flush()
        kept = wal.read()
    assert set(polled) <= {"worker", "Transaction"}
    assert {"lease", "page"} <= set(kept) <= {"lease", "page", "log", "worker", "Transaction"}
    assert kept["page"] < 1000 * PAGES
