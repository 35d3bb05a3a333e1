"""Write all that a store holds as one stream, as it is at one instant, also while it is used."""

from collections.abc import Callable
from typing import BinaryIO

from sqlalchemy import Connection, func, select

from bellbuoy.stores import exported, migrations, schema
from bellbuoy.stores.database import Database
from bellbuoy.stores.exported import Header, LogPlace, Writing
from bellbuoy.stores.faults import damaged, mapped

Told = Callable[[int, int], None]
"""Is told again and again how many rows are done, of how many."""

PATIENCE = "10min"
"""How long PostgreSQL lets an export stand still whose reader does not read.

Its transaction only reads, so it keeps nobody waiting; others of ours have seconds.
"""

_AT_ONCE = 500
"""Rows that are in memory at the same time."""


def export(database: Database, stream: BinaryIO, name: str, told: Told) -> Header:
    """Write an export; `name` is what the stream is called by people. Raises StoreError.

    One transaction reads it all, so what is recorded meanwhile is wholly left out.
    """
    with mapped(database.place), database.reading.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(
                f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}'"
            )
        header = _header(connection, database.place)
        writing = Writing(stream, name, header)
        done = 0
        for table in exported.tables().values():
            writing.turn(table)
            key = schema.metadata.tables[table.name].primary_key
            rows = select(table).order_by(*(table.c[each.name] for each in key))
            result = connection.execute(rows.execution_options(yield_per=_AT_ONCE))
            for some in result.partitions():
                writing.rows(some)
                done += len(some)
                told(done, header.total)
        writing.end()
    return header


def _header(connection: Connection, place: str) -> Header:
    (version,) = connection.execute(select(schema.version.c.version_num)).one()
    if version != migrations.HEAD:
        raise damaged(place, f"its schema became {version} while it was open")
    id, seq = connection.execute(select(schema.log.c.id, schema.log.c.seq)).one()
    return Header(log=LogPlace(id, seq), rows=count(connection))


def count(connection: Connection) -> dict[str, int]:
    """How many rows each table has that is carried."""
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in exported.tables().items()
    }
