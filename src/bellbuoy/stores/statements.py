"""Inserts that SQLite and PostgreSQL spell alike, but SQLAlchemy keeps per dialect."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import sqlite

T = TypeVar("T")


def upsert(connection: Connection, table: Table, *columns: str) -> Insert:
    """Insert rows of `table`, its key and these columns; where the key is there, update them."""
    return _upsert(connection.dialect.name, table, columns)


def insert_new(connection: Connection, table: Table) -> Insert:
    """Insert rows of `table`; where the key is there, leave the row as it is."""
    return _insert(connection.dialect.name, table).on_conflict_do_nothing(
        index_elements=list(table.primary_key)
    )


def upsert_plain(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], *columns: str
) -> None:
    """The same for many rows that are as the driver takes them: the key, then these columns.

    SQLAlchemy prepares each row of a statement in Python, which took as long as SQLite itself.
    """
    text = _upsert_text(connection.dialect.name, table, columns)
    connection.exec_driver_sql(text, list(rows))


def chunks(values: Iterable[T], size: int) -> Iterable[Sequence[T]]:
    """The values in lists of at most `size`: SQLite bounds the parameters of a statement."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


@lru_cache
def _upsert(dialect: str, table: Table, columns: tuple[str, ...]) -> Insert:
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: insert.excluded[name] for name in columns},
    )


@lru_cache
def _upsert_text(dialect: str, table: Table, columns: tuple[str, ...]) -> str:
    statement = _upsert(dialect, table, columns)
    names = [*(column.name for column in table.primary_key), *columns]
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a heavy import, used there only

        spelling = postgresql.dialect(paramstyle="format")
    else:
        spelling = sqlite.dialect(paramstyle="qmark")
    return str(statement.compile(dialect=spelling, column_keys=names))


def _insert(dialect: str, table: Table) -> "sqlite.Insert":
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a heavy import, used there only

        # The two classes offer the same methods.
        return postgresql.insert(table)  # pyright: ignore[reportReturnType]
    return sqlite.insert(table)
