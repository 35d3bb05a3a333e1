"""M1, M2, M4: real workers over a real PostgreSQL that die, stand still, come and go."""

import time
from pathlib import Path

import pytest

from bellbuoy.model.leases import DISPATCHER, receiver_lease, shard_of
from tests.fleet import judging
from tests.fleet.harness import Fleet, Process
from tests.fleet.judging import Entry, Tenures
from tests.fleet.script import Plan
from tests.postgres import Cluster

AGAIN = 30.0
"""Within so many seconds every page is looked at again, whatever happened to its worker."""

ON_ITS_WAY = 1.0
"""Seconds in which a request that a paused worker had begun may still come after it goes on."""


@pytest.mark.timeout(600)
def test_m1_m2_m4_workers_that_die_and_stand_still_over_a_database_that_restarts(
    tmp_path: Path, full_profile: bool, cluster: Cluster
):
    """Nothing is lost, told twice in the log, out of order, or written without a lease."""
    if full_profile:
        plan = Plan(hosts=500, pages=3000, lives=600, seconds=130)
        every, pause, restarts = "5s", 60.0, 20
    else:
        plan = Plan(hosts=60, pages=240, lives=60, seconds=45)
        every, pause, restarts = "2s", 20.0, 3
    with Fleet(tmp_path, cluster.address, plan, every=every) as fleet:
        workers = start(fleet, "one", "two", "three")
        fleet.vendors.begin()
        killed_at = time.time()
        workers[0].kill()
        fleet.until_polled(since=killed_at, within=AGAIN)
        fleet.until_working(fleet.join("four"), within=60)
        paused_at = time.time()
        workers[1].pause()
        restart(cluster, restarts, pause)
        workers[1].resume()
        resumed_at = time.time()
        fleet.until_polled(since=resumed_at, within=AGAIN)
        settle(fleet)
        retire(fleet)
        polls, tenures = fleet.vendors.polls(), Tenures(fleet.audit())
        assert judging.longest_unpolled(polls, plan, since=killed_at) <= AGAIN
        assert judging.longest_unpolled(polls, plan, since=paused_at) <= AGAIN + restarts
        judge(fleet)
        strays = judging.polled_without_a_lease(polls, tenures, lambda page: shard(fleet, page))
        assert [
            stray
            for stray in strays
            if (stray.who, True) != ("two", resumed_at <= stray.began <= resumed_at + ON_ITS_WAY)
        ] == []


def start(fleet: Fleet, *names: str) -> list[Process]:
    """Workers that know every page."""
    processes = [fleet.join(name) for name in names]
    fleet.until_known(within=120)
    fleet.until_working(*processes, within=60)
    return processes


def restart(cluster: Cluster, times: int, within: float) -> None:
    """Restart the database so often, evenly within so many seconds, every other time by a crash."""
    began = time.time()
    for number in range(times):
        cluster.stop(("fast", "immediate")[number % 2])
        cluster.start()
        time.sleep(max(began + (number + 1) * within / times - time.time(), 0))


def settle(fleet: Fleet) -> None:
    """Return when everything was said, seen and delivered."""
    fleet.until(fleet.vendors.is_told, within=200)
    fleet.until_polled(since=time.time(), within=AGAIN)
    fleet.until(lambda: not fleet.undelivered(), within=120)


def retire(fleet: Fleet) -> None:
    """End all that live."""
    for process in fleet.processes:
        assert not process.lives or process.retire() == 0, fleet.told(process)


def judge(fleet: Fleet) -> None:
    """What must be true whatever happened."""
    logged, arrived, entries = fleet.logged(), fleet.arrived(), fleet.audit()
    assert judging.wrong_in_the_log(logged, fleet.plan) == []
    assert judging.wrong_in_deliveries(logged, arrived) == []
    assert judging.written_without_a_lease(entries, Tenures(entries), lease_of) == []
    assert judging.polled_by_two_at_once(fleet.vendors.polls()) == []


def lease_of(entry: Entry) -> str:
    """The lease under which a row is written."""
    if entry.what == "dispatcher":
        return DISPATCHER
    return receiver_lease(entry.key) if entry.what == "receiver" else shard_of(entry.key)


def shard(fleet: Fleet, page: int) -> str:
    """The lease of a page."""
    return shard_of(fleet.vendors.at(page))
