"""kill -9, again and again: nothing lost, nothing twice in the log, order kept (R1 to R4, P1).

A vendor posts without end; the real process watches it, writes to a file receiver, and is killed at
random instants. In the end the log must hold every message once, and the file every one at
least once.
"""

import asyncio
import json
import os
import random
import signal
import sys
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import pytest

from bellbuoy.demo.draft import Facts, Shape
from bellbuoy.demo.render import render
from bellbuoy.model.facts import (
    Component,
    ComponentStatus,
    Impact,
    Incident,
    IncidentKind,
    IncidentStatus,
    IncidentUpdate,
)
from tests.faultd import Answer, Received, Vendor, faultd
from tests.postgres import Cluster

LIFE = ("investigating", "identified", "monitoring", "resolved")
STEP = 0.1
"""Seconds between two messages of the vendor."""

PATIENCE = 5.0
"""Seconds for which the vendor goes on posting to nobody."""


class Chatterbox:
    """A Statuspage on which a message is posted every tenth of a second, four to an incident."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.asked = 0.0
        self.ended = False
        self.posted = 0
        self.start = datetime.now(UTC).replace(microsecond=0)

    def answer(self, received: Received) -> Answer:
        """The page as it stands."""
        if self.began is None:
            self.began = self.asked = received.at
        # Nothing is posted while nobody has asked for long: on a busy machine a process may take
        # longer to start than a message stays among the last ones, and then it is no crash's doing.
        self.began += max(received.at - self.asked - PATIENCE, 0)
        self.asked = received.at
        if not self.ended:
            self.posted = int((received.at - self.began) / STEP)
        document = render(Shape.STATUSPAGE, self.facts()).get(received.path)
        if document is None:
            return Answer(404)
        etag = f'"{blake2b(document.body).hexdigest()[:16]}"'
        if received.headers.get("if-none-match") == etag:
            return Answer(304, {"ETag": etag})
        return Answer(200, {"ETag": etag, "Content-Type": "application/json"}, document.body)

    def messages(self) -> list[tuple[str, str]]:
        """Every message so far as (incident, update), in order."""
        return [(self._incident_id(n // 4), self._update_id(n)) for n in range(self.posted)]

    def facts(self) -> Facts:
        """The last 40 incidents."""
        last = (self.posted + 3) // 4
        incidents = tuple(self._incident(number) for number in range(max(last - 40, 0), last))
        return Facts(
            name="Chatterbox",
            address="https://status.chatterbox.example",
            components=(Component(id="c1", name="API", status=ComponentStatus.OPERATIONAL),),
            incidents=incidents,
            stamp=self.start + timedelta(milliseconds=self.posted),
        )

    def _incident_id(self, number: int) -> str:
        return f"i{number:011d}"

    def _update_id(self, number: int) -> str:
        return f"u{number:011d}"

    def _incident(self, number: int) -> Incident:
        first = number * 4
        updates = tuple(
            IncidentUpdate(
                id=self._update_id(place),
                status=IncidentStatus(LIFE[place - first]),
                body=f"message {place}",
                at=self.start + timedelta(milliseconds=place),
                updated_at=self.start + timedelta(milliseconds=place),
            )
            for place in range(first, min(first + 4, self.posted))
        )
        return Incident(
            id=self._incident_id(number),
            kind=IncidentKind.INCIDENT,
            title=f"Trouble {number}",
            status=updates[-1].status,
            impact=Impact.MAJOR,
            started_at=updates[0].at,
            updated_at=updates[-1].at,
            updates=updates,
        )


def _command(folder: Path, *extra: str) -> list[str]:
    return [
        sys.executable, "-m", "bellbuoy", "watch", "--json",
        "--config", str(folder / "bellbuoy.json"), "--allow-private", "127.0.0.0/8", *extra,
    ]  # fmt: skip


async def _run_and_kill(
    folder: Path, vendor: Vendor, chance: random.Random, env: dict[str, str]
) -> None:
    """Kill it at a random instant: of its start one time in five, else of its work."""
    process = await asyncio.create_subprocess_exec(
        *_command(folder),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=env,
    )
    if chance.random() < 0.2:
        await asyncio.sleep(chance.uniform(0, 1))
    else:
        await vendor.until(len(vendor.requests) + 1)
        await asyncio.sleep(chance.uniform(0, 0.5))
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()
    assert process.returncode == -signal.SIGKILL, "it was to run until it was killed"


async def _finish(folder: Path, env: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *_command(folder, "--for", "6s"), stdout=asyncio.subprocess.DEVNULL, env=env
    )
    assert await process.wait() == 0


async def _logged(folder: Path, env: dict[str, str]) -> list[dict]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bellbuoy", "events", "--json", "--after", "0",
        "--config", str(folder / "bellbuoy.json"),
        stdout=asyncio.subprocess.PIPE, env=env,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


def _told(event: dict) -> tuple[str, str]:
    return event["data"]["incident"]["id"], event["data"]["update"]["id"]


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("kind", "quick", "full"), [("sqlite", 12, 200), ("postgresql", 5, 40)], ids=str
)
async def test_p1_killed_at_random_instants_nothing_is_lost_or_doubled(
    request, tmp_path: Path, full_profile: bool, kind: str, quick: int, full: int
) -> None:
    """A few hundred kills in the full profile, a dozen or so in the quick one."""
    kills = full if full_profile else quick
    store = request.getfixturevalue("postgres_address") if kind == "postgresql" else None
    chance = random.Random(kills)
    vendor_page = Chatterbox()
    env = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    async with faultd(vendor_page.answer) as vendor:
        _configure(tmp_path, vendor, store)
        for _ in range(kills):
            await _run_and_kill(tmp_path, vendor, chance, env)
        vendor_page.ended = True
        await _finish(tmp_path, env)
    logged = [event for event in await _logged(tmp_path, env) if "incident" in event["data"]]
    _check_log(logged, vendor_page)
    _check_file(tmp_path / "out.jsonl", logged)


@pytest.mark.timeout(600)
async def test_p1_killed_at_each_call_of_the_store_nothing_is_lost_or_doubled(
    tmp_path: Path, full_profile: bool
) -> None:
    """Before and after every one of its first calls; a sample of them in the quick profile."""
    vendor_page = Chatterbox()
    env = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    async with faultd(vendor_page.answer) as vendor:
        _configure(tmp_path, vendor)
        for number in range(1, 31, 1 if full_profile else 6):
            for when in ("before", "after"):
                command = _command(tmp_path)
                at = command.index("bellbuoy")
                command[at : at + 1] = ["tests.killing", str(number), when, "--"]
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    env=env,
                )
                assert await process.wait() == -signal.SIGKILL
        vendor_page.ended = True
        await _finish(tmp_path, env)
    logged = [event for event in await _logged(tmp_path, env) if "incident" in event["data"]]
    _check_log(logged, vendor_page)
    _check_file(tmp_path / "out.jsonl", logged)


@pytest.mark.timeout(600)
async def test_m4_a_database_that_restarts_under_a_monitor_loses_and_doubles_nothing(
    tmp_path: Path, full_profile: bool, cluster: Cluster
) -> None:
    """Twenty times in the full profile: the same process goes on by itself each time."""
    vendor_page = Chatterbox()
    env = {**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    async with faultd(vendor_page.answer) as vendor:
        _configure(tmp_path, vendor, cluster.address)
        process = await asyncio.create_subprocess_exec(
            *_command(tmp_path), stdout=asyncio.subprocess.DEVNULL, env=env
        )
        for number in range(20 if full_profile else 3):
            await _looks_on(process, vendor, 10)
            await asyncio.to_thread(cluster.stop, ("fast", "immediate")[number % 2])
            await _looks_on(process, vendor, 2)
            await asyncio.to_thread(cluster.start)
        await _looks_on(process, vendor, 10)
        process.terminate()
        assert await process.wait() == 0
        vendor_page.ended = True
        await _finish(tmp_path, env)
    logged = [event for event in await _logged(tmp_path, env) if "incident" in event["data"]]
    _check_log(logged, vendor_page)
    _check_file(tmp_path / "out.jsonl", logged)


async def _looks_on(process: asyncio.subprocess.Process, vendor: Vendor, times: int) -> None:
    """Wait until it has asked so many more times; that it ends instead is a failure."""
    asked = asyncio.create_task(vendor.until(len(vendor.requests) + times))
    ended = asyncio.create_task(process.wait())
    await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
    assert process.returncode is None, f"it ended by itself with {process.returncode}"
    ended.cancel()


def _configure(folder: Path, vendor: Vendor, store: str | None = None) -> None:
    page = {
        "name": "Chatterbox",
        "url": vendor.url,
        "every": "100ms",
        "format": "statuspage",
    }
    config = {
        "providers": [page],
        "receivers": {"out": {"kind": "file", "path": str(folder / "out.jsonl")}},
        "routes": [{"to": "out", "late": True}],
        "store": store or f"sqlite:///{folder / 'bellbuoy.db'}",
    }
    (folder / "bellbuoy.json").write_text(json.dumps(config))


def _check_log(logged: list[dict], page: Chatterbox) -> None:
    seqs = [event["data"]["seq"] for event in logged]
    assert seqs == sorted(set(seqs))
    assert len({event["id"] for event in logged}) == len(logged)
    told = [_told(event) for event in logged]
    assert len(told) == len(set(told)), "a message stands twice in the log"
    first = page.messages().index(told[0])
    # At the first look an open incident is one event with the newest of its messages.
    assert set(page.messages()[first:]) == set(told)
    for incident in {incident for incident, _ in told}:
        ids = [update for one, update in told if one == incident]
        assert ids == sorted(ids)


def _check_file(path: Path, logged: list[dict]) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    arrived: dict[str, dict] = {}
    for line in lines:
        arrived.setdefault(line["id"], line)
    baseline = {event["id"] for event in logged[:1]}
    assert {event["id"] for event in logged} - baseline <= set(arrived)
    by_incident: dict[str, list[int]] = {}
    for event in arrived.values():
        if "incident" in event["data"]:
            by_incident.setdefault(event["data"]["incident"]["id"], []).append(event["data"]["seq"])
    assert all(seqs == sorted(seqs) for seqs in by_incident.values())
