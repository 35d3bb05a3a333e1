"""The first tables."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
)

from bellbuoy.stores.columns import Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table of the first version."""
    _log()
    _knowledge()
    _deliveries()


def _log() -> None:
    op.create_table(
        "log",
        Column("id", Text, primary_key=True),
        Column("seq", BigInteger, nullable=False),
    )
    op.create_table(
        "event",
        Column(
            "seq",
            BigInteger().with_variant(Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        Column("id", Text, nullable=False, unique=True),
        Column("incident", Text),
        Column("observed_at", BigInteger, nullable=False),
        Column("facts", LargeBinary, nullable=False),
    )
    op.create_index("event_incident", "event", ["incident", "seq"])
    op.create_index("event_observed_at", "event", ["observed_at"])
    op.create_table(
        "cursor",
        Column("reader", Text, primary_key=True),
        Column("seq", BigInteger, nullable=False),
    )


def _knowledge() -> None:
    op.create_table(
        "page",
        Column("key", Text, primary_key=True),
        Column("state", LargeBinary, nullable=False),
        Column("known", LargeBinary),
    )
    op.create_table(
        "incident",
        Column("page_key", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("ended_at", BigInteger),
        Column("has_bodies", Boolean, nullable=False),
        Column("facts", LargeBinary, nullable=False),
    )
    op.create_index("incident_ended_at", "incident", ["ended_at"])
    op.create_table(
        "incident_update",
        Column("page_key", Text, primary_key=True),
        Column("incident_key", Text, primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("body", Text, nullable=False),
        Column("facts", LargeBinary, nullable=False),
    )
    op.create_table(
        "component",
        Column("page_key", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("facts", LargeBinary, nullable=False),
    )


def _deliveries() -> None:
    op.create_table(
        "delivery",
        Column("id", Text, primary_key=True),
        Column("receiver", Text, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("lane", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("status", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("due_at", BigInteger, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("last", LargeBinary),
        Column("reference", Text, nullable=False),
        Column("after_gap", Boolean, nullable=False),
    )
    op.create_index("delivery_status", "delivery", ["receiver", "status", "seq"])
    op.create_index("delivery_lane", "delivery", ["receiver", "lane", "seq"])
    op.create_index("delivery_seq", "delivery", ["seq"])
    op.create_table(
        "receiver",
        Column("name", Text, primary_key=True),
        Column("disabled_by", LargeBinary, nullable=False),
    )
    op.create_table(
        "thread",
        Column("receiver", Text, primary_key=True),
        Column("lane", Text, primary_key=True),
        Column("reference", Text, nullable=False),
    )
