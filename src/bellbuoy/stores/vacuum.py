"""Give the room of what was dropped back.

SQLite writes the whole file anew, which would keep a `watch` waiting: so it is done by the one
process that might poll. It needs as much free disk again. Plans are proven without statistics,
so none are made. PostgreSQL's own `VACUUM` disturbs nobody, and gives back to the disk only what
is free at the end of a table; the rest is used again.
"""

from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, text

from bellbuoy.errors import StoreError
from bellbuoy.stores import schema, search
from bellbuoy.stores.database import Database
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.opening import POSTGRESQL, open_database

_OURS = text("""
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = to_regnamespace(quote_ident(current_schema()))
""")


class Vacuumed(Struct, frozen=True):
    """How many bytes a store took before and after; `place` names it to people."""

    place: str
    before: int
    after: int


def vacuum(url: str) -> Vacuumed:
    """Vacuum the store at an address. Raises StoreError.

    Raises AlreadyRunningError if it is in SQLite and another process polls with it.
    """
    is_served = url.startswith(POSTGRESQL)
    with open_database(url, poller=not is_served) as database, mapped(database.place):
        return _serve(database) if is_served else _rewrite(database)


def _rewrite(database: Database) -> Vacuumed:
    path = Path(database.place)
    with database.writing.begin() as connection:
        search.compact(connection)
    before = _checkpointed(database, path)
    _run(database, "VACUUM")
    return Vacuumed(database.place, before, _checkpointed(database, path))


def _checkpointed(database: Database, path: Path) -> int:
    """The bytes of the file and its log, after as much as possible went from the log into it."""
    _run(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(each.stat().st_size for each in files if each.exists())


def _serve(database: Database) -> Vacuumed:
    with database.reading.begin() as connection:
        sizes = _sizes(connection)
    warnings = _run(database, f"VACUUM (ANALYZE) {', '.join(sorted(sizes))}")
    if warnings:
        # The server only warns of tables that it left out.
        raise StoreError(f"{database.place}: {warnings[0]}; use the user that owns the tables")
    with database.reading.begin() as connection:
        after = _sizes(connection)
    return Vacuumed(database.place, sum(sizes.values()), sum(after.values()))


def _sizes(connection: Connection) -> dict[str, int]:
    """The bytes of each of our tables, with its indexes."""
    ours = {*schema.metadata.tables, "event_words"}
    return {name: size for name, size in connection.execute(_OURS) if name in ours}


def _run(database: Database, statement: str) -> list[str]:
    """Say it outside of a transaction; what the server warns of."""
    warnings: list[str] = []
    pooled = database.writing.raw_connection()
    try:
        session: Any = pooled.driver_connection
        if hasattr(session, "add_notice_handler"):
            session.add_notice_handler(partial(_keep, warnings))
        session.execute(statement).close()
    finally:
        pooled.close()
    return warnings


def _keep(warnings: list[str], told: Any) -> None:
    warnings.append(str(told.message_primary))
