"""The tables.

What is asked for has a column; the rest of a value is one msgpack blob in the shape of its
struct, so a new field with a default needs no migration. Instants are microseconds since
1970, UTC. A change of a table is a new file in `migrations/versions`.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    text,
)
from sqlalchemy.engine import Dialect

from bellbuoy.stores.columns import Text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def as_number(at: datetime | None) -> int | None:
    """Microseconds since 1970, UTC: how an instant is kept."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as a number: sorts and compares everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002, D102 - SQLAlchemy's
        return as_number(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102 - SQLAlchemy's
        return None if value is None else _EPOCH + value * _MICROSECOND


metadata = MetaData()

version = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))
"""The schema's version, in the place where Alembic keeps it."""

log = Table(
    "log",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
"""One row: the log's identity and the `seq` of its newest event."""

page = Table(
    "page",
    metadata,
    Column("key", Text, primary_key=True),
    Column("state", LargeBinary, nullable=False),
    Column("known", LargeBinary),
)
"""`state` is the PageState, `known` the Known without its incidents and components."""

incident = Table(
    "incident",
    metadata,
    Column("page_key", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("ended_at", Instant),
    Column("has_bodies", Boolean, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False, server_default=""),
    Column("began_at", Instant, nullable=False, server_default="0"),
    Index("incident_ended_at", "ended_at"),
    Index("incident_began_at", "began_at", "page_key", "key"),
    Index("incident_kind", "kind", "began_at", "page_key", "key"),
)
"""`facts` is the KnownIncident without its updates. While it is open `ended_at` is null."""

incident_update = Table(
    "incident_update",
    metadata,
    Column("page_key", Text, primary_key=True),
    Column("incident_key", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("body", Text, nullable=False),
    Column("facts", LargeBinary, nullable=False),
)
"""`facts` is the KnownUpdate without its body, which goes when the retention is over."""

component = Table(
    "component",
    metadata,
    Column("page_key", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("facts", LargeBinary, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("id", Text, nullable=False, unique=True),
    Column("incident", Text),
    Column("observed_at", Instant, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("page_key", Text, nullable=False, server_default=""),
    Index("event_incident", "incident", "seq"),
    Index("event_page", "page_key", "seq"),
    Index("event_observed_at", "observed_at"),
)
"""The log. `incident` is our key of it, `facts` is the whole Event. Its words are in `search`."""

IS_WAITING = text("status || '' = 'waiting'")
"""What an index of waiting deliveries alone holds, in the words in which it is asked for.

As an expression, for SQLite would take the index of statuses, and look up every row.
"""

delivery = Table(
    "delivery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last", LargeBinary),
    Column("reference", Text, nullable=False),
    Column("after_gap", Boolean, nullable=False),
    Column("occasion", Text, nullable=False, server_default="event"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("digest", Text, nullable=False, server_default=""),
    Index("delivery_due", "status", "due_at"),
    Index("delivery_status", "receiver", "status", "seq"),
    Index("delivery_lane", "receiver", "lane", "seq"),
    Index("delivery_seq", "seq"),
    Index("delivery_newest", "status", "seq"),
    Index(
        "delivery_waiting",
        "receiver",
        "created_at",
        "status",
        sqlite_where=IS_WAITING,
        postgresql_where=IS_WAITING,
    ),
)

receiver = Table(
    "receiver",
    metadata,
    Column("name", Text, primary_key=True),
    Column("disabled_by", LargeBinary, nullable=False),
)
"""Receivers that want no more; `disabled_by` is the Attempt that said so."""

thread = Table(
    "thread",
    metadata,
    Column("receiver", Text, primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("rule", Text, nullable=False, server_default=""),
    Index("thread_lane", "lane"),
)
"""Who was told that something began, by which route, and where at the receiver that message is."""

silence = Table(
    "silence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Index("silence_ends_at", "ends_at"),
)
"""`facts` is the whole Silence."""

worker = Table(
    "worker",
    metadata,
    Column("id", Text, primary_key=True),
    Column("until", Instant, nullable=False),
    Column("facts", LargeBinary, nullable=False),
)
"""`facts` is the whole Worker."""

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text),
    Column("epoch", BigInteger, nullable=False),
)

poke = Table(
    "poke",
    metadata,
    Column("page_key", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)
"""Pages that somebody wants looked at."""

cursor = Table(
    "cursor",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
