"""A store that somebody else holds, or whose disk is full, is no fault of a request's."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from state import database_url
from state.durable import OutOfSpace
from state.metrics_store import MetricsStore, StoreUnwritable
from tests.dashboard.web.clients import BEARER, asking, make_settings, report, steps
from tests.databases import empty_store

LIBSQL = pytest.mark.skipif(find_spec("sqlalchemy_libsql") is None, reason="no libSQL driver")
SCHEMES = ["sqlite", pytest.param("sqlite+libsql", marks=LIBSQL)]


HOLD = (
    "import sqlite3, sys; one = sqlite3.connect(sys.argv[1]); one.execute('BEGIN IMMEDIATE'); "
    "print('held', flush=True); sys.stdin.read()"
)


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Another process is writing: locks of a file are a process's."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_lock_that_lasts_is_answered_with_when_to_come_again(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_url, "BUSY_SECONDS", 0)
    file = tmp_path / "server.db"
    settings = make_settings(tmp_path, database=f"{scheme}:///{file}")
    with asking(settings) as client:
        report(client, steps(1))
        with held(file):
            answer = client.post("/api/ingest", json=steps(2), headers=BEARER)
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "10")
        assert answer.json() == {"detail": "the store cannot be reached; try again later"}
        report(client, steps(2))
        assert client.get("/api/runs/r").json()["card"]["latest_step"] == 2


@LIBSQL
def test_errors_of_libsql_are_those_of_a_database(tmp_path: Path) -> None:
    file = tmp_path / "server.db"
    file.write_bytes(empty_store())
    with MetricsStore.open(f"sqlite+libsql:///{file}", writer=True) as store:
        with pytest.raises(StoreUnwritable, match="no such table"), store.transaction() as one:
            one.exec_driver_sql("SELECT * FROM absent")
        with pytest.raises(OutOfSpace), store.transaction() as one:
            one.exec_driver_sql("PRAGMA max_page_count = 1")
            one.exec_driver_sql("CREATE TABLE more (x TEXT)")
            one.exec_driver_sql("INSERT INTO more VALUES (zeroblob(10000000))")
