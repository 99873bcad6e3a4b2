"""Lets a reader of an older SQLite store see the newest schema, and changes nothing in the file."""

import sqlite3

from sqlalchemy import Table

from state.schema import METADATA


def show_as_newest(connection: sqlite3.Connection) -> None:
    """Lay temporary views over the tables that lack columns, or that are not there at all.

    What the store cannot have is NULL in them. They belong to the connection and go with it.
    """
    for table in METADATA.sorted_tables:
        found = {row[1] for row in connection.execute(f'PRAGMA main.table_info("{table.name}")')}
        missing = [name for name in table.columns.keys() if name not in found]  # noqa: SIM118
        if missing:
            connection.execute(_view(table, missing, exists=bool(found)))


def _view(table: Table, missing: list[str], *, exists: bool) -> str:
    nothing = ", ".join(f'NULL AS "{name}"' for name in missing)
    shown = f'*, {nothing} FROM main."{table.name}"' if exists else f"{nothing} WHERE 0"
    return f'CREATE TEMP VIEW "{table.name}" AS SELECT {shown}'
