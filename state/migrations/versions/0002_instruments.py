"""What `train --symbio` reads of the search loss, and gradient norms by component."""

from alembic import op
from sqlalchemy import Column, Double

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = (
    "cusum_val_pos",
    "grad_norm_embedding",
    "grad_norm_attention",
    "grad_norm_feed_forward",
)


def upgrade() -> None:
    """Add the columns to `metrics`; rows that exist have nothing in them."""
    for name in COLUMNS:
        op.add_column("metrics", Column(name, Double))
