"""Engines for databases that are no plain SQLite file: PostgreSQL and libSQL."""

from collections.abc import Callable

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

EXAMPLES = "postgresql://USER@HOST/NAME or sqlite:///FILE"

_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_DRIVERS["libsql"] = "sqlite+libsql"
"""What people write -> what SQLAlchemy calls it."""

_EXTRAS = {"postgresql+psycopg": "postgresql", "sqlite+libsql": "libsql"}
"""Driver -> the extra of this package that brings it."""

BUSY_SECONDS = 30
"""For a lock of somebody else's to go."""


def create(
    url: str, json_serializer: Callable[[object], str], *, snapshots: bool = False
) -> Engine:
    """An engine for a URL; nothing is connected yet.

    With `snapshots` all that one connection reads is of one moment, which SQLite does by itself.

    Raises:
        ValueError: it is no database URL, or its driver is not installed.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ValueError(f"a store cannot be kept in {parsed.drivername}; use {EXAMPLES}")
    try:
        engine = create_engine(parsed, json_serializer=json_serializer, pool_pre_ping=True)
        if snapshots and engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
    except (NoSuchModuleError, ModuleNotFoundError):
        raise _no_driver(parsed) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "handle_error", _as_others_say_it)
        if not parsed.host:
            event.listen(engine, "connect", _set_up_file)
    return engine


def shown(url: str) -> str:
    """The URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "the database's URL"


def _set_up_file(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """As of SQLite: without these libSQL refuses whoever comes while another one writes."""
    cursor = connection.cursor()
    waiting = f"busy_timeout = {1000 * BUSY_SECONDS}"
    for pragma in (waiting, "journal_mode = WAL", "synchronous = FULL"):
        try:
            cursor.execute(f"PRAGMA {pragma}")
            cursor.fetchall()
        except ValueError as error:
            raise OperationalError(pragma, None, error) from error
    cursor.close()


def _as_others_say_it(context: ExceptionContext) -> OperationalError | None:
    """What libSQL's driver raises as ValueError, a lock that lasts or a full disk, as the error of
    a database that it is.
    """
    error = context.original_exception
    if not isinstance(error, ValueError) or context.sqlalchemy_exception is not None:
        return None
    return OperationalError(context.statement, context.parameters, error)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"the database's URL cannot be read; write it like {EXAMPLES}") from None
    return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))


def _no_driver(parsed: URL) -> ValueError:
    extra = _EXTRAS.get(parsed.drivername)
    remedy = f"pip install 'symbio-auto[{extra}]'" if extra else f"install it, or use {EXAMPLES}"
    return ValueError(f"the driver {parsed.drivername} is not installed; {remedy}")
