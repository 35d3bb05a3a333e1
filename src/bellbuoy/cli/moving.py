"""Exports and imports as a person sees them: from which file, to which, and how far.

They run outside of a loop, so that a signal ends them at once, also where a pipe stands still.
"""

import gzip
import os
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from bellbuoy.cli.choice import warn_of_place
from bellbuoy.cli.output import say, write
from bellbuoy.errors import ConfigError
from bellbuoy.platform import sync_directory
from bellbuoy.stores.exported import Export
from bellbuoy.stores.exporting import Told, export
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.importing import load
from bellbuoy.stores.new_file import new_file
from bellbuoy.stores.opening import open_database

PIPE = "-"
"""The file that is standard input, or standard output."""

_STEPS = 10
"""Lines about the progress where there is no terminal, at most."""


def export_to(file: str, store: str) -> int:
    """Export a store; the exit code."""
    name = _name(file, "standard output")
    try:
        with (
            open_database(store) as database,
            _written(file) as stream,
            _progress("exported", is_aside=file == PIPE) as told,
        ):
            place = database.place
            header = export(database, stream, name, told)
    except KeyboardInterrupt:
        say("stopped: nothing was exported")
        return 1
    log = f"log {header.log.id} up to {header.log.seq}"
    tell = say if file == PIPE else _write_line
    tell(f"{place}: {header.total} rows exported to {name}, {log}")
    return 0


def import_from(file: str, store: str, *, new_log: bool) -> int:
    """Import into a store; the exit code."""
    name = _name(file, "standard input")
    try:
        _verify(file)
        with _read(file) as stream:
            source = Export(stream, name)
            warn_of_place(store)
            with (
                open_database(store, poller=True, unfinished_too=True) as database,
                _progress("imported") as told,
            ):
                place = database.place
                load(database, source, told, new_log=new_log)
    except KeyboardInterrupt:
        say("stopped: the same command goes on from here")
        return 1
    header = source.header
    _write_line(f"{place}: whole, {header.total} rows imported from {name}")
    if not new_log:
        say(f"it is the log {header.log.id} now: do not poll with the store it came from any more")
    return 0


def _name(file: str, pipe: str) -> str:
    """What people call it. Raises ConfigError for what must be a mistyped option."""
    if file.startswith(PIPE) and file != PIPE:
        raise ConfigError(f"Unknown option: {file}. See: bellbuoy store --help")
    return pipe if file == PIPE else file


def _write_line(text: str) -> None:
    write(f"{text}\n")


def _verify(file: str) -> None:
    """Read a file to its end, so that nothing is written from one that is cut or damaged."""
    if Path(file).is_file():
        with _read(file) as stream:
            Export(stream, file).verify()


@contextmanager
def _read(file: str) -> Generator[BufferedReader]:
    """What is read there; of a pipe what is there already, never waiting for more."""
    with ExitStack() as opened:
        with mapped(file):
            path = os.dup(sys.stdin.fileno()) if file == PIPE else file
            stream = opened.enter_context(open(path, "rb"))  # noqa: PTH123 - or a descriptor
        yield stream


@contextmanager
def _written(file: str) -> Generator[BinaryIO]:
    """What is written there; a file is on disk at the end, or not there."""
    if file == PIPE:
        with _standard_output() as stream:
            yield stream
        return
    path = Path(file)
    with mapped(file), new_file(path) as descriptor:
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            if path.suffix == ".gz":
                # Without a name and a time in it the same rows are the same bytes.
                with gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield stream
        os.fsync(descriptor)
    sync_directory(path.parent)


@contextmanager
def _standard_output() -> Generator[BinaryIO]:
    """A stream of its own, so that nothing is left in another one if the reader went away."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    try:
        yield stream
        with mapped("standard output"):
            stream.flush()
    finally:
        with suppress(OSError):
            stream.close()


@contextmanager
def _progress(verb: str, *, is_aside: bool = False) -> Generator[Told]:
    """Shows how far it is: a bar on a terminal, else some lines.

    `is_aside` is true for the end of a pipe beside which another one may have the terminal.
    """
    if not sys.stderr.isatty():
        yield _in_lines(verb)
        return
    if is_aside:
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"Rows {verb}", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _in_lines(verb: str) -> Told:
    last = 0

    def told(done: int, total: int) -> None:
        nonlocal last
        step = done * _STEPS // total
        if step > last:
            last = step
            say(f"{verb} {done} of {total} rows")

    return told
