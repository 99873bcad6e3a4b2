"""Signals, from this terminal or another: what the run does, and that its bits stay the same."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Protocol

import pytest

from orchestrator.cli import main
from orchestrator.commits import restore
from orchestrator.interrupt import GRACE_SECONDS, UNWIND_SECONDS
from state.commit import load_commit
from state.run_folder import RunFolder
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config

NOTICE_SECONDS = 30


class OtherTerminal(Protocol):
    folder: RunFolder

    def start(self, task_seconds: float, *, grace_seconds: float = 20) -> None: ...
    def send(self, number: signal.Signals) -> None: ...
    def leave(self, seconds: float = 30) -> tuple[int, str]: ...
    def num_results(self) -> int: ...


def finish(folder: RunFolder) -> str:
    """Digest of the run's end when it goes on in this process."""
    record = load_commit(folder).record
    run = ScriptedRun(folder.root, make_config(), ScriptedEngine(folder.root))
    return digest(run.play(restore(record).run, record.journal_bytes))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("whole")
    return digest(ScriptedRun(folder, make_config(), ScriptedEngine(folder)).play())


def status(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["status", str(folder.root), "--json"]) == 0
    loaded: dict[str, object] = json.loads(capsys.readouterr().out)
    return loaded


def test_a_run_is_paused_woken_and_stopped_from_another_terminal(
    terminal: OtherTerminal, whole: str, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.start(0.05)
    folder = str(terminal.folder.root)
    process = status(terminal.folder, capsys)["process"]
    assert isinstance(process, dict)
    assert process["paused"] is False

    assert main(["pause", folder]) == 0
    assert f"go on with: symbio-auto resume {folder}" in capsys.readouterr().out
    process = status(terminal.folder, capsys)["process"]
    assert isinstance(process, dict)
    assert process["paused"] is True
    before = terminal.num_results()
    time.sleep(0.3)
    assert terminal.num_results() == before, "a paused run works on"

    assert main(["--resume", folder]) == 0
    assert "goes on in process" in capsys.readouterr().out
    while terminal.num_results() == before:
        time.sleep(0.02)

    assert main(["--resume", folder]) == 2
    assert f"is in use by process {process['pid']}" in capsys.readouterr().err

    assert main(["stop", folder]) == 0
    assert f"resume with: symbio-auto --resume {folder}/state.json" in capsys.readouterr().out
    code, printed = terminal.leave()
    assert code == 130, printed
    assert printed.rstrip().endswith(f"resume with: symbio-auto --resume {folder}/state.json")
    assert finish(terminal.folder) == whole


def test_a_paused_run_can_be_stopped(
    terminal: OtherTerminal, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.start(0.05)
    assert main(["pause", str(terminal.folder.root)]) == 0
    assert main(["stop", str(terminal.folder.root)]) == 0
    assert terminal.leave()[0] == 130


def test_a_run_that_sleeps_with_the_machine_goes_on_to_the_same_bits(
    terminal: OtherTerminal, whole: str, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.start(0.05)
    terminal.send(signal.SIGSTOP)
    time.sleep(0.5)
    process = status(terminal.folder, capsys)["process"]
    assert isinstance(process, dict)
    assert process["paused"] is True
    terminal.send(signal.SIGCONT)
    before = terminal.num_results()
    while terminal.num_results() <= before:
        time.sleep(0.02)
    terminal.send(signal.SIGINT)
    assert terminal.leave()[0] == 130
    assert finish(terminal.folder) == whole


def test_a_second_interrupt_leaves_at_once_with_the_last_commit_whole(
    terminal: OtherTerminal, whole: str
) -> None:
    terminal.start(60)
    terminal.send(signal.SIGINT)
    time.sleep(0.2)
    terminal.send(signal.SIGINT)
    began = time.monotonic()
    code, printed = terminal.leave()
    assert time.monotonic() - began < 10
    assert code == 130, printed
    assert "Traceback" not in printed
    assert "left at once; the last commit is whole" in printed
    assert f"resume with: symbio-auto --resume {terminal.folder.state}" in printed
    assert finish(terminal.folder) == whole


def test_a_stop_leaves_a_preempted_machine_in_time_whatever_runs(
    terminal: OtherTerminal, whole: str
) -> None:
    assert GRACE_SECONDS + UNWIND_SECONDS < NOTICE_SECONDS
    terminal.start(60, grace_seconds=1)
    terminal.send(signal.SIGTERM)
    began = time.monotonic()
    code, printed = terminal.leave()
    assert time.monotonic() - began < 10
    assert code == 143, printed
    assert "Traceback" not in printed
    assert f"resume with: symbio-auto --resume {terminal.folder.state}" in printed
    assert finish(terminal.folder) == whole


@pytest.mark.parametrize("verb", ["stop", "pause"])
def test_nobody_to_signal_is_said_with_the_way_on(
    tmp_path: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.stop_after = 3
    ScriptedRun(tmp_path, make_config(), engine).play()
    assert main([verb, str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"there is nothing to {verb}; resume with: symbio-auto --resume" in error


def test_a_lock_of_another_boot_or_process_is_never_signalled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.stop_after = 3
    ScriptedRun(tmp_path, make_config(), engine).play()
    lock = RunFolder(tmp_path).lock
    lock.touch()
    inode = lock.stat().st_ino
    reused = {"pid": os.getpid(), "started": 1.0, "boot_id": "another boot", "inode": inode}
    lock.write_text(json.dumps(reused), encoding="utf-8")
    assert main(["stop", str(tmp_path)]) == 2
    assert "there is nothing to stop" in capsys.readouterr().err
