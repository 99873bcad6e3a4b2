"""What a server keeps of the runs that report to it: checkpoints, and when it heard of them."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "checkpoints",
        Column("run_id", Text, primary_key=True),
        Column("sha256", Text, primary_key=True),
        Column("step", BigInteger),
        Column("name", Text),
        Column("bytes", BigInteger),
        Column("uploaded_at", Text),
        Column("complete", Boolean),
        Column("file", Text),
    )
    op.create_table(
        "reports",
        Column("run_id", Text, primary_key=True),
        Column("revision", BigInteger),
        Column("num_rows", BigInteger),
        Column("reported_at", Text),
    )
