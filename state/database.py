"""Opens the metrics store's database: how SQLite is set up, and which schema is accepted."""

import json
import sqlite3
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry

from state import database_url
from state.older_schema import show_as_newest
from state.schema import REVISION

_to_json = partial(json.dumps, allow_nan=False)


def open_engine(location: Path | str, writer: bool, older: bool = False) -> Engine:
    """An engine whose schema is the one this version uses; the writer migrates, readers never do.

    `location` is the path of a SQLite file or any SQLAlchemy URL. With `older` a reader takes a
    SQLite file of an older schema as well, and finds NULL in what that has not.

    Raises:
        ValueError: the database is missing, damaged, or of a schema that cannot be used.
    """
    engine = _create_engine(location, writer)
    try:
        with engine.connect() as connection:
            _require_intact(connection, location, writer)
            found = _revision(connection)
        _require_readable(location, found, writer, older)
        if writer and found != REVISION:
            _migrate(engine)
        elif found != REVISION:
            _show_as_newest(engine)
    except DatabaseError as error:
        engine.dispose()
        raise ValueError(_unusable(location, error)) from error
    except ValueError as error:
        engine.dispose()
        raise _named(location, error) from None
    return engine


def database_path(location: Path | str) -> Path:
    """The file of a SQLite database; for another URL a path that only names it."""
    return Path(str(location).removeprefix("sqlite:///"))


def _unusable(location: Path | str, error: DatabaseError) -> str:
    if _is_file(location):
        return (
            f"{location} cannot be opened as a metrics store ({error.orig}); "
            "move it away and resume: it is made again from the journals"
        )
    return _cannot_be_used(location, str(error.orig))


def _named(location: Path | str, error: ValueError) -> ValueError:
    """The error; that of libSQL's driver, which does not say of which database, in our words."""
    if _is_file(location) or database_url.shown(str(location)) in str(error):
        return error
    return ValueError(_cannot_be_used(location, str(error)))


def _cannot_be_used(location: Path | str, why: str) -> str:
    first = why.strip().partition("\n")[0]
    return (
        f"{database_url.shown(str(location))} cannot be used ({first}); "
        "check the URL, and that the database is there and may be written"
    )


def _is_file(location: Path | str) -> bool:
    url = str(location)
    return "://" not in url or url.startswith("sqlite:///")


def _create_engine(location: Path | str, writer: bool) -> Engine:
    if not _is_file(location):
        return database_url.create(str(location), _to_json, snapshots=not writer)
    path = database_path(location)
    if not writer and not path.is_file():
        raise ValueError(f"{path} does not exist; start a run there, or name another run")
    mode = "rwc" if writer else "ro"
    url = f"sqlite:///file:{quote(str(path.absolute()))}?mode={mode}&uri=true"
    engine = create_engine(
        url, connect_args={"timeout": database_url.BUSY_SECONDS}, json_serializer=_to_json
    )
    event.listen(engine, "connect", _set_up_writer if writer else _set_up_reader)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up_reader(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Python's own transaction handling commits before a CREATE TABLE; `_begin` replaces it.
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None


def _set_up_writer(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    _set_up_reader(connection, entry)
    assert isinstance(connection, sqlite3.Connection)
    # WAL lets readers go on while the writer writes; FULL makes a commit survive a power cut.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _show_as_newest(engine: Engine) -> None:
    event.listen(engine, "connect", _lay_views)
    engine.dispose()


def _lay_views(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    show_as_newest(connection)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _require_intact(connection: Connection, location: Path | str, writer: bool) -> None:
    if not writer or connection.dialect.name != "sqlite":
        return
    verdict = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if verdict != "ok":
        raise ValueError(
            f"{location} is damaged ({str(verdict).strip().splitlines()[-1]}); "
            "move it away and resume: it is made again from the journals"
        )


def _revision(connection: Connection) -> str | None:
    """The newest migration in the database's own record, None in an empty database."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _require_readable(location: Path | str, found: str | None, writer: bool, older: bool) -> None:
    shown = location if _is_file(location) else database_url.shown(str(location))
    if found is not None and found > REVISION:
        raise ValueError(
            f"{shown} has schema {found}, this version reads up to {REVISION}; upgrade symbio-auto"
        )
    if found is not None and older and _is_file(location):
        return
    if not writer and found != REVISION:
        remedy = "resume the run" if _is_file(location) else "open it for writing"
        raise ValueError(
            f"{shown} has schema {found or 'none'}, this version reads {REVISION}; "
            f"{remedy} once, which migrates it"
        )


def _migrate(engine: Engine) -> None:
    # Alembic takes 0.3 s to import, and a reader never needs it.
    from state import migrations

    with engine.connect() as connection:
        migrations.upgrade(connection)
