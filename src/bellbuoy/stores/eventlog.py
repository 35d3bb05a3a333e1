"""The event log and its readers' places. Every function runs inside a transaction.

A `seq` is given under the lock of the log's one row, so the order of commits is the order
of numbers, and no reader can pass an event that is committed later.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from bellbuoy.events import Event
from bellbuoy.model.delivery import DeliveryStatus
from bellbuoy.stores import search
from bellbuoy.stores.schema import cursor, delivery, event, incident, log, thread
from bellbuoy.stores.statements import chunks, upsert

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Event).decode

DECODERS = ((event.c.facts, _decode),)
"""Every column of blobs here, with what reads it."""

_PARAMETERS = 500
"""Values asked for in one statement; SQLite before 3.32 takes at most 999."""

_END = 2**63 - 1
"""Greater than every `seq`."""

_UNDECIDED = (DeliveryStatus.WAITING.value, DeliveryStatus.HELD.value)

_LAST = select(log.c.seq)
_LAST_LOCKED = _LAST.with_for_update()
_ADVANCE = update(log).values(seq=bindparam("newest"))
_HELD = select(event.c.id).where(event.c.id.in_(bindparam("ids", expanding=True)))
_RECORD = insert(event)
_FIRST = select(func.min(event.c.seq))
# What a dispatcher decided of an event that left the log meanwhile.
_DROP_ORPHANS = delete(delivery).where(
    delivery.c.seq < select(func.coalesce(func.min(event.c.seq), _END)).scalar_subquery()
)
_ROWS = select(event.c.seq, event.c.facts)
_AFTER = (
    _ROWS.where(event.c.seq > bindparam("after")).order_by(event.c.seq).limit(bindparam("most"))
)
_LATEST = (
    _ROWS.where(event.c.seq < bindparam("before"))
    .order_by(event.c.seq.desc())
    .limit(bindparam("most"))
)
_LATEST_OF_PAGE = _LATEST.where(event.c.page_key == bindparam("of_page"))
_FIND = _ROWS.where(event.c.id == bindparam("which"))
_CURSOR = select(cursor.c.seq).where(cursor.c.reader == bindparam("who"))


_LEADS = (
    select(delivery.c.id)
    .where(delivery.c.receiver == thread.c.receiver, delivery.c.lane == thread.c.lane)
    .exists()
)
_OPEN_LANES = select(incident.c.page_key + " " + incident.c.key).where(
    incident.c.ended_at.is_(None)
)
_DROP_THREADS = delete(thread).where(
    thread.c.lane.in_(bindparam("lanes", expanding=True)),
    ~_LEADS,
    thread.c.lane.not_in(_OPEN_LANES),
)


def lock(connection: Connection) -> int:
    """Be alone with the log until this transaction ends; returns the number given last."""
    return connection.execute(_LAST_LOCKED).scalar_one()


def append(connection: Connection, events: Sequence[Event]) -> tuple[Event, ...]:
    """Record those events whose ids are not in the log; returns them, numbered."""
    if not events:
        return ()
    seq = lock(connection)
    held = _held(connection, [new.id for new in events])
    recorded: list[Event] = []
    for new in events:
        if new.id not in held:
            held.add(new.id)
            recorded.append(new.numbered(seq + len(recorded) + 1))
    if recorded:
        connection.execute(_RECORD, [_row(new) for new in recorded])
        search.add(connection, recorded)
        connection.execute(_ADVANCE, {"newest": recorded[-1].seq})
    return tuple(recorded)


def decode(seq: int, facts: bytes) -> Event:
    """An event from its row."""
    return _decode(facts).numbered(seq)


def read(connection: Connection, after: int, limit: int, incident: str | None) -> tuple[Event, ...]:
    """Events beyond `after`, in order."""
    query = _AFTER if incident is None else _AFTER.where(event.c.incident == incident)
    rows = connection.execute(query, {"after": after, "most": limit})
    return tuple(decode(seq, facts) for seq, facts in rows)


def latest(
    connection: Connection, before: int | None, limit: int, page_key: str | None
) -> tuple[Event, ...]:
    """Events below `before`, newest first."""
    query = _LATEST if page_key is None else _LATEST_OF_PAGE
    values = {"before": _END if before is None else before, "most": limit, "of_page": page_key}
    return tuple(decode(seq, facts) for seq, facts in connection.execute(query, values))


def search_for(
    connection: Connection, words: str, before: int | None, limit: int
) -> tuple[Event, ...]:
    """Events below `before` in which these words stand, newest first."""
    found = search.find(connection, words, _END if before is None else before, limit)
    return tuple(decode(seq, facts) for seq, facts in found)


def find(connection: Connection, which: str) -> Event | None:
    """The event with this id."""
    row = connection.execute(_FIND, {"which": which}).first()
    return None if row is None else decode(row.seq, row.facts)


def last_seq(connection: Connection) -> int:
    """The number given last."""
    return connection.execute(_LAST).scalar_one()


def first_seq(connection: Connection) -> int:
    """The smallest number still there."""
    return connection.execute(_FIRST).scalar() or 0


def read_cursor(connection: Connection, reader: str) -> int | None:
    """How far a reader has got."""
    return connection.execute(_CURSOR, {"who": reader}).scalar()


def write_cursor(connection: Connection, reader: str, seq: int) -> None:
    """Keep how far a reader has got."""
    connection.execute(upsert(connection, cursor, "seq"), {"reader": reader, "seq": seq})


def prune(connection: Connection, before: datetime, at_latest: datetime, limit: int) -> int:
    """Drop at most `limit` events that are old and that nobody waits for; returns how many.

    Who waits holds back nothing that is older than `at_latest`: a reader that never comes back
    would else keep the whole log. Their words and deliveries go with them, and so does the
    account of who was told of their lanes, unless a delivery leads to it or its incident is
    still open: who was told that it began is told of its end.
    """
    lock(connection)  # what nobody waits for may else be revived meanwhile
    cursors = connection.execute(select(func.min(cursor.c.seq))).scalar()
    waiting = connection.execute(
        select(func.min(delivery.c.seq)).where(delivery.c.status.in_(_UNDECIDED))
    ).scalar()
    end = min(_END if cursors is None else cursors + 1, _END if waiting is None else waiting)
    old = _ROWS.where(
        event.c.observed_at < before, or_(event.c.seq < end, event.c.observed_at < at_latest)
    )
    rows = connection.execute(old.order_by(event.c.seq).limit(limit)).all()
    _drop(connection, [(seq, _decoded(seq, facts)) for seq, facts in rows])
    connection.execute(_DROP_ORPHANS)
    return len(rows)


def _drop(connection: Connection, dropped: Sequence[tuple[int, Event | None]]) -> None:
    lanes = {old.lane for _, old in dropped if old is not None}
    for some in chunks(dropped, _PARAMETERS):
        seqs = [seq for seq, _ in some]
        lanes.update(connection.scalars(select(delivery.c.lane).where(delivery.c.seq.in_(seqs))))
        connection.execute(delete(delivery).where(delivery.c.seq.in_(seqs)))
        search.drop(connection, some)
        connection.execute(delete(event).where(event.c.seq.in_(seqs)))
    for some in chunks(lanes, _PARAMETERS):
        connection.execute(_DROP_THREADS, {"lanes": some})


def _decoded(seq: int, facts: bytes) -> Event | None:
    """The event, if its row is not damaged: what is damaged is dropped in its time, too."""
    try:
        return decode(seq, facts)
    except msgspec.MsgspecError:
        return None


def _held(connection: Connection, ids: Sequence[str]) -> set[str]:
    held: set[str] = set()
    for some in chunks(ids, _PARAMETERS):
        held.update(connection.scalars(_HELD, {"ids": some}))
    return held


def _row(new: Event) -> dict[str, object]:
    return {
        "seq": new.seq,
        "id": new.id,
        "incident": new.incident.id if new.incident is not None else None,
        "observed_at": new.observed_at,
        "facts": _encode(new),
        "page_key": new.page.key,
    }
