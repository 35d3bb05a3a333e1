"""Measuring in processes of their own, and what a row of the table is."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Scale:
    """How much is measured: `repeats` times, with everything else multiplied by `size`."""

    repeats: int = 5
    size: float = 1.0

    def of(self, count: int, least: int = 1) -> int:
        """So many, at this scale."""
        return max(round(count * self.size), least)


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, ours, the baseline, and whether it holds."""

    what: str
    ours: str
    baseline: str
    target: str
    measured: str
    holds: bool
    counts: dict[str, float]
    """What a test may look at: numbers that no machine makes faster or slower."""


def apart(module: str, function: str, **arguments: Any) -> Any:
    """Call a function of a benchmark in a new process; returns its result."""
    command = [sys.executable, "-m", "benchmarks.figures", module, function]
    done = subprocess.run(
        command, input=json.dumps(arguments), stdout=subprocess.PIPE, check=True, text=True
    )
    return json.loads(done.stdout)


def ratio(ours: Sequence[float], baseline: Sequence[float]) -> tuple[float, str]:
    """The median of ours / baseline, pair by pair, and how it reads with its spread."""
    pairs = [a / b for a, b in zip(ours, baseline, strict=True)]
    return median(pairs), spread(pairs, "x")


def spread(values: Sequence[float], unit: str = "") -> str:
    """The median, and between which values it lies."""
    return f"{median(values):.3g}{unit} ({min(values):.3g} to {max(values):.3g})"


def micros(values: Sequence[float]) -> str:
    """A median time in microseconds."""
    return f"{median(values) * 1e6:.0f} µs"


if __name__ == "__main__":
    from importlib import import_module

    called = getattr(import_module(sys.argv[1]), sys.argv[2])
    print(json.dumps(called(**json.load(sys.stdin))))
