"""What a database can throw, as what this room throws.

One context manager stands around every touch of the database, so that no foreign exception
leaves the room. What is neither of the database nor of the system is a bug and passes as
it is.
"""

import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager

from msgspec import MsgspecError
from sqlalchemy.exc import OperationalError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bellbuoy.errors import StoreCorruptError, StoreError, StoreUnavailableError

FOREIGN = (SQLAlchemyError, sqlite3.Error, MsgspecError, OSError, UnicodeError, OverflowError)
"""Everything that is mapped: text that UTF-8 cannot hold and numbers over 64 bits too."""

# https://www.sqlite.org/rescode.html: the low byte of an extended code is its primary code.
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)

# PostgreSQL's classes of errors: https://www.postgresql.org/docs/15/errcodes-appendix.html
_CORRUPT_STATES = frozenset({"XX001", "XX002"})
_UNAVAILABLE_STATES = frozenset(
    {
        "25006",  # a standby, or a server that was made read-only
        "25P03",  # our transaction stood still for too long, so the server ended it
    }
)

_CURES = (
    ("password authentication failed", "correct the user or the password"),
    ("no password supplied", "put the password into the address, or into a `.pgpass` file"),
    ("no pg_hba.conf entry", "let this user and host in, in the server's pg_hba.conf"),
    ('role "', "make that user with CREATE ROLE, or name another"),
    ('database "', "make it with CREATE DATABASE, or name another"),
    ("permission denied for schema", "GRANT USAGE, CREATE ON SCHEMA to the user of Bellbuoy"),
    ("permission denied for table", "use the user that owns the tables"),
    ("too many", "raise max_connections, or put a pooler before the server"),
    ("remaining connection slots", "raise max_connections, or put a pooler before the server"),
    (
        "unsupported startup parameter",
        "a pooler takes no options: say them with ALTER ROLE name SET search_path = ...",
    ),
    ("connection failed", "check that the server runs and that host and port are right"),
    ("connection timeout expired", "check that the server runs and that host and port are right"),
    ("failed to resolve host", "check the name of the host"),
)
"""What to do about words of PostgreSQL; the first that fits. In other languages it says none."""

_GUESS = "Is the server running on that host and accepting TCP/IP connections?"

HINT_SERVER = (
    "Bellbuoy does not start from empty in its place: restore a dump made by `pg_dump`, or use "
    "another database or schema to begin anew"
)

HINT = (
    "Bellbuoy does not start from empty in its place: put back a copy made by "
    "`bellbuoy store backup`, or move the file away to begin anew"
)


@contextmanager
def mapped(place: str) -> Generator[None]:
    """Raise StoreError, or a subclass that says more, for whatever the database throws."""
    try:
        yield
    except FOREIGN as error:
        raise store_error(place, error) from error
    except Exception as error:
        if not _is_of_postgres(error):
            raise
        raise store_error(place, error) from error


def store_error(place: str, error: BaseException) -> StoreError:
    """What an error of the database means to us; `place` names the database for people."""
    cause = (error.orig if isinstance(error, StatementError) else None) or error
    if _is_corrupt(cause):
        return damaged(place, str(cause))
    text = f"{place}: {type(cause).__name__}: {cause}"
    if _is_of_postgres(cause):
        text = f"{place}: {_in_one_line(cause)}"
    if _is_unavailable(error, cause):
        return StoreUnavailableError(text)
    return StoreError(text)


def damaged(place: str, problem: str) -> StoreCorruptError:
    """The error for a damaged database, with what to do about it."""
    hint = HINT_SERVER if place.startswith("postgresql:") else HINT
    return StoreCorruptError(f"{place} is damaged ({problem}). {hint}")


def _is_corrupt(cause: BaseException) -> bool:
    if isinstance(cause, sqlite3.Error):
        return primary_code(cause) in _CORRUPT
    # A blob that does not decode was not written by us: bytes flipped inside a row.
    return isinstance(cause, MsgspecError) or _state(cause) in _CORRUPT_STATES


def _is_unavailable(error: BaseException, cause: BaseException) -> bool:
    if isinstance(cause, sqlite3.Error):
        return primary_code(cause) in _UNAVAILABLE
    if _is_of_postgres(cause) and (_state(cause) in _UNAVAILABLE_STATES or _is_operational(cause)):
        return True
    return isinstance(error, OSError | OperationalError | PoolTimeoutError)


def _is_of_postgres(error: BaseException) -> bool:
    """Whether psycopg raised it, which is only asked for where it was loaded."""
    psycopg = sys.modules.get("psycopg")
    return psycopg is not None and isinstance(error, psycopg.Error)


def _is_operational(error: BaseException) -> bool:
    """Whether the server refuses just now; or a pooler, which says a second time why it ended."""
    psycopg = sys.modules["psycopg"]
    is_confused = isinstance(error, psycopg.InternalError) and _state(error) is None
    return is_confused or isinstance(error, psycopg.OperationalError)


def _state(error: BaseException) -> str | None:
    return getattr(error, "sqlstate", None)


def _in_one_line(error: BaseException) -> str:
    """What PostgreSQL says, with the cure if we know one."""
    said = " ".join(str(error).replace(_GUESS, "").split())
    cure = next((cure for words, cure in _CURES if words in said), None)
    return said if cure is None else f"{said}; {cure}"


def primary_code(error: sqlite3.Error) -> int:
    """Why SQLite refused, such as `sqlite3.SQLITE_BUSY`; 0 if it was Python's module."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
