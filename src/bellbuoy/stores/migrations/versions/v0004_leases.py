"""Workers, and what each of them holds."""

from alembic import op
from sqlalchemy import BigInteger, Column, LargeBinary

from bellbuoy.stores.columns import Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; they are filled by those who run."""
    op.create_table(
        "worker",
        Column("id", Text, primary_key=True),
        Column("until", BigInteger, nullable=False),
        Column("facts", LargeBinary, nullable=False),
    )
    op.create_table(
        "lease",
        Column("name", Text, primary_key=True),
        Column("owner", Text),
        Column("epoch", BigInteger, nullable=False),
    )
    op.create_table(
        "poke",
        Column("page_key", Text, primary_key=True),
        Column("at", BigInteger, nullable=False),
    )
