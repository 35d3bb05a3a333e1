"""The tables in PostgreSQL: to find them, to make them, to bring them up to date.

They are in the first schema of the user's search path. Each change is one transaction, so a
step that fails, or a crash, leaves them as they were; whoever comes second waits for it.
"""

from functools import partial
from secrets import token_hex
from typing import cast
from zlib import crc32

from sqlalchemy import Connection, insert, update

from bellbuoy.errors import AlreadyRunningError, StoreError
from bellbuoy.stores import leases, migrations, postgres, schema, search
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.postgres import Address, Session

OLDEST = 15
"""The oldest major version of the server."""

_CHANGE = int.from_bytes(b"buoy", "big")
"""The lock of whoever makes or changes tables, beside the number of the schema."""

_POLLER = int.from_bytes(b"bell", "big")
"""The lock of whoever polls, in a Bellbuoy that knows no workers; beside the same number."""

_BEFORE_WORKERS = 3
"""The last schema of such a Bellbuoy."""


def is_there(url: str) -> bool:
    """Whether the tables of a store are at an address. Raises StoreError."""
    address = postgres.parse(url)
    with mapped(address.place), postgres.connect(address) as session:
        _refuse_server(session, address.place)
        return _version(session, address.place) is not None


def prepare(address: Address) -> None:
    """See that tables of this version are there; make or migrate them if need be.

    Raises StoreError, StoreNewerError, or AlreadyRunningError if they must be migrated while
    somebody works with them.
    """
    with postgres.connect(address) as session:
        _refuse_server(session, address.place)
        if _version(session, address.place) == migrations.HEAD:
            return
    engine = postgres.engine(partial(postgres.connect, address), postgres.WRITES, size=1)
    try:
        with engine.begin() as connection:
            _change(connection, address.place)
    finally:
        engine.dispose()


def _change(connection: Connection, place: str) -> None:
    session = _session(connection)
    key = _CHANGE, _schema_number(session)
    session.execute("SELECT pg_advisory_xact_lock(%s::int, %s::int)", key)
    found = _version(session, place)
    if found is None:
        _create(connection)
    elif found != migrations.HEAD:
        _migrate(connection, place, found)


def _create(connection: Connection) -> None:
    schema.metadata.create_all(connection, checkfirst=False)
    search.create(connection)
    connection.execute(insert(schema.version).values(version_num=migrations.HEAD))
    connection.execute(insert(schema.log).values(id=token_hex(8), seq=0))


def _migrate(connection: Connection, place: str, found: str) -> None:
    if users := _users(connection, found):
        raise AlreadyRunningError(
            f"{place} has schema {found} and cannot be brought to {migrations.HEAD} while it is in "
            f"use: stop {users}, then start this again"
        )
    try:
        migrations.upgrade(connection)
        # Whoever slept through it holds nothing any more when it wakes.
        connection.execute(update(schema.lease).values(owner=None))
    except Exception as error:
        problem = str(error).partition("\n")[0]
        raise StoreError(
            f"{place} could not be brought from schema {found} to {migrations.HEAD} and is as "
            f"it was: {type(error).__name__}: {problem}"
        ) from error


def _users(connection: Connection, found: str) -> str:
    """Who works with tables of this version, in words; nobody can begin to until this ends."""
    session = _session(connection)
    if int(found) <= _BEFORE_WORKERS:
        key = _POLLER, _schema_number(session)
        row = session.execute("SELECT pg_try_advisory_xact_lock(%s::int, %s::int)", key).fetchone()
        return "" if row == (True,) else "the older Bellbuoy that polls with it"
    session.execute("LOCK TABLE log, lease, worker IN EXCLUSIVE MODE")
    return ", ".join(leases.live(connection))


def _refuse_server(session: Session, place: str) -> None:
    """Raise StoreError for a server or a database that cannot hold a store."""
    info = session.info
    if info.server_version < OLDEST * 10_000:
        version = info.parameter_status("server_version")
        raise StoreError(
            f"{place} is PostgreSQL {version}: {OLDEST} is the oldest that works, so upgrade it"
        )
    row = session.execute("SHOW server_encoding").fetchone()
    if row != ("UTF8",):
        raise StoreError(
            f"{place} keeps text as {row and row[0]}: make a database for Bellbuoy with "
            "CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"
        )
    if session.execute("SELECT current_schema()").fetchone() == (None,):
        raise StoreError(f"{place}: no schema of the search_path is there: CREATE SCHEMA makes one")


def _version(session: Session, place: str) -> str | None:
    """The version of the tables; None where none is. Raises StoreNewerError, StoreError."""
    rows = session.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    tables = {name for (name,) in rows} & set(schema.metadata.tables)
    if not tables:
        return None
    if not {"alembic_version", "log", "event"} <= tables:
        raise StoreError(
            f"{place} holds tables of another program ({', '.join(sorted(tables))}): give Bellbuoy "
            "a database, or a schema, of its own"
        )
    found = session.execute("SELECT version_num FROM alembic_version").fetchone()
    return migrations.known_version(place, found and found[0])


def _schema_number(session: Session) -> int:
    """A number for the schema in which the tables are: advisory locks are the database's."""
    row = session.execute("SELECT current_schema()").fetchone()
    # What is taken for an `int` there has a sign.
    return crc32(str(row and row[0]).encode()) - 2**31


def _session(connection: Connection) -> Session:
    return cast("Session", connection.connection.driver_connection)
