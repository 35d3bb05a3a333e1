"""What a dashboard asks: events by page and by words, incidents by their beginning."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from alembic import op
from sqlalchemy import BigInteger, Column, Text, text

from bellbuoy.events import Event
from bellbuoy.stores import search

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
"""Rows that are in memory at the same time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
        ["receiver", "created_at"],
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    )
    op.create_index("thread_lane", "thread", ["lane"])


def _fill_events() -> None:
    connection = op.get_bind()
    decode = msgspec.msgpack.Decoder(Event).decode
    last = 0
    while rows := connection.execute(_EVENTS, {"last": last, "most": _AT_ONCE}).all():
        last = rows[-1].seq
        found = [(seq, _decoded(decode, facts)) for seq, facts in rows]
        events = [event.numbered(seq) for seq, event in found if event is not None]
        if events:
            pages = [{"page_key": each.page.key, "seq": each.seq} for each in events]
            connection.execute(_PAGE_OF_EVENT, pages)
            search.add(connection, events)


def _fill_incidents() -> None:
    connection = op.get_bind()
    for page_key, key, facts in connection.execute(_INCIDENTS).all():
        found = _decoded(msgspec.msgpack.decode, facts)
        if found is None:
            continue
        which = {"page_key": page_key, "key": key}
        updates = [
            update
            for (blob,) in connection.execute(_UPDATES, which)
            if (update := _decoded(msgspec.msgpack.decode, blob)) is not None
        ]
        began = (_began_at(found, updates) - _EPOCH) // timedelta(microseconds=1)
        connection.execute(_INCIDENT, which | {"kind": found["kind"], "began_at": began})


def _began_at(incident: dict[str, Any], updates: Sequence[dict[str, Any]]) -> datetime:
    said = incident.get("started_at") or next(
        (at for each in updates if (at := each.get("at"))), None
    )
    return said or incident.get("first_seen_at") or _EPOCH


def _decoded(decode: Any, facts: bytes) -> Any:
    try:
        return decode(facts)
    except msgspec.MsgspecError:
        return None
