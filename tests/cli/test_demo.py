"""`bellbuoy demo` as a real process: it ends by itself and says the same each time."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bellbuoy.demo.world import World
from bellbuoy.events import EventKind
from bellbuoy.model.facts import Incident, IncidentStatus

EXPECTED = (
    EventKind.INCIDENT_OPENED,
    EventKind.INCIDENT_UPDATED,
    EventKind.INCIDENT_RESOLVED,
    EventKind.INCIDENT_REOPENED,
    EventKind.INCIDENT_EDITED,
    EventKind.INCIDENT_CHANGED,
    EventKind.MAINTENANCE_SCHEDULED,
    EventKind.MAINTENANCE_STARTED,
    EventKind.MAINTENANCE_UPDATED,
    EventKind.MAINTENANCE_COMPLETED,
    EventKind.COMPONENT_CHANGED,
)


async def demo(*options: str, folder: Path) -> list[dict[str, Any]]:
    """The events that one run prints; its temporary files go into `folder`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bellbuoy", "demo", "--json", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


def facts(events: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What must be the same in every run of one seed."""
    return sorted(
        (
            event["data"]["page"]["key"],
            event["type"],
            event["data"].get("incident", {}).get("id", ""),
            event["data"].get("update", {}).get("id", ""),
            event["data"].get("incident", {}).get("status", ""),
        )
        for event in events
    )


def told(events: Sequence[dict[str, Any]]) -> Mapping[tuple[str, str], list[str]]:
    """The statuses of each incident's updates in the order in which they were announced."""
    lives: dict[tuple[str, str], list[str]] = {}
    for event in events:
        data = event["data"]
        if "update" in data and ".edited." not in event["type"]:
            life = lives.setdefault((data["page"]["key"], data["incident"]["id"]), [])
            life.append(data["update"]["status"])
    return lives


def lived(world: World) -> Mapping[tuple[str, str], list[str]]:
    """What a reader who begins at the world's beginning must be told: each update once."""
    lives: dict[tuple[str, str], list[str]] = {}
    for vendor in world.vendors:
        known = {incident.id: incident for incident in vendor.steps[0].facts.incidents}
        for incident in vendor.steps[-1].facts.incidents:
            begin = first_told(known.get(incident.id))
            life = [update.status.value for update in incident.updates[begin:]]
            if life:
                lives[vendor.address, incident.id] = life
    return lives


def first_told(known: Incident | None) -> int:
    """The place of the first update that is told of an incident, by how it stood at first."""
    if known is None:
        return 0
    is_silent = not known.is_open or known.status is IncidentStatus.SCHEDULED
    return len(known.updates) - (0 if is_silent else 1)


async def test_two_runs_of_one_seed_say_the_same_and_leave_nothing_behind(tmp_path: Path) -> None:
    """Side by side, so each is disturbed by the other; nothing is lost, twice or out of order."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    runs = await asyncio.gather(
        demo("--for", "5s", "--seed", "7", folder=first),
        demo("--for", "8s", "--seed", "7", folder=second),
    )
    assert facts(runs[0]) == facts(runs[1])
    assert told(runs[0]) == told(runs[1]) == lived(World(7, 5.0))
    assert {event["type"] for event in runs[0]} == {f"dev.bellbuoy.{kind}.v1" for kind in EXPECTED}
    assert list(first.iterdir()) == list(second.iterdir()) == []
