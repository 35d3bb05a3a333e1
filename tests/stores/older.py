"""Stores as older versions left them: the files in `fixtures`, and the same in PostgreSQL."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Connection, Table, inspect, select

from bellbuoy.stores import eventlog, migrations, postgres, schema, search

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = ("0001", "0002", "0003", "0004")
"""Every schema that a Bellbuoy had."""

HAS_WORDS = "0003"
"""The first that keeps the words of events."""


def fixture(version: str) -> Path:
    """The file that a Bellbuoy with this schema left."""
    return FIXTURES / f"schema-{version}.db"


def make_postgres(address: str, version: str) -> None:
    """Make the tables as they were at a version, with the rows that are in its file."""
    parsed = postgres.parse(address)
    engine = postgres.engine(lambda: postgres.connect(parsed), postgres.WRITES, size=1)
    try:
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            versions = Path(folder) / "versions"
            shutil.copytree(migrations.VERSIONS, versions)
            for step in versions.glob("v*.py"):
                if step.name[1:5] > version:
                    step.unlink()
            patch.setattr(migrations, "VERSIONS", versions)
            with engine.begin() as connection:
                migrations.upgrade(connection)
                _fill(connection, fixture(version))
                if version >= HAS_WORDS:
                    _add_words(connection)
    finally:
        engine.dispose()


def _fill(connection: Connection, path: Path) -> None:
    there = set(inspect(connection).get_table_names()) & set(schema.metadata.tables)
    # No steps are taken in a copy: the file is read as it is.
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as old:
        for name in sorted(there - {"alembic_version"}):
            cursor = old.execute(f"SELECT * FROM {name}")
            columns = [each[0] for each in cursor.description]
            table = schema.metadata.tables[name]
            rows = [_row(table, columns, row) for row in cursor]
            if rows:
                names = ", ".join(f'"{column}"' for column in columns)
                values = ", ".join(["%s"] * len(columns))
                connection.exec_driver_sql(f"INSERT INTO {name} ({names}) VALUES ({values})", rows)


def _row(table: Table, columns: list[str], row: tuple) -> tuple:
    """The values of a row: SQLite keeps truth as a number."""
    kinds = [table.c[column].type.python_type for column in columns]
    return tuple(
        bool(value) if kind is bool else value for kind, value in zip(kinds, row, strict=True)
    )


def _add_words(connection: Connection) -> None:
    rows = connection.execute(select(schema.event.c.seq, schema.event.c.facts))
    search.add(connection, [eventlog.decode(seq, facts) for seq, facts in rows])
