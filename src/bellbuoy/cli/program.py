"""The program: which commands there are, and how each of them may end.

Exit codes: 0 fine, or stopped by a signal, or the reader of our output went away; 1 failed;
2 usage or configuration; 3 the store; 4 another process polls with this store. `gate` says its
verdict with codes of its own: 10 degraded, 20 stop.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from bellbuoy import __version__
from bellbuoy.errors import (
    AlreadyRunningError,
    BellbuoyError,
    ConfigError,
    CursorError,
    StoreError,
)

if TYPE_CHECKING:
    from cyclopts import App

COMMANDS = (
    "watch",
    "serve",
    "status",
    "gate",
    "recognise",
    "add",
    "events",
    "explain",
    "routes",
    "receivers",
    "silence",
    "drill",
    "replay",
    "demo",
    "catalog",
    "config",
    "store",
    "workers",
)
"""Every command; each is written in the module of its name."""

_HELP = """Watch the status pages of the services you depend on.

Bellbuoy rings once for every real change. For example:

    bellbuoy watch
    bellbuoy watch github openai --json
    bellbuoy demo
"""

_EXIT_CODES = (
    (ConfigError, 2),
    (CursorError, 2),
    (StoreError, 3),
    (AlreadyRunningError, 4),
    (BellbuoyError, 1),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (that of the process by default) and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _open_what_is_closed()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        # Where the loop cannot watch signals (Windows) this is how Ctrl+C ends a command.
        return 0
    except SystemExit as ending:
        # Rich ends the process like this when standard output is closed.
        if isinstance(ending.__context__, BrokenPipeError):
            return _failed(ending.__context__)
        raise
    except Exception as error:  # noqa: BLE001 - how a command ends is decided here, once
        return _failed(error)
    return code


def program() -> "App":
    """The command line as cyclopts knows it."""
    from cyclopts import App

    app = App(
        name="bellbuoy",
        help=_HELP,
        help_format="plaintext",
        version=f"bellbuoy {__version__}",
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        help_on_error=False,
        suppress_keyboard_interrupt=False,
    )
    for name in COMMANDS:
        module = import_module(f"bellbuoy.cli.{name}")
        app.command(getattr(module, "commands", None) or getattr(module, name))
    return app


def _open_what_is_closed() -> None:
    """Let what has no reader at all (`>&-`, `2>&-`) go nowhere instead of somewhere else."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for as long as the process lives; pathlib costs more than --version
            setattr(sys, name, nowhere)


def _run(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--version"]:
        print(f"bellbuoy {__version__}")
        return 0
    from cyclopts import CycloptsError

    try:
        code = program()(list(arguments))
    except CycloptsError as error:
        raise ConfigError(f"{' '.join(str(error).split())} {_hint(arguments)}") from None
    return code if isinstance(code, int) else 0


def _hint(arguments: Sequence[str]) -> str:
    command = f"{arguments[0]} " if arguments and arguments[0] in COMMANDS else ""
    return f"See: bellbuoy {command}--help"


def _failed(error: Exception) -> int:
    """Say what ended the command, in one line for each fault, and return the exit code."""
    cause = _cause(error)
    if isinstance(cause, BrokenPipeError):
        # Python flushes standard output once more at exit; there is no one to hear it fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    from bellbuoy.cli.output import say
    from bellbuoy.text import clean_text

    for kind, code in _EXIT_CODES:
        if isinstance(cause, kind):
            for line in str(cause).splitlines() or [type(cause).__name__]:
                say(f"bellbuoy: {line}")
            return code
    if isinstance(cause, OSError):
        say(f"bellbuoy: {cause}")
        return 1
    say(clean_text("".join(traceback.format_exception(error)), 100_000))
    say(f"bellbuoy: unexpected, please report it: {type(cause).__name__}: {cause}")
    return 1


def _cause(error: BaseException) -> BaseException:
    """What a group of errors is about: the first that was raised on purpose, else the first."""
    leaves = _leaves(error)
    return next((leaf for leaf in leaves if isinstance(leaf, BellbuoyError)), leaves[0])


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
