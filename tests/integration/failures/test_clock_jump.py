"""Clocks that jump: nothing that a run computes or decides may depend on them."""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path

import pytest

from orchestrator import commits, recorder
from orchestrator.commits import restore
from orchestrator.engine import InlineEngine
from state.commit import load_commit
from state.genome import parse
from state.results import TrainingResult
from state.run_folder import RunFolder
from tests.builders import ScriptedEngine, ScriptedRun, digest, make_config
from tests.task_builders import make_training_task, make_worker_setup
from trainer.config import WorkerSetup

CONFIG = make_config(budget=300)


class BackwardDatetime(datetime):
    """Every look at the wall clock finds it a day earlier."""

    looks = count(1)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "BackwardDatetime":
        early = datetime(2020, 1, 1, tzinfo=tz or UTC) - timedelta(days=next(cls.looks))
        return cls.fromtimestamp(early.timestamp(), tz)


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock goes backwards, the others leap a day ahead at every look."""
    for module in (commits, recorder):
        monkeypatch.setattr(module, "datetime", BackwardDatetime)
    for name in ("monotonic", "perf_counter"):
        leaps = count(1)
        monkeypatch.setattr(time, name, lambda leaps=leaps: 86400.0 * next(leaps))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("whole")
    return digest(ScriptedRun(folder, CONFIG, ScriptedEngine(folder)).play())


@pytest.mark.usefixtures("jumping")
def test_a_run_decides_the_same_and_resumes_from_its_newest_commit(
    tmp_path: Path, whole: str
) -> None:
    engine = ScriptedEngine(tmp_path)
    engine.stop_after = 12
    run = ScriptedRun(tmp_path, CONFIG, engine)
    run.play()
    engine.stop_after = None
    loaded = load_commit(run.folder)
    assert not loaded.fell_back
    assert loaded.record.written_at < "2020"
    assert digest(run.play(restore(loaded.record).run, loaded.record.journal_bytes)) == whole


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    return make_worker_setup(tmp_path_factory.mktemp("clock") / "run")


def train(setup: WorkerSetup) -> TrainingResult:
    task = make_training_task("relu2", parent_genome=parse("gelu"), steps=5)
    (outcome,) = InlineEngine(setup).run([task], lambda: False)
    for path in RunFolder(Path(setup.run_folder)).partial.glob("*"):
        path.unlink()
    assert isinstance(outcome.result, TrainingResult)
    return outcome.result


@pytest.fixture(scope="module")
def trained(setup: WorkerSetup) -> str | None:
    return train(setup).checkpoint


@pytest.mark.usefixtures("trained", "jumping")
def test_a_member_learns_the_same(setup: WorkerSetup, trained: str) -> None:
    result = train(setup)
    assert result.status == "trained"
    assert result.checkpoint == trained
