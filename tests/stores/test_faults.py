"""Everything that a database can throw is mapped."""

import inspect
import sqlite3

import pytest
import sqlalchemy.exc
from msgspec import DecodeError, ValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bellbuoy.errors import StoreCorruptError, StoreError, StoreUnavailableError
from bellbuoy.stores.faults import mapped

CORRUPT = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
UNAVAILABLE = {
    *("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_LOCKED"),
    *("SQLITE_NOMEM", "SQLITE_PERM", "SQLITE_PROTOCOL", "SQLITE_READONLY", "SQLITE_NOLFS"),
    *("SQLITE_AUTH", "SQLITE_INTERRUPT"),
}
PRIMARY = ["SQLITE_ERROR", "SQLITE_INTERNAL", "SQLITE_ABORT", "SQLITE_TOOBIG", "SQLITE_CONSTRAINT"]
PRIMARY += ["SQLITE_MISMATCH", "SQLITE_MISUSE", "SQLITE_RANGE", "SQLITE_SCHEMA", "SQLITE_FORMAT"]
EXTENDED = [name for name in dir(sqlite3) if name.startswith("SQLITE_IOERR_")]


VARIADIC = inspect.Parameter.VAR_POSITIONAL


def with_code(name: str) -> sqlite3.Error:
    """What the module raises for a code."""
    error = sqlite3.OperationalError(name)
    error.sqlite_errorcode = getattr(sqlite3, name)
    return error


def kinds(base: type) -> list[type]:
    """A class and all below it."""
    below = [kind for each in base.__subclasses__() for kind in kinds(each)]
    return [base, *below]


def raised(error: BaseException) -> StoreError:
    """What it becomes."""
    with pytest.raises(StoreError) as caught, mapped("/var/lib/bellbuoy.db"):
        raise error
    assert caught.value.__cause__ is error
    assert "/var/lib/bellbuoy.db" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", sorted({*CORRUPT, *UNAVAILABLE, *PRIMARY, *EXTENDED}))
def test_every_code_of_sqlite_is_mapped(name, wrapped):
    """Damage, "not just now" or a plain store error: raw, and as SQLAlchemy wraps it."""
    error = with_code(name)
    found = raised(DBAPIError("SELECT 1", {}, error) if wrapped else error)
    corrupt = name in CORRUPT
    unavailable = name in UNAVAILABLE or name in EXTENDED
    assert isinstance(found, StoreCorruptError) == corrupt
    assert isinstance(found, StoreUnavailableError) == unavailable
    assert ("bellbuoy store backup" in str(found)) == corrupt


@pytest.mark.parametrize("kind", kinds(sqlite3.Error), ids=lambda kind: kind.__name__)
def test_every_error_of_sqlite_is_mapped(kind):
    """Also one without a code."""
    raised(kind("unexpected"))


@pytest.mark.parametrize("kind", kinds(SQLAlchemyError), ids=lambda kind: kind.__name__)
def test_every_error_of_sqlalchemy_is_mapped(kind):
    """Also those that no driver raised."""
    fitting = {"params": {}, "orig": ValueError("unexpected")}
    wanted = inspect.signature(kind).parameters.values()
    required = [
        each.name for each in wanted if each.default is each.empty and each.kind != VARIADIC
    ]
    raised(kind(*(fitting.get(name, "unexpected") for name in required)))


def test_a_server_that_is_away_is_unavailable():
    """An operational error of another driver, and a pool without connections."""
    away = sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("connection refused"))
    assert isinstance(raised(away), StoreUnavailableError)
    assert isinstance(raised(sqlalchemy.exc.TimeoutError("pool")), StoreUnavailableError)


@pytest.mark.parametrize("error", [OSError(28, "No space left"), PermissionError(13, "denied")])
def test_what_the_system_refuses_is_unavailable(error):
    """A full disk or a directory that may not be written, told before SQLite is asked."""
    assert isinstance(raised(error), StoreUnavailableError)


@pytest.mark.parametrize("error", [DecodeError("truncated"), ValidationError("expected int")])
def test_a_row_that_does_not_decode_is_damage(error):
    """We never wrote it."""
    assert isinstance(raised(error), StoreCorruptError)


@pytest.mark.parametrize(
    "error", [UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate"), OverflowError("64 bits")]
)
def test_what_cannot_be_kept_is_a_store_error(error):
    """Half a character, or a number that is too large."""
    raised(error)


def test_our_own_errors_and_bugs_pass():
    """A store error stays what it is, and a bug is not hidden."""
    for error in (StoreCorruptError("as it is"), TypeError("a bug")):
        with pytest.raises(type(error)) as caught, mapped("place"):
            raise error
        assert caught.value is error
