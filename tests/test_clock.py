"""The machine's clock is set while the real process watches (T2, in real time)."""

import asyncio
import json
import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.pages import incident, summary
from tests.event_schema import valid_wire
from tests.faultd import Answer, Received, faultd


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed (Debian's package faketime)")
    return found[0]


def faketime(clock: str) -> dict[str, str]:
    """What to add to the environment of a process whose clock is so much off: `-10m`."""
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME": clock,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


async def test_t2_a_clock_set_forward_and_back_makes_no_storm_and_no_stall(tmp_path: Path) -> None:
    """An hour forward, two hours back: the looks go on evenly, and the news comes once."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    pages = {"quiet": summary(), "trouble": summary(incident())}
    shown = "quiet"

    def answer(received: Received) -> Answer:
        if received.path != "/api/v2/summary.json":
            return Answer(404)
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(pages[shown]).encode())

    async with faultd(answer) as vendor:
        config = tmp_path / "bellbuoy.json"
        page = {"name": "Acme", "url": vendor.url, "format": "statuspage", "every": "500ms"}
        config.write_text(json.dumps({"providers": [page]}))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bellbuoy", "watch", "--json", "--for", "9s",
            "--config", str(config), "--store", str(tmp_path / "s.db"),
            "--allow-private", "127.0.0.0/8",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "LD_PRELOAD": str(_library()),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
        )  # fmt: skip
        await vendor.until(3)
        clock.write_text("+1h")
        await asyncio.sleep(2)
        clock.write_text("-1h")
        await asyncio.sleep(2)
        shown = "trouble"
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    printed = [valid_wire(json.loads(line)) for line in out.splitlines()]
    assert [event["type"] for event in printed] == ["dev.bellbuoy.incident.opened.v1"]
    faces = [one.at for one in vendor.requests if one.path == "/api/v2/summary.json"]
    assert 9 <= len(faces) <= 30
    assert max(late - early for early, late in pairwise(faces)) < 3
