"""Write docs/commands.md anew, from what each command says with --help."""  # noqa: INP001

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from cyclopts import App
from rich.console import Console

from bellbuoy.cli.program import COMMANDS, program

PAGE = Path(__file__).parent / "commands.md"

HEAD = """\
# Commands

Every command, as it explains itself with `--help`. This page is written by `docs/paste_help.py`.

Exit codes are the same everywhere: 0 fine, or stopped by a signal, or the reader of the output
went away; 1 failed; 2 usage or configuration; 3 the store; 4 another process polls with this store.
`gate` has two more: 10 degraded, 20 stop.
`NO_COLOR` is respected.
"""

WIDTH = 100


def commands() -> list[tuple[str, ...]]:
    """Every command, those of a group behind the group."""
    return [path for name in COMMANDS for path in _below((name,), program()[name])]


def _below(path: tuple[str, ...], app: App) -> Iterator[tuple[str, ...]]:
    yield path
    for name in app:
        if not name.startswith("-"):
            yield from _below((*path, name), app[name])


def explained(command: tuple[str, ...]) -> str:
    """What a command says with --help, on a page of a fixed width and without colours."""
    text = StringIO()
    console = Console(file=text, width=WIDTH, color_system=None, force_terminal=False)
    program().help_print(list(command), console=console)
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())


def rendered() -> str:
    """The whole page."""
    sections = (
        f"## bellbuoy {' '.join(command)}\n\n```text\n{explained(command)}\n```\n"
        for command in commands()
    )
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    PAGE.write_text(rendered(), "utf-8")
