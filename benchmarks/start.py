"""Starting: `bellbuoy --version`, and the first request of `watch`."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Scale, spread
from benchmarks.printed_line import configuration, wait_until
from benchmarks.vendors import Vendors


def run(scale: Scale) -> Iterator[Figure]:
    ours, bare, first = [], [], []
    for _ in range(scale.repeats):
        bare.append(_cpu([sys.executable, "-c", "pass"]))
        ours.append(_cpu([sys.executable, "-m", "bellbuoy", "--version"]))
        first.append(_first_request())
    median = sorted(ours)[len(ours) // 2] * 1000
    yield Figure(
        what="CPU of bellbuoy --version; against python -c pass",
        ours=f"{median:.0f} ms",
        baseline=f"{sorted(bare)[len(bare) // 2] * 1000:.0f} ms",
        target="<= 150 ms",
        measured=f"{spread([one * 1000 for one in ours])} ms",
        holds=median <= 150,
        counts={"runs": len(ours)},
    )
    slowest = sorted(first)[len(first) // 2]
    yield Figure(
        what="from the start of watch with 5 pages to its first request",
        ours=f"{slowest:.2f} s",
        baseline="",
        target="<= 1.5 s",
        measured=f"{spread(first)} s",
        holds=slowest <= 1.5,
        counts={"requests": len(first)},
    )


def _cpu(command: list[str]) -> float:
    """User and system seconds of a process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} failed")
    return usage.ru_utime + usage.ru_stime


def _first_request() -> float:
    with (
        Vendors("statuspage", hosts=5) as vendors,
        tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory,
    ):
        config = Path(directory) / "bellbuoy.yaml"
        config.write_text(json.dumps(configuration(vendors.urls, directory)))
        command = [sys.executable, "-m", "bellbuoy", "watch", "--config", str(config)]
        began = time.monotonic()
        watching = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: vendors.told()["asked"])
            return min(vendors.told()["asked"].values()) - began
        finally:
            watching.terminate()
            watching.wait(10)
