"""Looking at a run from another terminal: status and watch."""

import json
import threading
import time
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.run_process import process_of
from state.journal import Journal
from state.run_folder import RunFolder
from state.run_lock import RunLock
from tests.builders import ScriptedEngine, ScriptedRun, make_config

CONFIG = make_config(budget=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that has ended."""
    root = tmp_path_factory.mktemp("run")
    ScriptedRun(root, CONFIG, ScriptedEngine(root)).play()
    return RunFolder(root)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main([*arguments]) == 0
    return capsys.readouterr().out


def test_status_says_that_nobody_works_on_the_run_and_how_to_go_on(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "status", str(folder.root))
    assert "process              none" in text
    assert text.rstrip().endswith(f"resume with: symbio-auto --resume {folder.state}")
    loaded = json.loads(said(capsys, "status", str(folder.root), "--json"))
    assert loaded["process"] is None
    assert 0 <= loaded["commit_age_seconds"] < 3600


def test_status_names_the_process_that_works_and_since_when(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunLock(folder.lock):
        process = process_of(folder)
        assert process is not None
        text = said(capsys, "status", str(folder.root))
        loaded = json.loads(said(capsys, "status", str(folder.root), "--json"))
    assert f"{process.pid} since {process.since.isoformat(timespec='seconds')}\n" in text
    assert loaded["process"]["pid"] == process.pid
    assert loaded["process"]["paused"] is False
    assert process_of(folder) is None


@pytest.mark.parametrize(
    ("kinds", "paused"),
    [
        (["started", "generation", "paused"], True),
        (["started", "paused", "went_on"], False),
        (["started", "paused", "resumed"], False),
        (["started", "paused", "went_on", "generation", "paused", "view_ended"], True),
        ([], False),
    ],
)
def test_a_run_is_paused_if_its_log_last_said_so(
    tmp_path: Path, kinds: list[str], paused: bool
) -> None:
    folder = RunFolder(tmp_path)
    Journal(folder.log).append({"kind": kind} for kind in kinds)
    with RunLock(folder.lock):
        process = process_of(folder)
    assert process is not None
    assert process.paused is paused


def test_watching_a_finished_run_prints_its_log_and_its_status_once(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "watch", str(folder.root), "--plain")
    assert text.count("abiogenesis begins with") == 1
    assert "finished: " in text
    assert text.rstrip().endswith(f"resume with: symbio-auto --resume {folder.state}")


def test_watching_ends_when_the_process_leaves(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    works = threading.Event()
    log = Journal(folder.log)

    def work() -> None:
        with RunLock(folder.lock):
            works.set()
            time.sleep(1.0)
            log.append([{"kind": "late", "number": 7}])

    worker = threading.Thread(target=work)
    worker.start()
    works.wait()
    text = said(capsys, "watch", str(folder.root), "--plain")
    worker.join()
    assert "late: number=7" in text


def test_a_folder_without_a_run_cannot_be_watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(tmp_path)]) == 2
    assert "state.json does not exist" in capsys.readouterr().err
