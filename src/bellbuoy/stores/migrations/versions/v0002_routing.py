"""What receivers were told, deliveries that are held, digests and silences."""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary

from bellbuoy.stores.columns import Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TOLD = """
    INSERT INTO thread (receiver, lane, reference, rule)
    SELECT receiver, lane, '', MIN(rule) FROM delivery
    WHERE NOT EXISTS (
        SELECT 1 FROM thread
        WHERE thread.receiver = delivery.receiver AND thread.lane = delivery.lane
    )
    GROUP BY receiver, lane
"""
"""Whoever has a delivery of a lane was told of it: until now nothing else was kept."""


def upgrade() -> None:
    """Add columns and the table of silences; take account of who was told."""
    op.add_column("delivery", Column("occasion", Text, nullable=False, server_default="event"))
    op.add_column("delivery", Column("reason", Text, nullable=False, server_default=""))
    op.add_column("delivery", Column("digest", Text, nullable=False, server_default=""))
    op.create_index("delivery_due", "delivery", ["status", "due_at"])
    op.add_column("thread", Column("rule", Text, nullable=False, server_default=""))
    op.create_table(
        "silence",
        Column("id", Text, primary_key=True),
        Column("starts_at", BigInteger, nullable=False),
        Column("ends_at", BigInteger, nullable=False),
        Column("facts", LargeBinary, nullable=False),
    )
    op.create_index("silence_ends_at", "silence", ["ends_at"])
    op.execute(_TOLD)
