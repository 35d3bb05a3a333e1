"""Deliveries, and what is kept of receivers. Every function runs inside a transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Row,
    Select,
    bindparam,
    func,
    select,
    update,
)

from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus
from bellbuoy.stores import eventlog
from bellbuoy.stores.schema import delivery, event, receiver, thread
from bellbuoy.stores.statements import insert_new, upsert

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Attempt).decode

DECODERS = ((delivery.c.last, _decode), (receiver.c.disabled_by, _decode))
"""Every column of blobs here, with what reads it."""

_earlier = delivery.alias("earlier")


def _has_earlier(status: DeliveryStatus) -> Exists:
    return (
        select(_earlier.c.id)
        .where(
            _earlier.c.receiver == delivery.c.receiver,
            _earlier.c.lane == delivery.c.lane,
            _earlier.c.seq < delivery.c.seq,
            _earlier.c.status == status.value,
        )
        .exists()
    )


def _first_of_lane() -> tuple[ColumnElement[bool], ...]:
    return (
        delivery.c.receiver == bindparam("to"),
        delivery.c.status == DeliveryStatus.WAITING.value,
        ~_has_earlier(DeliveryStatus.WAITING),
    )


_DUE = (
    select(
        *delivery.c,
        event.c.facts,
        _has_earlier(DeliveryStatus.DEAD).label("behind_a_gap"),
    )
    .join(event, event.c.seq == delivery.c.seq)
    .where(*_first_of_lane(), delivery.c.due_at <= bindparam("at"))
    .order_by(delivery.c.seq)
    .limit(bindparam("most"))
)
_NEXT = select(func.min(delivery.c.due_at)).where(*_first_of_lane())
_SETTLE = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(
        {
            name: bindparam(name)
            for name in ("status", "due_at", "attempts", "last", "reference", "after_gap")
        }
    )
)
_REVIVE = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"), delivery.c.status == DeliveryStatus.DEAD.value)
    .values(status=DeliveryStatus.WAITING.value, attempts=0, due_at=bindparam("at"))
)
_DISABLED = select(receiver.c.name).where(receiver.c.name == bindparam("which"))
_REFERENCE = select(thread.c.reference).where(
    thread.c.receiver == bindparam("to"), thread.c.lane == bindparam("of_lane")
)


def dispatch(connection: Connection, reader: str, seq: int, deliveries: Sequence[Delivery]) -> None:
    """Keep new deliveries, and the cursor of the dispatcher that made them."""
    if deliveries:
        connection.execute(insert_new(connection, delivery), [_row(new) for new in deliveries])
    eventlog.write_cursor(connection, reader, seq)


def due(
    connection: Connection, to: str, now: datetime, limit: int
) -> tuple[tuple[Delivery, Event], ...]:
    """Of each lane the first that waits, if it is due."""
    rows = connection.execute(_DUE, {"to": to, "at": now, "most": limit})
    return tuple(
        (_delivery(row, row.after_gap or row.behind_a_gap), eventlog.decode(row.seq, row.facts))
        for row in rows
    )


def next_due(connection: Connection, to: str) -> datetime | None:
    """When the first of some lane is due."""
    return connection.execute(_NEXT, {"to": to}).scalar()


def settle(connection: Connection, settled: Delivery) -> None:
    """Keep what came of an attempt."""
    connection.execute(
        _SETTLE,
        {
            "which": settled.id,
            "status": settled.status.value,
            "due_at": settled.due_at,
            "attempts": settled.attempts,
            "last": None if settled.last is None else _encode(settled.last),
            "reference": settled.reference,
            "after_gap": settled.after_gap,
        },
    )


def find(
    connection: Connection,
    to: str | None,
    status: DeliveryStatus | None,
    event_id: str | None,
    limit: int,
) -> tuple[Delivery, ...]:
    """Deliveries, newest first."""
    query: Select[Any] = select(delivery)
    if to is not None:
        query = query.where(delivery.c.receiver == to)
    if status is not None:
        query = query.where(delivery.c.status == status.value)
    if event_id is not None:
        of_event = select(event.c.seq).where(event.c.id == event_id).scalar_subquery()
        query = query.where(delivery.c.seq == of_event)
    query = query.order_by(delivery.c.seq.desc(), delivery.c.receiver).limit(limit)
    return tuple(_delivery(row, row.after_gap) for row in connection.execute(query))


def revive(connection: Connection, which: str, now: datetime) -> None:
    """Make a dead delivery wait again; any other stays as it is."""
    connection.execute(_REVIVE, {"which": which, "at": now})


def is_disabled(connection: Connection, name: str) -> bool:
    """Whether a receiver wants no more."""
    return connection.execute(_DISABLED, {"which": name}).first() is not None


def disable(connection: Connection, name: str, attempt: Attempt) -> None:
    """Keep that a receiver wants no more."""
    row = {"name": name, "disabled_by": _encode(attempt)}
    connection.execute(upsert(connection, receiver, "disabled_by"), row)


def reference(connection: Connection, to: str, lane: str) -> str:
    """The receiver's message of an incident."""
    return connection.execute(_REFERENCE, {"to": to, "of_lane": lane}).scalar() or ""


def remember_reference(connection: Connection, to: str, lane: str, message: str) -> None:
    """Keep the receiver's message of an incident."""
    row = {"receiver": to, "lane": lane, "reference": message}
    connection.execute(upsert(connection, thread, "reference"), row)


def _row(new: Delivery) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.structs.asdict(new)
    row["status"] = new.status.value
    row["last"] = None if new.last is None else _encode(new.last)
    return row


def _delivery(row: Row[Any], after_gap: bool) -> Delivery:
    return Delivery(
        id=row.id,
        receiver=row.receiver,
        seq=row.seq,
        event_id=row.event_id,
        lane=row.lane,
        rule=row.rule,
        status=DeliveryStatus(row.status),
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        last=None if row.last is None else _decode(row.last),
        reference=row.reference,
        after_gap=bool(after_gap),
    )
