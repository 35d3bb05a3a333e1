"""The mark of an import that is not over, without which no half of a store passes for a whole.

It is a row among the readers' places, under a name that no reader has: so it is there or not
there with the very rows that it tells of, and needs no table of its own.
"""

from sqlalchemy import Connection, delete, insert, select, update

from bellbuoy.errors import AlreadyRunningError, StoreError
from bellbuoy.stores.database import Database
from bellbuoy.stores.exported import Mark
from bellbuoy.stores.faults import mapped
from bellbuoy.stores.schema import cursor

_NAME = "unfinished import "

_FIND = select(cursor.c.reader, cursor.c.seq).where(cursor.c.reader.startswith(_NAME))


def refuse(database: Database) -> None:
    """Raise StoreError if a store is half imported."""
    with mapped(database.place), database.reading.begin() as connection:
        mark = find(connection)
    if mark is not None:
        raise StoreError(
            f"{database.place} is not whole: an import into it stopped after {mark.position} rows. "
            "The same `bellbuoy store import` again goes on from there"
        )


def find(connection: Connection) -> Mark | None:
    """How far an import has got; None if none is under way."""
    row = connection.execute(_FIND).first()
    return None if row is None else Mark(row.seq, row.reader.removeprefix(_NAME))


def begin(connection: Connection, mark: Mark) -> None:
    """Say that an import begins."""
    connection.execute(insert(cursor).values(reader=_name(mark), seq=mark.position))


def move(connection: Connection, place: str, before: Mark, after: Mark) -> None:
    """Say that it has got further. Raises AlreadyRunningError if another process moved it."""
    moved = update(cursor).where(cursor.c.reader == _name(before), cursor.c.seq == before.position)
    done = connection.execute(moved.values(reader=_name(after), seq=after.position))
    _must_be_one(done.rowcount, place)


def end(connection: Connection, place: str, mark: Mark) -> None:
    """Say that it is over. Raises AlreadyRunningError if another process moved it."""
    done = connection.execute(delete(cursor).where(cursor.c.reader == _name(mark)))
    _must_be_one(done.rowcount, place)


def _name(mark: Mark) -> str:
    return _NAME + mark.digest


def _must_be_one(rows: int, place: str) -> None:
    if rows != 1:
        raise AlreadyRunningError(f"another process imports into {place}: let it end")
