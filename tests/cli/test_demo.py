"""`bellbuoy demo` as a real process: it ends by itself and says the same each time."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bellbuoy.events import EventKind


async def demo(*options: str, folder: Path) -> list[dict[str, Any]]:
    """The events that one run prints; its temporary files go into `folder`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bellbuoy", "demo", "--json", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"TMPDIR": str(folder), "PATH": "", "HOME": str(folder)},
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


async def test_two_runs_of_one_seed_say_the_same_and_leave_nothing_behind(tmp_path: Path) -> None:
    """Side by side, so each is disturbed by the other; and every kind of life is announced."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    runs = await asyncio.gather(
        demo("--for", "5s", "--seed", "7", folder=first),
        demo("--for", "8s", "--seed", "7", folder=second),
    )
    assert facts(runs[0]) == facts(runs[1])
    assert list(first.iterdir()) == list(second.iterdir()) == []
    said = {event["type"] for event in runs[0]}
    assert {f"dev.bellbuoy.{kind}.v1" for kind in EXPECTED} == said


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
