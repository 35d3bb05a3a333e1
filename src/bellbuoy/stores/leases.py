"""Workers and their leases. Every function runs inside a transaction.

    renew   ──> the worker's row, alive until the database's clock + LEASE_FOR
    claim   ──> owner and epoch, where both are still as they were seen
    check   ──> a shared lock on the lease's row, for as long as the write takes

So nobody can take a lease while something is written under it, and who writes under one that
was taken is refused. All but `check` are in transactions of their own, beside those who write:
they pass over rows that are locked, wait for no more than one, and make new rows in the order
of their names. So no two transactions can wait for each other.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from bellbuoy.errors import LeaseLostError
from bellbuoy.model.leases import (
    LEASE_FOR,
    REMEMBERED_FOR,
    Holding,
    Lease,
    Member,
    Roster,
    Worker,
)
from bellbuoy.stores import migrations
from bellbuoy.stores.schema import lease, poke, version, worker
from bellbuoy.stores.statements import chunks, clock, insert_new, upsert

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Worker).decode

DECODERS = ((worker.c.facts, _decode),)
"""Every column of blobs here, with what reads it."""

_PARAMETERS = 500
"""Values asked for in one statement; SQLite before 3.32 takes at most 999."""

_VERSION = select(version.c.version_num)
_MEMBERS = select(worker.c.until, worker.c.facts).order_by(worker.c.id)
_HOLDINGS = select(lease.c.name, lease.c.owner, lease.c.epoch).order_by(lease.c.name)
_POKES = select(poke.c.page_key).order_by(poke.c.page_key)
_FORGET = delete(worker).where(
    worker.c.id.in_(
        select(worker.c.id)
        .where(worker.c.until < bindparam("before"))
        .with_for_update(skip_locked=True)
    )
)
_LIVE = select(worker.c.id, worker.c.facts).where(worker.c.until > bindparam("at"))
_LOCKED = (
    _HOLDINGS.where(lease.c.name.in_(bindparam("names", expanding=True)))
    .with_for_update(skip_locked=True)
    .order_by(lease.c.name)
)
_TAKE = (
    update(lease)
    .where(lease.c.name == bindparam("which"))
    .values(owner=bindparam("to"), epoch=bindparam("next"))
)
_OWN = select(lease.c.name).where(
    lease.c.owner == bindparam("of"), lease.c.name.in_(bindparam("names", expanding=True))
)
_OWN_LOCKED = _OWN.with_for_update(skip_locked=True)
_RELEASE = (
    update(lease)
    .where(lease.c.owner == bindparam("of"), lease.c.name == bindparam("which"))
    .values(owner=None)
)
_RETIRE = delete(worker).where(worker.c.id == bindparam("of"))
_CHECK = (
    select(lease.c.owner)
    .where(lease.c.name == bindparam("which"), lease.c.epoch == bindparam("at_epoch"))
    .with_for_update(read=True)
)
_TAKE_POKES = delete(poke).where(
    poke.c.page_key.in_(
        select(poke.c.page_key)
        .where(poke.c.page_key.in_(bindparam("keys", expanding=True)))
        .with_for_update(skip_locked=True)
    )
)


def check(connection: Connection, held: Lease) -> None:
    """Raise LeaseLostError unless this lease is held, and keep it so until the transaction ends."""
    asked = {"which": held.name, "at_epoch": held.epoch}
    if connection.execute(_CHECK, asked).scalar() is None:
        raise LeaseLostError(f"another worker has taken over: {held.name}")


def renew(connection: Connection, who: Worker, place: str) -> Roster:
    """Keep a worker alive, and see who is there. Raises StoreNewerError."""
    at = clock(connection)
    row = {"id": who.id, "until": at + LEASE_FOR, "facts": _encode(who)}
    connection.execute(upsert(connection, worker, "until", "facts"), row)
    _refuse_newer(connection, place)
    connection.execute(_FORGET, {"before": at - REMEMBERED_FOR})
    return _roster(connection, at)


def live(connection: Connection) -> tuple[str, ...]:
    """The names of those who are alive, whatever version of Bellbuoy they are."""
    rows = connection.execute(_LIVE, {"at": clock(connection)})
    return tuple(sorted(_name(id, facts) for id, facts in rows))


def roster(connection: Connection) -> Roster:
    """Who is there, and who holds what."""
    return _roster(connection, clock(connection))


def claim(
    connection: Connection, worker_id: str, wanted: Mapping[str, Holding | None], place: str
) -> tuple[Lease, ...]:
    """Take what is still as it was seen. Raises StoreNewerError."""
    new = [name for name, seen in wanted.items() if seen is None]
    if new:
        rows = [{"name": name, "owner": None, "epoch": 0} for name in sorted(new)]
        connection.execute(insert_new(connection, lease), rows)
    taken: list[dict[str, Any]] = []
    for names in chunks(wanted, _PARAMETERS):
        for name, owner, epoch in connection.execute(_LOCKED, {"names": names}):
            if Holding(owner, epoch) == (wanted[name] or Holding(None, 0)):
                taken.append({"which": name, "to": worker_id, "next": epoch + 1})
    if taken:
        connection.execute(_TAKE, taken)
    _refuse_newer(connection, place)
    return tuple(Lease(row["which"], row["next"]) for row in taken)


def release(connection: Connection, worker_id: str, names: Iterable[str]) -> tuple[str, ...]:
    """Let leases go; returns those under which something is written at this moment."""
    left: set[str] = set()
    for some in chunks(names, _PARAMETERS):
        asked = {"of": worker_id, "names": some}
        free = connection.scalars(_OWN_LOCKED, asked).all()
        if free:
            connection.execute(_RELEASE, [{"of": worker_id, "which": name} for name in free])
        left.update(connection.scalars(_OWN, asked))
    return tuple(sorted(left))


def release_later(connection: Connection, worker_id: str, name: str) -> None:
    """Let one lease go once what is being written under it is written."""
    connection.execute(_RELEASE, {"of": worker_id, "which": name})


def forget(connection: Connection, worker_id: str) -> None:
    """Forget a worker, which holds nothing any more."""
    connection.execute(_RETIRE, {"of": worker_id})


def add_poke(connection: Connection, page_key: str) -> None:
    """Keep that a page is to be looked at."""
    row = {"page_key": page_key, "at": clock(connection)}
    connection.execute(upsert(connection, poke, "at"), row)


def take_pokes(connection: Connection, page_keys: Iterable[str]) -> None:
    """Forget it again."""
    for keys in chunks(page_keys, _PARAMETERS):
        connection.execute(_TAKE_POKES, {"keys": keys})


def _refuse_newer(connection: Connection, place: str) -> None:
    """Raise StoreNewerError if the tables are not ours any more.

    A migration locks the tables of workers and leases, so after a row of them was written none
    can come before this transaction ends.
    """
    migrations.known_version(place, connection.execute(_VERSION).scalar())


def _name(id: str, facts: bytes) -> str:
    try:
        return _decode(facts).name
    except msgspec.MsgspecError:
        return id


def _roster(connection: Connection, at: datetime) -> Roster:
    return Roster(
        at=at,
        members=tuple(
            Member(worker=_decode(facts), until=until, is_live=until > at)
            for until, facts in connection.execute(_MEMBERS)
        ),
        holdings={
            name: Holding(owner, epoch) for name, owner, epoch in connection.execute(_HOLDINGS)
        },
        pokes=tuple(connection.scalars(_POKES)),
    )
