"""What makes two reports of the inference battery comparable, and what stands beside the scores."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns to `batteries`; rows that exist have nothing in them and are of version 1."""
    op.add_column("batteries", Column("version", BigInteger))
    op.add_column("batteries", Column("asked", Text))
    for name in ("memorised", "comparable"):
        op.add_column("batteries", Column(name, Boolean))
    for name in ("interval", "kinds", "beside"):
        op.add_column("batteries", Column(name, JSON(none_as_null=True)))
