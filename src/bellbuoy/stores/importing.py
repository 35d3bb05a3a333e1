"""Put an export into an empty store, in batches, so that it may be killed at any point.

    begin ──> batch, batch, batch ... ──> finish
    (mark)    (rows, words and mark)     (rows counted, log named, mark gone)

Each arrow is a commit. While the mark (`unfinished`) is there, nothing else opens the store, and
the same import goes on from it. The log stays without a number until the end, so whoever wrote
into the store beside an import is found out.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import MsgspecError
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bellbuoy.errors import AlreadyRunningError, StoreError
from bellbuoy.events import Event
from bellbuoy.stores import eventlog, leases, schema, search, unfinished
from bellbuoy.stores.database import Database
from bellbuoy.stores.exported import Batch, Export, Mark
from bellbuoy.stores.exporting import Told, count
from bellbuoy.stores.faults import mapped


def load(database: Database, export: Export, told: Told, *, new_log: bool = False) -> None:
    """Import it all, or what is left of it. Raises StoreError, AlreadyRunningError.

    It stays the same log, whose readers go on; with `new_log` the store keeps the identity
    that it was made with. Where all is there already, nothing is done.
    """
    with mapped(database.place):
        with database.writing.begin() as connection:
            mark = _begin(connection, database.place, export, new_log=new_log)
        if mark is None:
            return
        for batch in export.batches(mark):
            with database.writing.begin() as connection:
                _write(connection, database.place, mark, batch)
            mark = batch.mark
            told(mark.position, export.header.total)
        with database.writing.begin() as connection:
            _finish(connection, database.place, mark, export, new_log=new_log)


def _begin(connection: Connection, place: str, export: Export, *, new_log: bool) -> Mark | None:
    """The mark to go on from; None if everything is there. Raises StoreError."""
    last = eventlog.lock(connection)
    _must_be_alone(connection, place)
    found = unfinished.find(connection)
    if found is not None:
        return found
    there = count(connection)
    if not last and not any(there.values()):
        unfinished.begin(connection, export.mark)
        return export.mark
    header = export.header
    id = connection.execute(select(schema.log.c.id)).scalar_one()
    is_its_log = (id == header.log.id) is not new_log
    if is_its_log and (last, there) == (header.log.seq, header.rows):
        return None
    raise StoreError(
        f"{place} is not empty: it holds {there['page']} pages and {there['event']} events. An "
        "import needs a store in which nothing is yet, so name another with --store"
    )


def _write(connection: Connection, place: str, before: Mark, batch: Batch) -> None:
    unfinished.move(connection, place, before, batch.mark)
    try:
        connection.execute(insert(batch.table), batch.rows)
    except IntegrityError as error:
        raise _disturbed(place) from error
    if batch.table.name == schema.event.name:
        events = _readable(batch.rows)
        if events:
            search.add(connection, events)


def _readable(rows: Sequence[dict[str, Any]]) -> list[Event]:
    """The events of rows, but for those that are damaged: `check` names them, before and after."""
    events: list[Event] = []
    for row in rows:
        try:
            events.append(eventlog.decode(row["seq"], row["facts"]))
        except MsgspecError:
            continue
    return events


def _finish(
    connection: Connection, place: str, mark: Mark, export: Export, *, new_log: bool
) -> None:
    header = export.header
    last = eventlog.lock(connection)
    _must_be_alone(connection, place)
    unfinished.end(connection, place, mark)
    if last or count(connection) != header.rows:
        raise _disturbed(place)
    newest = connection.execute(select(func.max(schema.event.c.seq))).scalar() or 0
    if newest > header.log.seq:
        raise StoreError(
            f"{export.name}: its log ends at {header.log.seq}, but it holds event {newest}"
        )
    named = {} if new_log else {"id": header.log.id}
    connection.execute(update(schema.log).values(seq=header.log.seq, **named))


def _must_be_alone(connection: Connection, place: str) -> None:
    """Raise AlreadyRunningError if a worker is there, who would go on with the log as it was."""
    if workers := leases.live(connection):
        raise AlreadyRunningError(
            f"{place} is in use: stop {', '.join(workers)}, then start this again"
        )


def _disturbed(place: str) -> StoreError:
    return StoreError(
        f"{place} holds rows that another process wrote while the import ran: import into an "
        "empty store that nobody uses"
    )
