"""The house: its floors, its pure rooms, and a test for each row of the faults."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "bellbuoy"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
FORBIDDEN = next(
    frozenset(contract["forbidden_modules"])
    for contract in CONTRACTS["contracts"]
    if contract["id"] == "pure"
)
CLOCKS = frozenset(
    {"now", "today", "utcnow", "uuid4", "uuid1", "monotonic", "perf_counter", "random", "sleep"}
)
FAULTS = [
    *(f"S{number}" for number in range(1, 9)),
    *(f"C{number}" for number in range(1, 14)),
    *(f"H{number}" for number in range(1, 18)),
    *(f"X{number}" for number in range(1, 7)),
    *("T1", "T2", "T3"),
    *("P1", "P2", "P3", "P4", "P5", "P7", "P8", "P9"),
    *(f"N{number}" for number in range(1, 9)),
    *(f"J{number}" for number in range(1, 9)),
    *(f"W{number}" for number in range(1, 9)),
    *("M2", "M3", "M4", "M6", "M7"),
]
"""The rows of the list of faults that the code answers to today."""


def pure_files() -> list[Path]:
    """The files of the rooms that the contract calls pure."""
    contract = next(one for one in CONTRACTS["contracts"] if one["id"] == "pure")
    files: list[Path] = []
    for module in contract["source_modules"]:
        path = SOURCE.joinpath(*module.split(".")[1:])
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return files


def imported(node: ast.AST) -> set[str]:
    """The packages that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module.partition(".")[0]}
    return set()


def impurities(tree: ast.AST) -> list[str]:
    """What a pure room must not hold: a clock, chance, or the way to a loop, a disk or a log."""
    found: list[str] = []
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if packages := imported(node) & FORBIDDEN:
            found.append(f"line {node.lineno}: imports {', '.join(sorted(packages))}")
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names} & CLOCKS
            found += [f"line {node.lineno}: imports {name}" for name in sorted(names)]
        if isinstance(node, ast.Name) and node.id in CLOCKS and id(node) in called:
            found.append(f"line {node.lineno}: calls {node.id}()")
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            # A `now` that was handed in is a value.
            is_handed_in = isinstance(node.value, ast.Name) and node.value.id in {"record", "self"}
            if id(node) in called or not is_handed_in:
                found.append(f"line {node.lineno}: uses .{node.attr}")
    return found


@pytest.mark.parametrize("path", pure_files(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_pure_room_has_no_clock_no_chance_and_no_door(path):
    """Not even inside a function: what is pure gets its time and its bytes handed in."""
    assert impurities(ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    import time\n",
        "from asyncio import timeout\n",
        "from uuid import uuid4\n",
        "at = datetime.now(UTC)\n",
        "at = now()\n",
        "class A:\n    at: datetime = field(default_factory=datetime.utcnow)\n",
        "record.now()\n",
    ],
)
def test_what_is_not_pure_is_found(source):
    """The test above can fail."""
    assert len(impurities(ast.parse(source))) == 1


def test_imports_only_go_down_the_floors():
    """The contracts of import-linter hold."""
    pytest.importorskip("importlinter", reason="uv sync --group lint installs import-linter")
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    ran = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(CONTRACTS['contracts'])} kept, 0 broken" in ran.stdout


def test_every_room_has_its_floor():
    """A new room is put on a floor before it is used."""
    (floors,) = (one["layers"] for one in CONTRACTS["contracts"] if one["id"] == "floors")
    rooms = {room for floor in floors for room in re.split(r"\s*\|\s*", floor)}
    there = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert there - {"__init__", "__pycache__", "py"} == rooms


@pytest.mark.parametrize("row", FAULTS)
def test_every_fault_has_a_test_that_carries_its_name(row):
    """`test_h7_...` is about row H7, so that what breaks in the field is found by its row."""
    files = (ROOT / "tests").rglob("test_*.py")
    names = (name for file in files for name in re.findall(r"def (test_\w+)", file.read_text()))
    assert any(f"_{row.lower()}_" in name for name in names), f"no test carries _{row.lower()}_"
