"""A reporter is a process: it sees its run die, it is alone, and a server may die beneath it."""

import signal
from pathlib import Path

import pytest

from dashboard.reporter.cursor import CursorFile
from dashboard.reporter.destination import destination_of
from orchestrator.cli import main
from state.run_folder import RunFolder
from state.run_lock import RunLock
from tests.dashboard.reporter.processes import (
    environment,
    free_port,
    listener,
    reporter,
    serve,
    until,
)
from tests.dashboard.reporter.receivers import SECRET, HttpServer
from tests.dashboard.reporter.reported_runs import LivingRun, rows_of, same


def acknowledged(folder: RunFolder, url: str) -> int:
    destination = destination_of({"SYMBIO_REMOTE_SECRET": SECRET}, url)
    assert destination is not None
    return CursorFile(folder.root, destination.name).read("test-run").num_rows


def status(server: HttpServer) -> str:
    (row,) = server.store.tables["runs"].values()
    return str(row["status"])


def test_a_run_that_was_killed_is_reported_to_its_last_row_and_people_hear_of_it(
    tmp_path: Path, server: HttpServer
) -> None:
    run = LivingRun(tmp_path / "run")
    run.live(20)
    with listener() as people:
        process = reporter(run.folder.root, environment(server.url, people.url))
        until(lambda: server.store.tables["events"], 60)
        assert status(server) == "active"
        second = reporter(run.folder.root, environment(server.url), "--no-notify")
        process.communicate(timeout=60)
        second.communicate("bye\n", timeout=60)
        assert (process.returncode, second.returncode) == (0, 0)
        (body,) = people.told("died")
    assert f"resume with: symbio-auto --resume {run.folder.state}" in body
    assert status(server) == "stopped", "the second one takes its leave in order"
    same(server.store.tables, run.folder)
    num_rows = sum(map(len, rows_of(run.folder).values()))
    assert server.store.num_applied <= num_rows + 4, "only one of them sent"
    files = [path for path in run.folder.root.rglob("*") if path.is_file()]
    held = [path.name for path in files if b"channel-secret" in path.read_bytes()]
    held += [path.name for path in files if SECRET.encode() in path.read_bytes()]
    assert not held
    assert {"remote.json", "reporter.log"} <= {path.name for path in files}


def test_a_reporter_that_cannot_send_says_what_is_left_and_a_push_sends_it(
    finished: RunFolder,
    server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.failures = ["401"] * 9
    process = reporter(finished.root, environment(server.url))
    printed, _ = process.communicate("bye\n", timeout=60)
    assert process.returncode == 0
    total = sum(len(rows) for rows in rows_of(finished).values())
    assert printed.startswith(f"{total} rows of this run are not sent yet (the server refuses")
    assert printed.endswith(f"send them with: symbio-auto push {finished.root}\n")
    assert SECRET not in printed
    server.failures = []
    monkeypatch.setenv("SYMBIO_REMOTE_SECRET", SECRET)
    monkeypatch.setenv("SYMBIO_REMOTE_URL", server.url)
    assert main(["push", str(finished.root)]) == 0
    same(server.store.tables, finished)
    assert status(server) == "finished"
    assert capsys.readouterr().out.startswith(f"sent {total} rows; the server has all of")


@pytest.mark.slow
def test_a_server_that_is_killed_and_comes_back_has_every_row_once(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    run = LivingRun(tmp_path / "run", rows_a_task=40, budget=4000)
    server, process = serve(tmp_path, port), None
    try:
        with RunLock(run.folder.lock):
            process = reporter(run.folder.root, environment(url))
            run.live(12)
            until(lambda: acknowledged(run.folder, url), 60)
            server.send_signal(signal.SIGKILL)
            server.wait()
            run.live(14)
            run.live(16)
            server = serve(tmp_path, port)
            run.live()
        printed, _ = process.communicate("bye\n", timeout=60)
        assert (process.returncode, printed) == (0, "")
    finally:
        for one in (server, process):
            if one is not None:
                one.kill()
                one.communicate()
    reported = rows_of(RunFolder(tmp_path / "run"))
    found = rows_of(_Database(tmp_path))
    assert sum(map(len, reported.values())) > 300
    assert {name: len(rows) for name, rows in found.items()} == {
        name: len(rows) for name, rows in reported.items()
    }
    runs = found.pop("runs")
    same({**found, "runs": reported["runs"]}, run.folder)
    assert len(runs) == 1


class _Database(RunFolder):
    """A folder whose store is a server's."""

    @property
    def metrics_db(self) -> Path:
        return self.root / "server.db"
