"""Metrics stores as older versions left them."""

import sqlite3
from contextlib import closing
from pathlib import Path

ADDED_BY_0002 = (
    "cusum_val_pos",
    "grad_norm_embedding",
    "grad_norm_attention",
    "grad_norm_feed_forward",
)
ADDED_BY_0005 = ("grad_norm_rwkv6", "grad_norm_mamba2")
TABLES_OF_0004 = ("checkpoints", "reports")
ADDED_BY_0003 = ("version", "asked", "memorised", "comparable", "interval", "kinds", "beside")


def back_to_first_schema(database: Path) -> None:
    """Take away what the later schemas added."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for name in (*ADDED_BY_0002, *ADDED_BY_0005):
            connection.execute(f"ALTER TABLE metrics DROP COLUMN {name}")
        for name in ADDED_BY_0003:
            connection.execute(f"ALTER TABLE batteries DROP COLUMN {name}")
        for name in TABLES_OF_0004:
            connection.execute(f"DROP TABLE {name}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
