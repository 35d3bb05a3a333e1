"""What a database can throw, as what this room throws.

One context manager stands around every touch of the database, so that no foreign exception
leaves the room. What is neither of the database nor of the system is a bug and passes as
it is.
"""

import sqlite3
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


def store_error(place: str, error: BaseException) -> StoreError:
    """What an error of the database means to us; `place` names the database for people."""
    cause = (error.orig if isinstance(error, StatementError) else None) or error
    text = f"{place}: {type(cause).__name__}: {cause}"
    if _is_corrupt(cause):
        return damaged(place, str(cause))
    if _is_unavailable(error, cause):
        return StoreUnavailableError(text)
    return StoreError(text)


def damaged(place: str, problem: str) -> StoreCorruptError:
    """The error for a damaged database, with what to do about it."""
    return StoreCorruptError(f"{place} is damaged ({problem}). {HINT}")


def _is_corrupt(cause: BaseException) -> bool:
    if isinstance(cause, sqlite3.Error):
        return _primary_code(cause) in _CORRUPT
    # A blob that does not decode was not written by us: bytes flipped inside a row.
    # PostgreSQL reports damage as class XX (https://www.postgresql.org/docs/current/errcodes-appendix.html).
    return isinstance(cause, MsgspecError) or getattr(cause, "sqlstate", None) in {
        "XX001",
        "XX002",
    }


def _is_unavailable(error: BaseException, cause: BaseException) -> bool:
    if isinstance(cause, sqlite3.Error):
        return _primary_code(cause) in _UNAVAILABLE
    return isinstance(error, OSError | OperationalError | PoolTimeoutError)


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
