"""What a dashboard asks: events by page and by words, incidents by their beginning."""

from typing import TypeVar

import msgspec
from alembic import op
from msgspec.structs import replace
from sqlalchemy import BigInteger, Column, text

from bellbuoy.events import Event
from bellbuoy.model.known import KnownIncident, KnownUpdate
from bellbuoy.stores import search
from bellbuoy.stores.columns import Text
from bellbuoy.stores.retention import began_at
from bellbuoy.stores.schema import as_number

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

T = TypeVar("T")

_AT_ONCE = 1000
"""Rows that are in memory at the same time."""

_EVENTS = text("SELECT seq, facts FROM event WHERE seq > :last ORDER BY seq LIMIT :most")
_PAGE_OF_EVENT = text("UPDATE event SET page_key = :page_key WHERE seq = :seq")
_INCIDENTS = text("SELECT page_key, key, facts FROM incident")
_UPDATES = text("""
    SELECT facts FROM incident_update
    WHERE page_key = :page_key AND incident_key = :key ORDER BY position
""")
_INCIDENT = text("""
    UPDATE incident SET kind = :kind, began_at = :began_at
    WHERE page_key = :page_key AND key = :key
""")


def upgrade() -> None:
    """Add columns, indexes and the words, and fill them from what is there.

    A row that is damaged is left out. It stops no upgrade: `check` names it, before and after.
    """
    op.add_column("event", Column("page_key", Text, nullable=False, server_default=""))
    op.add_column("incident", Column("kind", Text, nullable=False, server_default=""))
    op.add_column("incident", Column("began_at", BigInteger, nullable=False, server_default="0"))
    search.create(op.get_bind())
    _fill_events()
    _fill_incidents()
    op.create_index("event_page", "event", ["page_key", "seq"])
    op.create_index("incident_began_at", "incident", ["began_at", "page_key", "key"])
    op.create_index("incident_kind", "incident", ["kind", "began_at", "page_key", "key"])
    op.create_index("delivery_newest", "delivery", ["status", "seq"])
    op.create_index(
        "delivery_waiting",
        "delivery",
        ["receiver", "created_at", "status"],
        sqlite_where=text("status || '' = 'waiting'"),
        postgresql_where=text("status || '' = 'waiting'"),
    )
    op.create_index("thread_lane", "thread", ["lane"])


def _fill_events() -> None:
    connection = op.get_bind()
    last = 0
    while rows := connection.execute(_EVENTS, {"last": last, "most": _AT_ONCE}).all():
        last = rows[-1].seq
        found = [(seq, _decoded(facts, Event)) for seq, facts in rows]
        events = [event.numbered(seq) for seq, event in found if event is not None]
        if events:
            pages = [{"page_key": each.page.key, "seq": each.seq} for each in events]
            connection.execute(_PAGE_OF_EVENT, pages)
            search.add(connection, events)


def _fill_incidents() -> None:
    connection = op.get_bind()
    for page_key, key, facts in connection.execute(_INCIDENTS).all():
        which = {"page_key": page_key, "key": key}
        alone = _decoded(facts, KnownIncident)
        if alone is not None:
            blobs = connection.scalars(_UPDATES, which)
            updates = [each for blob in blobs if (each := _decoded(blob, KnownUpdate))]
            began = as_number(began_at(replace(alone, updates=tuple(updates))))
            connection.execute(_INCIDENT, which | {"kind": alone.kind.value, "began_at": began})


def _decoded(facts: bytes, struct: type[T]) -> T | None:
    try:
        return msgspec.msgpack.decode(facts, type=struct)
    except msgspec.MsgspecError:
        return None
