"""What `watch` leaves on the screen: of a run that works, waits, has stopped or is finished."""

import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.commands import watch
from orchestrator.commands.keys import Keys
from orchestrator.commands.verdict import read_report
from orchestrator.report.final_report import FinalReport
from orchestrator.report.finish import report_json
from state.journal import Journal
from state.progress import Progress, ProgressFile
from state.run_folder import RunFolder
from state.run_lock import RunLock
from tests.builders import ScriptedEngine, ScriptedRun, make_config
from tests.orchestrator.report.conftest import report as report

CONFIG = make_config(budget=60)
Say = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that has ended, without a report."""
    root = tmp_path_factory.mktemp("run")
    ScriptedRun(root, CONFIG, ScriptedEngine(root)).play()
    return RunFolder(root)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    root = tmp_path_factory.mktemp("stopped")
    engine = ScriptedEngine(root)
    engine.stop_after = 4
    ScriptedRun(root, CONFIG, engine).play()
    return RunFolder(root)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """What `watch` prints, on a terminal of so many lines."""

    def said(folder: RunFolder, *, height: int = 24, code: int = 0) -> str:
        monkeypatch.setattr(watch, "is_terminal", lambda: True)
        monkeypatch.setattr(watch, "POLL_SECONDS", 0.05)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setenv("LINES", str(height))
        monkeypatch.setenv("TERM", "xterm")
        capsys.readouterr()
        assert main(["watch", str(folder.root)]) == code
        return capsys.readouterr().out

    return said


@contextmanager
def reported(folder: RunFolder, report: FinalReport) -> Iterator[None]:
    folder.final_report.write_text(report_json(report), encoding="utf-8")
    folder.report_markdown.write_text("story", encoding="utf-8")
    folder.model.mkdir()
    yield
    folder.final_report.unlink()
    folder.report_markdown.unlink()
    folder.model.rmdir()


def test_a_finished_run_shows_its_verdict_and_where_everything_is(
    folder: RunFolder, report: FinalReport, say: Say
) -> None:
    with reported(folder, report):
        shown = say(folder)
    lines = shown.splitlines()
    assert f"{report.test.bits_per_byte:.4f} bits per byte on the test split" in shown
    assert lines[-4:] == [
        f"formula {report.winner.formula}",
        f"model   {folder.model}",
        f"report  {folder.report_markdown}",
        f"extend it with: symbio-auto --resume {folder.state} --budget {2 * report.budget.spent}",
    ]
    assert "population" not in shown


def test_with_room_the_last_frame_stands_above_the_verdict(
    folder: RunFolder, report: FinalReport, say: Say
) -> None:
    with reported(folder, report):
        shown = say(folder, height=60)
    assert shown.index("population") < shown.index("bits per byte on the test split")
    assert "60/60 steps 100%" in shown
    assert "\x1b[?1049h" not in shown
    assert len(shown.splitlines()) < 60


@pytest.mark.parametrize("damage", ["", "{", '{"phases": []}', "[1]"])
def test_a_finished_run_whose_report_cannot_be_read_says_how_to_write_it(
    folder: RunFolder, damage: str, say: Say
) -> None:
    if damage:
        folder.final_report.write_text(damage, encoding="utf-8")
    shown = say(folder)
    folder.final_report.unlink(missing_ok=True)
    assert shown.rstrip().endswith(f"write it again: symbio-auto report {folder.root}")
    assert read_report(folder) is None


def test_the_report_of_a_run_that_has_just_ended_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.02)
    folder, begun = RunFolder(tmp_path), time.monotonic()
    writer = threading.Timer(0.2, lambda: folder.report_markdown.write_text("", "utf-8"))
    writer.start()
    watch.await_report(folder)
    writer.join()
    assert 0.2 <= time.monotonic() - begun < watch.PATIENCE_SECONDS
    monkeypatch.setattr(watch, "PATIENCE_SECONDS", 0.1)
    folder.report_markdown.unlink()
    watch.await_report(folder)


@pytest.mark.parametrize("height", [24, 60])
def test_a_stopped_run_says_so_with_the_line_that_goes_on(
    stopped: RunFolder, height: int, say: Say
) -> None:
    shown = say(stopped, height=height)
    assert f"run {stopped.root} is stopped: nobody works on it\n" in shown
    assert shown.rstrip().endswith(f"resume with: symbio-auto --resume {stopped.state}")
    assert ("population" in shown) == (height == 60)


def test_who_leaves_a_run_is_told_that_it_goes_on(
    folder: RunFolder, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(self: Keys, seconds: float) -> str:
        return "q"

    monkeypatch.setattr(Keys, "wait", pressed)
    with RunLock(folder.lock):
        shown = say(folder)
    assert shown.endswith(
        f"run {folder.root} goes on, process {os.getpid()}\n"
        f"look again with: symbio-auto watch {folder.root}\n"
    )


def test_ctrl_c_leaves_a_paused_run_paused(
    stopped: RunFolder, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(self: Keys, seconds: float) -> str:
        time.sleep(0.4)
        raise KeyboardInterrupt

    monkeypatch.setattr(Keys, "wait", pressed)
    log = stopped.log.read_bytes()
    Journal(stopped.log).append([{"kind": "started"}, {"kind": "paused"}])
    with RunLock(stopped.lock):
        shown = say(stopped)
    stopped.log.write_bytes(log)
    assert f"paused; go on with: symbio-auto resume {stopped.root}"[:60] in shown
    assert f"run {stopped.root} waits, paused, process {os.getpid()}" in shown


def test_a_run_that_is_being_made_ready_is_waited_for(
    tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PATIENCE_SECONDS", 0.3)
    folder, now = RunFolder(tmp_path), datetime.now(UTC)
    file = ProgressFile(folder.progress)
    file.write(Progress(what="tokenising", done=1, total=2, started_at=now, updated_at=now))
    ender = threading.Timer(0.6, file.remove)
    ender.start()
    shown = say(folder, code=2)
    ender.join()
    assert "preparing ..." in shown
    assert "tokenising" in shown


def test_a_key_is_read_without_a_return_and_the_terminal_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with Keys() as keys:
            assert keys.wait(0.01) == ""
            os.write(ours, b"q")
            assert keys.wait(1) == "q"
            assert termios.tcgetattr(theirs) != before
        assert termios.tcgetattr(theirs) == before
    os.close(ours)


def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, encoding="ascii") as nothing:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", nothing)
        with Keys() as keys:
            assert keys.wait(0.01) == ""
