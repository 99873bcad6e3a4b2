"""How a reporter hears that its run is over, and how it ended."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.reporter.cursor import CursorFile, Seat
from dashboard.reporter.process import Reporter, Task
from dashboard.reporter.watch import FAREWELL, LockWatch, PipeWatch, ending_of, status_of
from orchestrator.forking import fork
from orchestrator.replay.boundaries import parse_point
from orchestrator.verification.files import check_journals, check_objects
from orchestrator.verification.snapshot import Snapshot
from state.run_folder import RunFolder
from state.run_lock import RunLock
from tests.builders import ScriptedEngine
from tests.dashboard.reporter.processes import ROOT
from tests.dashboard.reporter.receivers import HttpServer
from tests.dashboard.reporter.reported_runs import LivingRun, same


@pytest.mark.parametrize(("said", "ending"), [(FAREWELL, "stopped"), (b"", "died")])
def test_a_pipe_says_whether_a_run_was_left_in_order(
    tmp_path: Path, said: bytes, ending: str
) -> None:
    reading, writing = os.pipe()
    watch = PipeWatch(reading)
    assert not watch.wait(0)
    os.write(writing, said)
    os.close(writing)
    assert watch.wait(5)
    assert watch.wait(5), "it stays so"
    assert ending_of(RunFolder(tmp_path), watch) == ending
    os.close(reading)


def test_a_lock_says_it_of_a_run_that_was_found(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    watch = LockWatch(folder)
    with RunLock(folder.lock):
        assert not watch.wait(0)
        assert status_of(folder) == "active"
    assert watch.wait(0)
    assert status_of(folder) == "stopped"
    folder.lock.write_text('{"pid": 1}', encoding="utf-8")
    assert status_of(folder) == "died"


def test_a_finished_run_is_finished_however_its_process_went(finished: RunFolder) -> None:
    finished.lock.write_text('{"pid": 1}', encoding="utf-8")
    assert status_of(finished) == "finished"


def test_a_run_that_goes_on_elsewhere_is_left_to_its_new_reporter(
    tmp_path: Path, server: HttpServer
) -> None:
    run = LivingRun(tmp_path / "run")
    run.live(9)
    reading, writing = os.pipe()
    os.close(writing)
    said: list[str] = []
    task = Task(run.folder, destination=server.destination)
    with RunLock(run.folder.lock):
        assert Reporter(task, PipeWatch(reading), said.append).run() == ""
    os.close(reading)
    assert not said
    assert not server.store.tables["metrics"]


def test_one_seat_a_server_in_all_processes(tmp_path: Path) -> None:
    first, other = Seat(tmp_path, "a1"), Seat(tmp_path, "b2")
    assert first.take()
    assert first.take()
    assert other.take()
    script = (
        "import sys; from pathlib import Path; from dashboard.reporter.cursor import Seat;"
        "print(*[Seat(Path(sys.argv[1]), name).take() for name in ('a1', 'b2')])"
    )

    def elsewhere() -> str:
        command = [sys.executable, "-c", script, str(tmp_path)]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert elsewhere() == "False False"
    first.leave()
    assert elsewhere() == "True False"


def test_a_fork_of_a_reported_run_has_been_reported_to_nobody(
    finished: RunFolder, server: HttpServer, tmp_path: Path
) -> None:
    task = Task(finished, destination=server.destination)
    assert Reporter(task, LockWatch(finished), print).run() == ""
    (finished.data / "manifest.json").write_text("{}", encoding="utf-8")
    target = RunFolder(tmp_path / "fork")

    def build(_: object, where: RunFolder) -> ScriptedEngine:
        return ScriptedEngine(where.root)

    fork(finished, parse_point("cambrian:1"), [], target, build=build, say=print)
    assert not {path.name for path in target.root.iterdir()} & {"remote.json", "remote.lock"}


def test_a_run_that_was_reported_verifies_and_a_folder_takes_its_cursor_along(
    finished: RunFolder, server: HttpServer, tmp_path: Path
) -> None:
    def reported(folder: RunFolder) -> None:
        task = Task(folder, destination=server.destination)
        assert Reporter(task, LockWatch(folder), print).run() == ""

    reported(finished)
    same(server.store.tables, finished)
    now = Snapshot.take(finished)
    assert {one.status for one in [*check_journals(now), *check_objects(now)]} == {"ok"}
    copy = RunFolder(Path(shutil.copytree(finished.root, tmp_path / "copy")))
    before = server.store.num_applied
    reported(copy)
    assert server.store.num_applied == before
    cursor = CursorFile(copy.root, server.destination.name).read("test-run")
    assert cursor.num_rows > 0
    assert "127.0.0.1" not in (copy.root / "remote.json").read_text(encoding="utf-8")
