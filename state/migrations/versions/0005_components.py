"""Gradient norms of the components of a recurrent backbone."""

from alembic import op
from sqlalchemy import Column, Double

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns to `metrics`; rows that exist have nothing in them."""
    for name in ("grad_norm_rwkv6", "grad_norm_mamba2"):
        op.add_column("metrics", Column(name, Double))
