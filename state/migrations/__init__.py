"""Named, transactional schema changes of the metrics store, run by Alembic from the package."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def configuration() -> Config:
    """Alembic's configuration for the migrations in this package; needs no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def upgrade(connection: Connection, config: Config | None = None) -> None:
    """Bring the database to the newest schema.

    Each migration is one transaction together with its own record, so a crash leaves the schema
    between two of them, never within one. `connection` must not be in a transaction.
    """
    config = config or configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
