"""Rows that replace those with their key, in one statement; for SQLite and PostgreSQL."""

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter

from sqlalchemy import JSON, Connection, Dialect, Insert, Table, bindparam, insert, null
from sqlalchemy.dialects import postgresql, sqlite

from state.store_rows import Row


def replace_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write `rows`; of two with one key the later counts. What no row has is NULL."""
    key_of = itemgetter(*(column.name for column in table.primary_key))
    by_key = {key_of(row): row for row in rows}
    if not by_key:
        return
    names = frozenset(name for row in by_key.values() for name in row)
    values = [_filled(row, names) for row in by_key.values()]
    if any(isinstance(table.columns[name].type, JSON) for name in names):
        connection.execute(_replacing(table, names, connection.dialect.name), values)
        return
    text, order = _written_out(table, names, connection.dialect)
    # SQLAlchemy's handling of parameters would take most of the time, and changes none of these.
    parameters = [tuple([row[name] for name in order]) for row in values] if order else values
    connection.exec_driver_sql(text, parameters)


def merge_row(connection: Connection, table: Table, row: Row, first: Row) -> None:
    """Change these columns of the row with this key, or make it, with those of `first` as well."""
    key = [column.name for column in table.primary_key]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    making = dialect.insert(table).values({**first, **row})
    changed = {name: making.excluded[name] for name in row if name not in key}
    if changed:
        connection.execute(making.on_conflict_do_update(index_elements=key, set_=changed))
    else:
        connection.execute(making.on_conflict_do_nothing(index_elements=key))


def _filled(row: Row, names: frozenset[str]) -> Row:
    return row if len(row) == len(names) else {name: row.get(name) for name in names}


def _replacing(table: Table, names: frozenset[str], dialect: str) -> Insert:
    parameters: Row = {name: bindparam(name) for name in sorted(names)}
    if dialect != "postgresql":
        return insert(table).prefix_with("OR REPLACE").values(parameters)
    ours = postgresql.insert(table).values(parameters)
    theirs = {
        one.name: ours.excluded[one.name] if one.name in names else null()
        for one in table.columns
        if not one.primary_key
    }
    key = [column.name for column in table.primary_key]
    return ours.on_conflict_do_update(index_elements=key, set_=theirs)


@lru_cache(maxsize=256)
def _written_out(
    table: Table, names: frozenset[str], dialect: Dialect
) -> tuple[str, tuple[str, ...]]:
    """The statement for the driver, and the order of its parameters; none where they are named."""
    compiled = _replacing(table, names, dialect.name).compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ())
