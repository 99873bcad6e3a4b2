"""`progress.json` of a run: there while something lasts, gone after it, part of nothing."""

import argparse
import json
import re
import shutil
import time
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest

import state.progress
from orchestrator import session
from orchestrator.cli import main
from orchestrator.commands import train_run
from orchestrator.commands.verify import examine
from orchestrator.config import RunConfig
from orchestrator.kill_test.contents import contents, differences, torn
from orchestrator.preparation import Prepared, prepare_resume, prepare_run
from orchestrator.session import execute, nothing_under_way
from orchestrator.settings import Settings, build_config
from orchestrator.task_runner import TaskRunner
from state.progress import STALE_SECONDS, ProgressFile, utc_now
from state.run_folder import RunFolder
from state.run_lock import RunLock
from state.tasks import EvaluationTask, Task
from tests.builders import ScriptedEngine, ScriptedRun
from tests.shown_progress import Shown, make_progress
from tests.task_builders import make_training_task, make_worker_setup
from trainer.demo_corpus import write_demo_corpus


def left_behind(folder: RunFolder, what: str = "tokenising", seconds_ago: float = 1) -> None:
    """What a process that was killed so long ago was at."""
    moment = utc_now() - timedelta(seconds=seconds_ago)
    started_at = moment - timedelta(seconds=10)
    progress = make_progress(what, started_at=started_at, updated_at=moment)
    ProgressFile(folder.progress).write(progress)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is reported, as if it took long."""
    monkeypatch.setattr(state.progress, "INTERVAL_SECONDS", 0.0)


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    write_demo_corpus(tmp_path / "demo.txt", 20_000)
    settings: Settings = {
        "budget": 60,
        "run_dir": str(tmp_path / "run"),
        "data": {"paths": [str(tmp_path / "demo.txt")], "tokenizer": "byte"},
        "model": {"dim": 16, "heads": 2, "layers": 1, "block": 16},
        "engine": {"engine": "inline", "device": "cpu", "host_threads": 1},
    }
    return build_config(settings, environment={})


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main([*arguments]) == 0
    return capsys.readouterr().out


# ---- while it lasts


@pytest.mark.usefixtures("slow")
def test_a_text_that_takes_long_is_seen_in_the_folder_and_on_the_screen(config: RunConfig) -> None:
    folder = RunFolder(Path(config.run_dir))
    in_folder = []
    screen = Shown(lambda: in_folder.append(ProgressFile(folder.progress).read()))
    prepare_run(config, screen)
    assert in_folder == screen.written
    assert screen.last("tokenising the train split").share == 1
    assert not folder.progress.exists()
    assert not [*folder.root.glob(".progress*")]


@pytest.mark.usefixtures("slow")
def test_a_text_that_is_refused_leaves_no_folder(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "demo.txt").write_text("hello world")
    screen = Shown()
    with pytest.raises(ValueError, match="tokens for"):
        prepare_run(config, screen)
    assert screen.told[-1] is None
    assert not Path(config.run_dir).exists()


@pytest.mark.parametrize("kind", ["evaluation", "training"])
def test_a_worker_reports_what_it_measures_and_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    task: Task = make_training_task(evaluate=("search", "test"))
    if kind == "evaluation":
        task = EvaluationTask(
            task_id="member",
            genome=make_training_task().genome,
            checkpoint=None,
            init_seed=5,
            splits=("search", "test"),
        )
    silent = TaskRunner(make_worker_setup(tmp_path / "silent")).run(task).result
    monkeypatch.setattr(state.progress, "INTERVAL_SECONDS", 0.0)
    told = TaskRunner(make_worker_setup(tmp_path / "told"))
    seen = []
    write = ProgressFile.write

    def written(file: ProgressFile, progress: state.progress.Progress) -> None:
        write(file, progress)
        seen.append(file.read())

    monkeypatch.setattr(ProgressFile, "write", written)
    found = told.run(task).result
    times = {"started_at", "train_seconds", "eval_seconds"}
    assert found.model_dump(exclude=times) == silent.model_dump(exclude=times)
    names = ["measuring on the search split", "measuring on the test split"]
    assert list(dict.fromkeys(one.what for one in seen if one)) == names
    assert all(one is not None for one in seen)
    assert not (tmp_path / "told" / "progress.json").exists()


# ---- what a kill leaves


def test_a_run_that_goes_on_shows_nothing_of_what_was_killed(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Engine(ScriptedEngine):
        """Dies like a worker in the middle of something."""

        def close(self) -> None:
            left_behind(folder)

    def build(config: RunConfig, folder: RunFolder) -> ScriptedEngine:
        begun_with.append(folder.progress.exists())
        return Engine(folder.root)

    folder, begun_with = RunFolder(Path(config.run_dir)), list[bool]()
    prepared = prepare_run(config)
    monkeypatch.setattr(session, "build_engine", build)
    left_behind(folder)
    finished = execute(prepared, started_at=time.monotonic())
    assert finished.state.status == "finished"
    assert begun_with == [False]
    assert not folder.progress.exists()
    left_behind(folder)
    again = prepare_resume(folder.root).saved
    assert again.run.model_dump(exclude={"resumed_count"}) == finished.state.model_dump(
        exclude={"resumed_count"}
    )


def test_what_was_left_is_gone_before_anything_is_shown(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(prepared: Prepared, *_: object) -> NoReturn:
        seen.append(prepared.folder.progress.exists())
        raise KeyboardInterrupt

    seen: list[bool] = []
    monkeypatch.setattr(train_run, "_execute", look)
    prepared = prepare_run(config)
    arguments = argparse.Namespace(json=True)
    for working in (False, True):
        left_behind(prepared.folder)
        lock = RunLock(prepared.folder.lock) if working else nullcontext()
        with lock, pytest.raises(KeyboardInterrupt):
            train_run.see_through(prepared, arguments, 0.0)
    assert seen == [False, True]


def test_even_a_run_that_breaks_off_leaves_nothing_under_way(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    left_behind(folder)
    with suppress(KeyboardInterrupt), nothing_under_way(folder):
        assert not folder.progress.exists()
        left_behind(folder)
        raise KeyboardInterrupt
    assert not folder.progress.exists()


# ---- who does not count it


@pytest.fixture
def copy(scripted: ScriptedRun, tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(scripted.folder.root, tmp_path / "copy")))


def test_two_runs_are_equal_whatever_was_under_way(copy: RunFolder) -> None:
    before = contents(copy)
    left_behind(copy)
    assert differences(before, contents(copy)) == ()
    assert torn(copy) == ()


def test_verification_does_not_look_at_it(copy: RunFolder) -> None:
    before = examine(copy, replay=True)
    copy.progress.write_bytes(b"{ torn")
    assert examine(copy, replay=True) == before
    assert copy.progress.read_bytes() == b"{ torn"


# ---- status


def test_status_says_what_is_under_way_while_somebody_works(
    copy: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    left_behind(copy)
    with RunLock(copy.lock):
        text = said(capsys, "status", str(copy.root))
        loaded = json.loads(said(capsys, "status", str(copy.root), "--json"))["progress"]
    assert re.search(r"^  now +tokenising: 25/100 words, 25%, 2\d s left$", text, re.M)
    assert (loaded["what"], loaded["done"], loaded["total"]) == ("tokenising", 25, 100)
    assert loaded["share"] == 0.25
    assert 20 < loaded["seconds_left"] < 30


def test_status_shows_nothing_of_a_process_that_was_killed(
    copy: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    left_behind(copy)
    assert "tokenising" not in said(capsys, "status", str(copy.root))
    assert json.loads(said(capsys, "status", str(copy.root), "--json"))["progress"] is None


def test_status_of_a_run_that_is_being_prepared_shows_how_far_that_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path)
    left_behind(folder, "tokenising\x1b[2J")
    text = said(capsys, "status", str(tmp_path))
    assert text.startswith(f"{tmp_path} is being prepared and has committed nothing yet\n")
    assert re.search(r"^  now +tokenising\[2J: 25/100 words, 25%, 2\d s left\n\Z", text, re.M)
    loaded = json.loads(said(capsys, "status", str(tmp_path), "--json"))
    assert (loaded["run_id"], loaded["status"]) == (None, "preparing")
    folder.progress.unlink()
    left_behind(folder, seconds_ago=2 * STALE_SECONDS)
    assert main(["status", str(tmp_path)]) == 2
