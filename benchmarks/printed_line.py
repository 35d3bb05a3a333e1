"""From the answer that tells of a change to the printed line, in a real `bellbuoy watch`."""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Scale
from benchmarks.vendors import Vendors

EVERY = 10.0
"""Seconds between two polls of a page."""


def run(scale: Scale) -> Iterator[Figure]:
    hosts = scale.of(1000, 5)
    lags: list[float] = []
    for _ in range(min(scale.repeats, 3)):
        lags += _lags(hosts, scale.of(300, 2))
    lags.sort()
    p99 = lags[min(int(len(lags) * 0.99), len(lags) - 1)] * 1000
    yield Figure(
        what=f"from a changed answer to its printed line at {hosts} pages, p99 of {len(lags)}",
        ours=f"{p99:.0f} ms (median {lags[len(lags) // 2] * 1000:.0f})",
        baseline="",
        target="<= 100 ms",
        measured=f"{p99:.0f} ms",
        holds=p99 <= 100,
        counts={"printed": len(lags)},
    )


def _lags(hosts: int, changes: int) -> list[float]:
    """Seconds between telling and printing, of each change."""
    printed: dict[str, float] = {}
    with (
        Vendors("statuspage", hosts=hosts) as vendors,
        tempfile.TemporaryDirectory(prefix="bellbuoy-bench-") as directory,
    ):
        config = Path(directory) / "bellbuoy.yaml"
        config.write_text(json.dumps(configuration(vendors.urls, directory)))
        command = [sys.executable, "-m", "bellbuoy", "watch", "--json", "--config", str(config)]
        watching = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        reader = threading.Thread(target=_read, args=(watching, printed), daemon=True)
        reader.start()
        try:
            wait_until(lambda: len(vendors.told()["asked"]) == hosts)
            time.sleep(3)  # The last pages of the first sweep have two more questions.
            places = random.sample(range(hosts), changes)
            for place in places:
                vendors.change(place)
                time.sleep(EVERY / changes)
            wait_until(lambda: len(printed) >= changes)
        finally:
            watching.terminate()
            watching.wait(10)
            reader.join(5)
            watching.stdout.close()
        told = vendors.told()["told"]
        return [printed[vendors.urls[place]] - told[str(place)] for place in places]


def configuration(urls: list[str], directory: str) -> dict[str, object]:
    return {
        "providers": [
            {"name": f"Vendor {n}", "url": url, "format": "statuspage", "every": f"{EVERY:.0f}s"}
            for n, url in enumerate(urls)
        ],
        "http": {"allow_private": ["127.0.0.0/8"]},
        "store": f"sqlite:///{directory}/bellbuoy.db",
    }


def _read(watching: subprocess.Popen[str], printed: dict[str, float]) -> None:
    for line in watching.stdout or ():
        at = time.monotonic()
        event = json.loads(line)
        if event["type"] == "dev.bellbuoy.incident.opened.v1":
            printed.setdefault(event["data"]["page"]["url"], at)


def wait_until(is_so, within: float = 120.0) -> None:
    ends = time.monotonic() + within
    while not is_so():
        if time.monotonic() > ends:
            raise TimeoutError("not in time")
        time.sleep(0.2)
