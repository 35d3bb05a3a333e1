"""A SQLite database as a file: to make it, to refuse it, to copy it, to connect to it.

A new database is built under another name and then given its own, so a crash never leaves
an empty or half-made file, and an empty file is always damage. Its tables are in the file
itself before the write-ahead log is used: without that log it lacks its newest changes,
but is never mistaken for a new one.
"""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.pool import QueuePool

from bellbuoy.errors import (
    AlreadyRunningError,
    StoreCorruptError,
    StoreError,
)
from bellbuoy.platform import LockedError, file_lock, sync_directory, sync_names
from bellbuoy.stores import migrations, schema, search
from bellbuoy.stores.database import READERS
from bellbuoy.stores.faults import HINT, damaged, mapped, primary_code
from bellbuoy.stores.new_file import new_file

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction."""

MIGRATED_WITHIN = 300.0
"""Seconds to wait for another process that takes the steps from an older schema."""

_HELD_BRIEFLY = 10.0
"""Seconds to wait for the poller's lock of an older file: whoever migrates it lets go soon."""

_LOOK_EVERY = 0.02
"""Seconds between two looks whether what another process holds is free."""

WRITING = {"writing": True}
"""The execution options of an engine or connection whose transactions write."""

_PROBE = "CREATE VIRTUAL TABLE probe USING fts5(words)"

_INSPECTED = 64 * 1024 * 1024
"""Bytes of a database that is looked through before polling: a fraction of a second."""


class SqliteDatabase:
    """An existing file, as a `Database`."""

    is_shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = str(path)
        self.reading = connect(path)
        self.writing = self.reading.execution_options(**WRITING)
        self.leasing = self.writing

    def damage(self) -> tuple[str, ...]:
        """See `Database`."""
        return damage(self._path, thorough=True)

    def copy(self, target: Path) -> None:
        """See `Database`."""
        copy(self._path, target)

    def announce(self, connection: Connection, log_id: str) -> None:
        """Nothing: SQLite has no way to tell another process."""

    def listen(self, log_id: str, ring: Callable[[], None]) -> None:
        """Nothing: whoever waits looks again after a while."""

    async def close(self) -> None:
        """See `Database`."""
        self.reading.dispose()


@contextmanager
def opened(path: Path, *, poller: bool) -> Generator[SqliteDatabase]:
    """The database at a path, made or migrated if need be. Raises as `prepare` does."""
    with ExitStack() as held:
        if poller:
            _insist(path, lambda: held.enter_context(poller_lock(path)))
        prepare(path, locked=poller)
        yield SqliteDatabase(path)


def prepare(path: Path, *, locked: bool) -> None:
    """See that a sound database of this version is at `path`; make or migrate it if need be.

    `locked` is true for the holder of the poller's lock, who also looks for damage. Raises
    StoreError, StoreCorruptError, StoreNewerError, or AlreadyRunningError if it must be
    migrated while another process polls with it.
    """
    with mapped(str(path)):
        if not _can_search():
            raise StoreError(
                f"{path} cannot be opened: the SQLite {sqlite3.sqlite_version} of this Python was "
                "built without FTS5, which searching needs; use a Python whose SQLite has it"
            )
        is_new = not path.exists()
        if is_new:
            _create(path)
        if is_new or locked:
            sync_names(path)
        if path.stat().st_size == 0:
            raise StoreCorruptError(f"{path} is empty, which no database of ours is. {HINT}")
        if _version(path) != migrations.HEAD:
            _migrate(path, locked=locked)
        if locked and path.stat().st_size <= _INSPECTED:
            problems = damage(path, thorough=False)
            if problems:
                raise damaged(str(path), problems[0])


def connect(path: Path, *, patience: float = BUSY_TIMEOUT) -> Engine:
    """An engine over an existing file; transactions with the options `WRITING` may write.

    `patience` is how many seconds one waits for the transaction of another.
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect(path, patience),
        poolclass=QueuePool,
        pool_size=READERS + 1,
        max_overflow=0,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return engine


def damage(path: Path, *, thorough: bool) -> tuple[str, ...]:
    """What SQLite finds wrong with the file; `thorough` also compares indexes with tables."""
    check = "integrity_check" if thorough else "quick_check"
    with closing(_connect(path)) as connection:
        rows = connection.execute(f"PRAGMA {check}(20)").fetchall()
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        # A checkpoint that found the disk full leaves such a page too, but also its log.
        is_cut = path.stat().st_size % page_size and not _has_log(path)
    problems = tuple(row[0] for row in rows if row[0] != "ok")
    return (*problems, "its last page is cut") if is_cut else problems


def copy(path: Path, target: Path) -> None:
    """Write a consistent copy to a new file, also while the database is in use.

    The copy is a log of its own: put back, it gives numbers a second time, so cursors of the
    original must not fit it. Raises StoreError if the target exists.
    """
    with mapped(str(target)), new_file(target) as descriptor:
        with closing(_connect(path)) as source, closing(sqlite3.connect(target)) as copied:
            source.backup(copied)
            with copied:
                copied.execute("UPDATE log SET id = ?", (_log_id(),))
        os.fsync(descriptor)
    sync_directory(target.parent)


def _can_search() -> bool:
    """Whether this SQLite has FTS5: its makers may leave it out."""
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(_PROBE)
        except sqlite3.OperationalError:
            return False
    return True


def _connect(path: Path, patience: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    connection = _look_into(path, patience)
    try:
        _use_log(connection, patience)
        connection.execute("PRAGMA synchronous = FULL")
        # fsync does not empty the drive's cache on macOS: https://www.sqlite.org/pragma.html#pragma_fullfsync
        connection.execute("PRAGMA fullfsync = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _use_log(connection: sqlite3.Connection, patience: float) -> None:
    """Write ahead into a log from now on. Raises sqlite3.Error.

    A file that was put back by other means may have none yet. SQLite begins one while it reads
    the file already, and whoever reads already is refused at once where another one writes:
    https://www.sqlite.org/c3ref/busy_handler.html
    """
    ends_at = monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or monotonic() > ends_at:
                raise
            sleep(_LOOK_EVERY)
        else:
            return


def _look_into(path: Path, patience: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """A connection that changes nothing of itself, for a file that may not be ours."""
    # mode=rw: a file that has vanished is an error, never a new and empty database.
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails if another one wrote between.
    writes = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _log_id() -> str:
    return token_hex(8)


def _create(path: Path) -> None:
    if path.with_name(path.name + "-wal").exists() and not path.exists():
        raise StoreCorruptError(f"{path} is missing, but its write-ahead log is there. {HINT}")
    _make_directory(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    try:
        _build(Path(name))
        os.fsync(descriptor)
        _give_name(Path(name), path)
    finally:
        os.close(descriptor)
        Path(name).unlink(missing_ok=True)


def _build(path: Path) -> None:
    engine = create_engine("sqlite://", creator=lambda: _look_into(path))
    event.listen(engine, "begin", _begin)
    with engine.begin() as connection:
        schema.metadata.create_all(connection, checkfirst=False)
        search.create(connection)
        connection.execute(insert(schema.version).values(version_num=migrations.HEAD))
        connection.execute(insert(schema.log).values(id=_log_id(), seq=0))
    engine.dispose()
    _connect(path).close()  # the write-ahead log from now on, while nobody else is there


def _give_name(built: Path, path: Path) -> None:
    """Link the file under its name, unless another process was first: then that one is it."""
    try:
        os.link(built, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            built.rename(path)


def _make_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def _version(path: Path) -> str:
    """The version of its schema. Raises StoreNewerError or StoreCorruptError."""
    with closing(_look_into(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            raise damaged(str(path), "it holds no tables")
        if not {"alembic_version", "log", "event"} <= tables:
            raise StoreError(f"{path} is a SQLite database, but not one of Bellbuoy's")
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return migrations.known_version(str(path), found and found[0])


def _migrate(path: Path, *, locked: bool) -> None:
    """Take the steps from an older schema, after a copy.

    Of several processes the first takes them and the others wait. The poller's lock, which the
    caller holds if it is `locked`, is taken inside, for a poller of the older schema never waits.
    """
    engine = connect(path, patience=MIGRATED_WITHIN)
    try:
        with ExitStack() as held, engine.execution_options(**WRITING).begin() as connection:
            found = _version(path)
            if found == migrations.HEAD:
                return
            if not locked:
                _lock_to_migrate(held, path, found)
            kept = copy_before(path, found)
            kept.unlink(missing_ok=True)
            copy(path, kept)
            _take_steps(connection, str(path), found, kept)
    finally:
        engine.dispose()


def _lock_to_migrate(held: ExitStack, path: Path, found: str) -> None:
    try:
        held.enter_context(poller_lock(path))
    except AlreadyRunningError as error:
        raise AlreadyRunningError(
            f"{path} has schema {found} and cannot be brought to {migrations.HEAD} while another "
            "Bellbuoy polls with it: stop that one, then start this again"
        ) from error


def _take_steps(connection: Connection, place: str, found: str, kept: Path) -> None:
    try:
        migrations.upgrade(connection)
    except Exception as error:
        problem = str(error).partition("\n")[0]
        raise StoreError(
            f"{place} could not be brought from schema {found} to {migrations.HEAD} and is as "
            f"it was: {type(error).__name__}: {problem}. A copy is {kept}"
        ) from error


def copy_before(path: Path, version: str) -> Path:
    """Where the copy is that was made before the steps from that schema."""
    return path.with_name(f"{path.name}.schema-{version}")


def version(path: Path) -> str:
    """The version of its schema, as it is. Raises StoreError."""
    with mapped(str(path)):
        return _version(path)


def _insist(path: Path, attempt: Callable[[], None]) -> None:
    """Attempt what needs the poller's lock again, while another process may migrate with it."""
    ends_at = monotonic() + _HELD_BRIEFLY if _is_older(path) else 0.0
    while True:
        try:
            attempt()
        except AlreadyRunningError:
            if monotonic() > ends_at:
                raise
            sleep(_LOOK_EVERY)
        else:
            return


def _is_older(path: Path) -> bool:
    try:
        with mapped(str(path)):
            return _version(path) != migrations.HEAD
    except StoreError:  # also where none is there
        return False


@contextmanager
def poller_lock(path: Path) -> Generator[None]:
    """Be the one process that polls with this database. Raises AlreadyRunningError."""
    with ExitStack() as held:
        try:
            with mapped(str(path)):
                _make_directory(path.parent)
                held.enter_context(file_lock(path.with_name(path.name + ".lock")))
        except LockedError as error:
            raise AlreadyRunningError(
                f"another Bellbuoy polls with {path}: read along with `bellbuoy events --follow`, "
                "or stop the other one"
            ) from error
        yield
