"""Deliveries, and what is kept of receivers. Every function runs inside a transaction."""

from collections.abc import Iterable, Mapping, Sequence
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
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from bellbuoy.events import Event
from bellbuoy.model.delivery import Attempt, Delivery, DeliveryStatus, Occasion, Standing
from bellbuoy.stores import Outgoing, eventlog
from bellbuoy.stores.schema import IS_WAITING, delivery, event, receiver, thread
from bellbuoy.stores.statements import chunks, insert_new, upsert

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Attempt).decode

DECODERS = ((delivery.c.last, _decode), (receiver.c.disabled_by, _decode))
"""Every column of blobs here, with what reads it."""

_earlier = delivery.alias("earlier")

# Of two indexes SQLite takes the wrong one: for the earlier of a lane that of the status, under
# which is all that waits, and for what is due that of the time, under which is everybody's. A
# term that is an expression is not looked up: https://www.sqlite.org/optoverview.html, 7.1
_due_at = delivery.c.due_at.op("+")(literal_column("0"))


# A reminder has the `seq` of its event, and goes behind it: its id begins with that of the event's.
_IS_EARLIER = tuple_(_earlier.c.seq, _earlier.c.id) < tuple_(delivery.c.seq, delivery.c.id)


def _has_earlier(status: DeliveryStatus) -> Exists:
    return (
        select(_earlier.c.id)
        .where(
            _earlier.c.receiver == delivery.c.receiver,
            _earlier.c.lane == delivery.c.lane,
            _IS_EARLIER,
            _earlier.c.status + "" == status.value,
        )
        .exists()
    )


def _first_of_lane() -> tuple[ColumnElement[bool], ...]:
    return (
        delivery.c.receiver == bindparam("to"),
        delivery.c.status == DeliveryStatus.WAITING.value,
        ~_has_earlier(DeliveryStatus.WAITING),
    )


_WITH_EVENTS = select(
    *delivery.c,
    event.c.facts,
    _has_earlier(DeliveryStatus.DEAD).label("behind_a_gap"),
).join(event, event.c.seq == delivery.c.seq)
_DUE = (
    _WITH_EVENTS.where(*_first_of_lane(), _due_at <= bindparam("at"))
    .order_by(delivery.c.seq, delivery.c.id)
    .limit(bindparam("most"))
)
_WAITING = (
    _WITH_EVENTS.where(
        delivery.c.receiver == bindparam("to"),
        delivery.c.status == DeliveryStatus.WAITING.value,
        delivery.c.digest == bindparam("in_digest"),
    )
    .order_by(delivery.c.seq, delivery.c.id)
    .limit(bindparam("most"))
)
_BLOCKED = (
    select(_earlier.c.id)
    .join(
        delivery,
        (_earlier.c.receiver == delivery.c.receiver)
        & (_earlier.c.lane == delivery.c.lane)
        & _IS_EARLIER,
    )
    .where(
        delivery.c.receiver == bindparam("to"),
        delivery.c.digest == bindparam("in_digest"),
        delivery.c.status == DeliveryStatus.WAITING.value,
        _earlier.c.status == DeliveryStatus.WAITING.value,
        _earlier.c.digest != delivery.c.digest,
    )
    .limit(1)
)
_IS_HELD = delivery.c.status == DeliveryStatus.HELD.value
_DUE_HELD = (
    _WITH_EVENTS.where(_IS_HELD, delivery.c.due_at <= bindparam("at"))
    .order_by(delivery.c.seq, delivery.c.receiver)
    .limit(bindparam("most"))
)
_NEXT_HELD = select(func.min(delivery.c.due_at)).where(_IS_HELD)
_HELD_OF = (
    select(*delivery.c)
    .where(
        _IS_HELD,
        delivery.c.receiver.in_(bindparam("receivers", expanding=True)),
        delivery.c.lane.in_(bindparam("lanes", expanding=True)),
    )
    .order_by(delivery.c.seq)
)
_WAITING_OF = (
    select(delivery.c.receiver, delivery.c.lane)
    .where(
        delivery.c.receiver.in_(bindparam("receivers", expanding=True)),
        delivery.c.lane.in_(bindparam("lanes", expanding=True)),
        delivery.c.status + "" == DeliveryStatus.WAITING.value,
    )
    .distinct()
)
_TOLD_OF = select(thread.c.receiver, thread.c.lane, thread.c.rule).where(
    thread.c.receiver.in_(bindparam("receivers", expanding=True)),
    thread.c.lane.in_(bindparam("lanes", expanding=True)),
)
_NEXT = select(func.min(_due_at)).where(*_first_of_lane())
_SETTLE = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "status",
                "due_at",
                "attempts",
                "last",
                "reference",
                "after_gap",
                "reason",
                "digest",
            )
        }
    )
)
_RELEASE = _SETTLE.where(_IS_HELD)
_DROP = delete(delivery).where(_IS_HELD, delivery.c.id.in_(bindparam("which", expanding=True)))
_PARAMETERS = 500
"""Values asked for in one statement; SQLite before 3.32 takes at most 999."""

_REVIVE = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"), delivery.c.status == DeliveryStatus.DEAD.value)
    .values(status=DeliveryStatus.WAITING.value, attempts=0, due_at=bindparam("at"))
)
_OLDEST_WAITING = (
    select(delivery.c.receiver, func.min(delivery.c.created_at).label("oldest"))
    .where(IS_WAITING)
    .group_by(delivery.c.receiver)
)
_DISABLED = select(receiver.c.name)
_REFERENCES = select(thread.c.lane, thread.c.reference).where(
    thread.c.receiver == bindparam("to"),
    thread.c.lane.in_(bindparam("lanes", expanding=True)),
    thread.c.reference != "",
)


def dispatch(connection: Connection, reader: str, seq: int, outgoing: Outgoing) -> None:
    """Keep what a dispatcher decided, and its cursor."""
    for some in chunks(outgoing.gone, _PARAMETERS):
        connection.execute(_DROP, {"which": some})
    if outgoing.changed:
        connection.execute(_RELEASE, [_settled(changed) for changed in outgoing.changed])
    if outgoing.new:
        connection.execute(insert_new(connection, delivery), [_row(new) for new in outgoing.new])
    if outgoing.told:
        rows = [
            {"receiver": to, "lane": lane, "reference": "", "rule": rule}
            for to, lane, rule in outgoing.told
        ]
        connection.execute(upsert(connection, thread, "rule"), rows)
    eventlog.write_cursor(connection, reader, seq)


def standings(
    connection: Connection, receivers: Sequence[str], lanes: Iterable[str]
) -> Mapping[tuple[str, str], Standing]:
    """How receivers stand to these lanes, by (receiver, lane); absent is not at all."""
    told: dict[tuple[str, str], str] = {}
    behind: set[tuple[str, str]] = set()
    held: dict[tuple[str, str], list[Delivery]] = {}
    for some in chunks(lanes, _PARAMETERS):
        wanted = {"receivers": receivers, "lanes": some}
        for to, lane, rule in connection.execute(_TOLD_OF, wanted):
            told[to, lane] = rule
        behind.update((to, lane) for to, lane in connection.execute(_WAITING_OF, wanted))
        for row in connection.execute(_HELD_OF, wanted):
            each = _delivery(row, row.after_gap)
            held.setdefault((each.receiver, each.lane), []).append(each)
    return {
        key: Standing(
            told=key in told,
            rule=told.get(key, ""),
            held=tuple(held.get(key, ())),
            is_behind=key in behind,
        )
        for key in told.keys() | held.keys() | behind
    }


def due_held(
    connection: Connection, now: datetime, limit: int
) -> tuple[tuple[Delivery, Event], ...]:
    """What is held and whose time has come."""
    return _with_events(connection, _DUE_HELD, {"at": now, "most": limit})


def next_held(connection: Connection) -> datetime | None:
    """When the next held delivery's time comes."""
    return connection.execute(_NEXT_HELD).scalar()


def waiting(
    connection: Connection, to: str, digest: str, limit: int
) -> tuple[tuple[Delivery, Event], ...]:
    """All that waits of a digest, if nothing waits before it; or all that is in none."""
    if digest and connection.execute(_BLOCKED, {"to": to, "in_digest": digest}).first():
        return ()
    return _with_events(connection, _WAITING, {"to": to, "in_digest": digest, "most": limit})


def due(
    connection: Connection, to: str, now: datetime, limit: int
) -> tuple[tuple[Delivery, Event], ...]:
    """Of each lane the first that waits, if it is due."""
    return _with_events(connection, _DUE, {"to": to, "at": now, "most": limit})


def next_due(connection: Connection, to: str, after: datetime | None) -> datetime | None:
    """When the first of some lane is due, of all or of those that are due after then."""
    query = _NEXT if after is None else _NEXT.where(_due_at > after)
    return connection.execute(query, {"to": to}).scalar()


def settle(connection: Connection, settled: Iterable[Delivery]) -> None:
    """Keep what came of an attempt."""
    connection.execute(_SETTLE, [_settled(each) for each in settled])


def find(
    connection: Connection,
    to: str | None,
    status: DeliveryStatus | None,
    event_id: str | None,
    before: tuple[int, str, str] | None,
    limit: int,
) -> tuple[Delivery, ...]:
    """Deliveries, newest first."""
    # Those of a receiver are in order only for each status by itself.
    by_status = [status] if status is not None or to is None else list(DeliveryStatus)
    found = [
        _delivery(row, row.after_gap)
        for each in by_status
        for row in connection.execute(newest_query(to, each, event_id, before).limit(limit))
    ]
    found.sort(key=lambda each: (-each.seq, each.receiver, each.id))
    return tuple(found[:limit])


def newest_query(
    to: str | None,
    status: DeliveryStatus | None,
    event_id: str | None,
    before: tuple[int, str, str] | None,
) -> Select[Any]:
    """Deliveries like this that come after `before`, newest first."""
    query: Select[Any] = select(delivery)
    if to is not None:
        query = query.where(delivery.c.receiver == to)
    if status is not None:
        query = query.where(delivery.c.status == status.value)
    if event_id is not None:
        of_event = select(event.c.seq).where(event.c.id == event_id).scalar_subquery()
        query = query.where(delivery.c.seq == of_event)
    if before is not None:
        seq, *rest = before
        is_later = tuple_(delivery.c.receiver, delivery.c.id) > tuple_(*rest)
        query = query.where(delivery.c.seq <= seq, or_(delivery.c.seq < seq, is_later))
    return query.order_by(delivery.c.seq.desc(), delivery.c.receiver, delivery.c.id)


def oldest_waiting(connection: Connection) -> Mapping[str, datetime]:
    """When each receiver's oldest waiting delivery was made."""
    return {row.receiver: row.oldest for row in connection.execute(_OLDEST_WAITING)}


def count(connection: Connection, to: str) -> Mapping[DeliveryStatus, int]:
    """How many deliveries of a receiver stand how."""
    query = (
        select(delivery.c.status, func.count())
        .where(delivery.c.receiver == to)
        .group_by(delivery.c.status)
    )
    return {DeliveryStatus(status): number for status, number in connection.execute(query)}


def revive(connection: Connection, which: str, now: datetime) -> None:
    """Make a dead delivery wait again; any other stays as it is."""
    eventlog.lock(connection)  # its event may else be pruned meanwhile
    connection.execute(_REVIVE, {"which": which, "at": now})


def disabled(connection: Connection) -> frozenset[str]:
    """The receivers that want no more."""
    return frozenset(connection.scalars(_DISABLED))


def disable(connection: Connection, name: str, attempt: Attempt) -> None:
    """Keep that a receiver wants no more."""
    row = {"name": name, "disabled_by": _encode(attempt)}
    connection.execute(upsert(connection, receiver, "disabled_by"), row)


def enable(connection: Connection, name: str) -> None:
    """Forget that a receiver wanted no more."""
    connection.execute(delete(receiver).where(receiver.c.name == name))


def references(connection: Connection, to: str, lanes: Iterable[str]) -> Mapping[str, str]:
    """The receiver's messages of these incidents, by lane."""
    return {
        lane: message
        for some in chunks(lanes, _PARAMETERS)
        for lane, message in connection.execute(_REFERENCES, {"to": to, "lanes": some})
    }


def remember_reference(connection: Connection, to: str, lane: str, message: str) -> None:
    """Keep the receiver's message of an incident."""
    row = {"receiver": to, "lane": lane, "reference": message}
    connection.execute(upsert(connection, thread, "reference"), row)


def _row(new: Delivery) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.structs.asdict(new)
    row["status"] = new.status.value
    row["occasion"] = new.occasion.value
    row["last"] = None if new.last is None else _encode(new.last)
    return row


def _settled(changed: Delivery) -> dict[str, Any]:
    row = _row(changed)
    kept = ("id", "receiver", "seq", "event_id", "lane", "rule", "created_at", "occasion")
    return {"which": changed.id} | {name: row[name] for name in row.keys() - set(kept)}


def _with_events(
    connection: Connection, query: Select[Any], values: Mapping[str, Any]
) -> tuple[tuple[Delivery, Event], ...]:
    return tuple(
        (_delivery(row, row.after_gap or row.behind_a_gap), eventlog.decode(row.seq, row.facts))
        for row in connection.execute(query, values)
    )


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
        occasion=Occasion(row.occasion),
        reason=row.reason,
        digest=row.digest,
    )
