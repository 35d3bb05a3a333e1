"""What SQLite and PostgreSQL spell in two ways, or alike but SQLAlchemy keeps per dialect."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Select, Table, literal_column, select, type_coerce
from sqlalchemy.dialects import sqlite

from bellbuoy.stores.schema import Instant

T = TypeVar("T")

ROWS_AT_ONCE = 25
"""Rows in one statement; SQLite before 3.32 takes no more than 999 values."""


_CLOCKS: dict[str, Select[Any]] = {
    dialect: select(type_coerce(literal_column(microseconds), Instant))
    for dialect, microseconds in (
        ("postgresql", "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"),
        # A number of days with fractions: good for about 40 microseconds.
        ("sqlite", "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"),
    )
}


def clock(connection: Connection) -> datetime:
    """The instant by the clock of the database."""
    return connection.execute(_CLOCKS[connection.dialect.name]).scalar_one()


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
    """The same for many rows as the driver takes them, each in the order of the table's columns.

    SQLAlchemy prepares each row of a statement in Python, which took as long as SQLite itself;
    and Python's sqlite3 lets go of the interpreter at each row, so that under load each waited
    for its turn. So the driver is given the text, and many rows in one statement.
    """
    dialect = connection.dialect.name
    whole = len(rows) - len(rows) % ROWS_AT_ONCE
    if whole:
        text = _upsert_text(dialect, table, columns, ROWS_AT_ONCE)
        at_once = (rows[first : first + ROWS_AT_ONCE] for first in range(0, whole, ROWS_AT_ONCE))
        connection.exec_driver_sql(text, [tuple(chain.from_iterable(some)) for some in at_once])
    if whole < len(rows):
        connection.exec_driver_sql(_upsert_text(dialect, table, columns, 1), list(rows[whole:]))


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
def _upsert_text(dialect: str, table: Table, columns: tuple[str, ...], rows: int) -> str:
    names = [*(column.name for column in table.primary_key), *columns]
    statement = _upsert(dialect, table, columns).values([dict.fromkeys(names)] * rows)
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a heavy import, used there only

        return str(statement.compile(dialect=postgresql.dialect(paramstyle="format")))
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="qmark")))


def _insert(dialect: str, table: Table) -> "sqlite.Insert":
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a heavy import, used there only

        # The two classes offer the same methods.
        return postgresql.insert(table)  # pyright: ignore[reportReturnType]
    return sqlite.insert(table)
