"""Databases of a test's own: SQLite files, and a PostgreSQL that lives as long as the tests."""

import atexit
import uuid
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, text

from benchmarks.postgresql import binaries, cluster
from state.metrics_store import MetricsStore

KINDS = ("sqlite", "postgresql")


def fresh(kind: str, folder: Path) -> str:
    """The URL of an empty database; skips where there is no PostgreSQL."""
    if kind == "sqlite":
        return f"sqlite:///{folder / f'{uuid.uuid4().hex}.db'}"
    return _created("template1")


def migrated(kind: str, folder: Path) -> str:
    """The URL of a store without rows, which is made faster than by migrating."""
    if kind == "sqlite":
        url = fresh(kind, folder)
        Path(url.removeprefix("sqlite:///")).write_bytes(empty_store())
        return url
    return _created(_template())


@cache
def empty_store() -> bytes:
    """A SQLite file that has been migrated."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        MetricsStore.open(path, writer=True).close()
        return path.read_bytes()


@cache
def _template() -> str:
    url = _created("template1")
    MetricsStore.open(url, writer=True).close()
    return url.rpartition("/")[2]


def _created(template: str) -> str:
    if binaries() is None:
        pytest.skip("no PostgreSQL is installed; apt-get install postgresql")
    name = f"test_{uuid.uuid4().hex}"
    url = _running()
    engine = create_engine(url.replace("://", "+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    return url.replace("/postgres", f"/{name}")


@cache
def _running() -> str:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(cluster(durable=False))
