"""M5: workers on machines whose clocks are twenty minutes apart."""

import time
from pathlib import Path

import pytest

from tests.fleet import judging
from tests.fleet.harness import Fleet
from tests.fleet.judging import Tenures
from tests.fleet.script import Plan
from tests.fleet.test_workers import AGAIN, judge, retire, settle
from tests.postgres import Cluster
from tests.test_clock import faketime

RENEWALS = 12.0
"""Seconds in which every worker shows at least two signs of life."""


@pytest.mark.timeout(400)
def test_m5_only_the_clock_of_the_database_decides_who_is_alive(tmp_path: Path, cluster: Cluster):
    """Nobody takes over from the living, all from the dead, and what is due is not delayed."""
    plan = Plan(hosts=40, pages=120, lives=40, seconds=15)
    with Fleet(tmp_path, cluster.address, plan, every="2s") as fleet:
        processes = [
            fleet.join(name, env=faketime(clock))
            for name, clock in (("early", "-10m"), ("right", "+0"), ("late", "+10m"))
        ]
        fleet.until_working(*processes, within=60)
        fleet.until_known(within=60)
        fleet.vendors.begin()
        calm_from = time.time()
        fleet.until(lambda: time.time() > calm_from + RENEWALS, within=2 * RENEWALS)
        killed_at = time.time()
        processes[1].kill()
        fleet.until_polled(since=killed_at, within=AGAIN)
        settle(fleet)
        retire(fleet)
        tenures = Tenures(fleet.audit())
        assert tenures.changes(calm_from + RENEWALS / 2, killed_at) == 0
        assert judging.longest_unpolled(fleet.vendors.polls(), plan, killed_at) <= AGAIN
        judge(fleet)
