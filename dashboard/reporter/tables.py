"""The small rows of a run's store that a server has not acknowledged yet.

The newest generations are compared row by row with what was acknowledged. Older ones are sealed
and not read again: a run goes back by a generation or two, and further back only with its journal.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

from pydantic import JsonValue
from sqlalchemy import Connection, Engine, RowMapping, Table, select

from dashboard.reporter.cursor import Cursor
from dashboard.reporter.row_keys import PLACES, digest_of, generation_of, is_open, key_of, place_of
from state import schema
from state.database import open_engine

Row = dict[str, JsonValue]

OPEN_GENERATIONS = 4
OPEN_EVENTS = 100
MOST_ROWS = 2000
"""Of one table in one look."""


class Small(NamedTuple):
    """A row that the server does not have as it is."""

    table: str
    key: str
    digest: str
    row: Row


class Seen(NamedTuple):
    """One look at the store."""

    changed: list[Small]
    gone_after: int | None
    """Generation behind which rows are missing that were acknowledged; None where none is."""
    generation: int
    """What can be sealed once all of `changed` is acknowledged."""
    event: int
    more: bool
    """There are rows behind those that were looked at."""


class _Table(NamedTuple):
    """What was read of one table."""

    table: Table
    rows: list[RowMapping]
    limited: bool

    @property
    def last(self) -> int:
        """Place of the last row; of those with the same place some may be missing."""
        return place_of(self.table, dict(self.rows[-1])) if self.rows else -1


class SmallTables:
    """The store of a run, read in short looks and only when its files have changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine: Engine | None = None
        self._signature: object = None

    def run_id(self) -> str | None:
        """The run of the store; None while there is none.

        Raises:
            ValueError: the store cannot be read.
        """
        newest = select(schema.RUNS.c.run_id).order_by(schema.RUNS.c.created_at.desc()).limit(1)
        with self._opened().connect() as connection:
            found: str | None = connection.execute(newest).scalar()
            return found

    def has_changed(self) -> bool:
        """The store's files are not as they were at the last look."""
        return self._signature is None or self._signature != self._files()

    def look(
        self,
        run_id: str,
        cursor: Cursor,
        overlay: Mapping[str, JsonValue],
        most_rows: int = MOST_ROWS,
    ) -> Seen:
        """Compare; `overlay` are columns of the run's own row that somebody else knows better.

        Raises:
            ValueError: the store cannot be read.
        """
        signature = self._files()
        with self._opened().connect() as connection:
            tables = [_read(connection, table, run_id, cursor, most_rows) for table in PLACES]
        generation, event = _ends(tables)
        more = any(one.limited for one in tables)
        if more and generation <= cursor.sealed_generation and event <= cursor.sealed_event:
            return self.look(run_id, cursor, overlay, 4 * most_rows)
        self._signature = None if more else signature
        changed, keys = [], set()
        for table, rows, _ in tables:
            for found in rows:
                row = _run(found, overlay) if table is schema.RUNS else _plain(found)
                key, digest = key_of(table, row), digest_of(row)
                keys.add(key)
                if cursor.rows.get(key) != digest:
                    changed.append(Small(table.name, key, digest, row))
        gone = None if more else _gone_after(cursor, keys)
        return Seen(changed, gone, generation, event, more)

    def close(self) -> None:
        """Close the store."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = open_engine(self._path, writer=False, older=True)
        return self._engine

    def _files(self) -> object:
        found = []
        for path in (self._path, self._path.with_name(f"{self._path.name}-wal")):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return found


def sealed(cursor: Cursor, seen: Seen) -> Cursor:
    """The cursor once all of the look is acknowledged: what is old enough is looked at no more."""
    generation = max(cursor.sealed_generation, seen.generation)
    event = max(cursor.sealed_event, seen.event)
    rows = {key: one for key, one in cursor.rows.items() if is_open(key, generation, event)}
    update = {"sealed_generation": generation, "sealed_event": event, "rows": rows}
    return cursor.model_copy(update=update)


def _read(
    connection: Connection, table: Table, run_id: str, cursor: Cursor, most_rows: int
) -> _Table:
    query = select(table).where(table.c.run_id == run_id)
    if PLACES[table]:
        place = table.c[PLACES[table]]
        is_event = table is schema.EVENTS
        query = query.where(place > (cursor.sealed_event if is_event else cursor.sealed_generation))
        query = query.order_by(place)
    rows = list(connection.execute(query.limit(most_rows)).mappings())
    return _Table(table, rows, len(rows) == most_rows)


def _ends(tables: list[_Table]) -> tuple[int, int]:
    """The generation and the event up to which a look may be sealed."""
    small = [one for one in tables if PLACES[one.table] and one.table is not schema.EVENTS]
    events = next(one for one in tables if one.table is schema.EVENTS)
    newest = max(one.last for one in small)
    # The last place of a table that was not read to its end may be incomplete.
    ends = [one.last - 1 for one in small if one.limited]
    event = events.last - 1 if events.limited else events.last - OPEN_EVENTS
    return min([newest - OPEN_GENERATIONS, *ends]), event


def _run(row: RowMapping, overlay: Mapping[str, JsonValue]) -> Row:
    """What the store leaves open is for the server to know."""
    said = {name: value for name, value in row.items() if value is not None}
    return cast(Row, {**said, **overlay})


def _plain(row: RowMapping) -> Row:
    """Columns hold text, numbers and decoded JSON."""
    return cast(Row, dict(row))


def _gone_after(cursor: Cursor, keys: set[str]) -> int | None:
    missing = [generation_of(key) for key in cursor.rows.keys() - keys]
    return min((one - 1 for one in missing if one is not None), default=None)
