"""Silences. Every function runs inside a transaction."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select

from bellbuoy.model.delivery import Silence
from bellbuoy.stores.schema import silence
from bellbuoy.stores.statements import upsert

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Silence).decode

DECODERS = ((silence.c.facts, _decode),)
"""Every column of blobs here, with what reads it."""


def add(connection: Connection, new: Silence) -> None:
    """Keep a silence, in place of one with the same id."""
    row = {
        "id": new.id,
        "starts_at": new.starts_at,
        "ends_at": new.ends_at,
        "facts": _encode(new),
    }
    connection.execute(upsert(connection, silence, "starts_at", "ends_at", "facts"), row)


def read(connection: Connection, since: datetime | None) -> tuple[Silence, ...]:
    """Those that end after `since`, or all."""
    query = select(silence.c.facts).order_by(silence.c.starts_at, silence.c.id)
    if since is not None:
        query = query.where(silence.c.ends_at > since)
    return tuple(_decode(facts) for facts in connection.scalars(query))


def prune(connection: Connection, before: datetime) -> None:
    """Drop those that ended before then."""
    connection.execute(delete(silence).where(silence.c.ends_at < before))
