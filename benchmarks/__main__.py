"""Measure everything and print the table: `python -m benchmarks [ROW...] [--repeats N]`."""

import argparse
import platform
import sys
from importlib import import_module

from benchmarks.figures import Figure, Scale

ROWS = (
    "not_modified",
    "same_feed",
    "new_tls",
    "same_history",
    "formats",
    "first_sweep",
    "hung_pages",
    "printed_line",
    "routing",
    "delivery",
    "brokers",
    "sse",
    "serve",
    "metrics",
    "event_page",
    "board",
    "stores",
    "fleet",
    "start",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="only these")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement")
    parser.add_argument("--size", type=float, default=1.0, help="0.1 is a tenth of everything")
    wanted = parser.parse_args()
    scale = Scale(repeats=wanted.repeats, size=wanted.size)
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    print("| what | ours | baseline | ratio or value | target | |\n|---|---|---|---|---|---|")
    missed = 0
    for name in wanted.rows or ROWS:
        for figure in import_module(f"benchmarks.{name}").run(scale):
            print(_line(figure), flush=True)
            missed += not figure.holds
    return 1 if missed else 0


def _line(figure: Figure) -> str:
    verdict = "holds" if figure.holds else "MISSED"
    cells = (figure.what, figure.ours, figure.baseline, figure.measured, figure.target, verdict)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
