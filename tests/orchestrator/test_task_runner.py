"""Tasks that a worker is asked twice."""

import shutil
import time
from pathlib import Path

import pytest

from orchestrator.engine import InlineEngine
from orchestrator.task_runner import TaskRunner
from state.genome import parse
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import (
    BaselineTask,
    BatteryTask,
    EnsembleTask,
    EvaluationTask,
    Task,
    Teacher,
    TrainingTask,
)
from tests.task_builders import make_training_task, make_worker_setup
from trainer.config import OptimizerConfig, WorkerSetup
from trainer.execution import TaskExecutor
from trainer.training import Chunk

GELU = parse("gelu")
TRAINING = make_training_task()


@pytest.fixture
def setup(tmp_path: Path) -> WorkerSetup:
    return make_worker_setup(
        tmp_path / "run",
        battery_prompts=2,
        battery_tokens=4,
        snapshot_steps=1,
        snapshot_seconds=0,
    )


def checkpoint(setup: WorkerSetup) -> str:
    result = TaskRunner(setup).run(TRAINING).result
    assert isinstance(result, TrainingResult)
    assert result.checkpoint is not None
    return result.checkpoint


def of_every_kind(sha: str) -> list[Task]:
    battery = BatteryTask(
        task_id="b", phase="cambrian", generation=1, genome=GELU, checkpoint=sha, seed=1
    )
    evaluation = EvaluationTask(
        task_id="e", genome=GELU, checkpoint=sha, init_seed=0, splits=("search",)
    )
    models = (Teacher(checkpoint=sha, genome=GELU),) * 2
    ensemble = EnsembleTask(task_id="x", models=models)
    return [TRAINING, evaluation, ensemble, battery, BaselineTask(task_id="o", split="search")]


def test_what_was_finished_is_never_computed_again(setup: WorkerSetup) -> None:
    tasks = of_every_kind(checkpoint(setup))
    outcomes = [TaskRunner(setup).run(task) for task in tasks]
    assert all(one.result.status == "trained" for one in outcomes)
    shutil.rmtree(RunFolder(Path(setup.run_folder)).data)
    asked_at = time.monotonic()
    again = InlineEngine(setup).run(tasks, lambda: False)
    for one, other in zip(outcomes, again, strict=True):
        assert other.result.started_at >= asked_at
        dated = one.result.model_copy(update={"started_at": other.result.started_at})
        assert (other.result, other.rows) == (dated, one.rows)


def test_neither_the_place_of_a_run_nor_its_rhythm_matters(
    setup: WorkerSetup, tmp_path: Path
) -> None:
    first = TaskRunner(setup).run(TRAINING)
    moved = tmp_path / "moved"
    shutil.move(setup.run_folder, moved)
    shutil.rmtree(moved / "data")
    update = {"run_folder": str(moved), "snapshot_steps": 20, "snapshot_seconds": 10.0}
    again = TaskRunner(setup.model_copy(update=update)).run(TRAINING)
    assert again.rows == first.rows


def test_whatever_else_the_setup_says_does(setup: WorkerSetup) -> None:
    keys = {
        TaskRunner(setup.model_copy(update=update)).work.key(TRAINING)
        for update in (
            {},
            {"dtype": "bfloat16"},
            {"seed": 1},
            {"battery_tokens": 5},
            {"optimizer": OptimizerConfig(batch=3)},
            {"model": setup.model.model_copy(update={"dropout": 0.1})},
        )
    }
    assert len(keys) == 6


def test_a_failure_is_not_remembered(setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(self: TaskExecutor, task: Task) -> None:
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(TaskExecutor, "execute", out_of_memory)
        failed = TaskRunner(setup).run(TRAINING).result
    assert (failed.status, failed.error) == ("failed", "MemoryError: no room")
    assert TaskRunner(setup).run(TRAINING).result.status == "trained"


def test_a_member_that_was_quarantined_stays_so(setup: WorkerSetup) -> None:
    task = TRAINING.model_copy(update={"lr_scale": 1e30, "steps": 12})
    first = TaskRunner(setup).run(task).result
    assert first.status == "quarantined"
    shutil.rmtree(RunFolder(Path(setup.run_folder)).data)
    assert TaskRunner(setup).run(task).result.status == "quarantined"


def test_a_task_that_failed_half_way_goes_on_from_its_snapshot(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, taken = Chunk.step, list[int]()

    def step(chunk: Chunk, index: int) -> object:
        taken.append(index)
        if taken == [0, 1, 2]:
            raise RuntimeError("the device was lost")
        return original(chunk, index)

    monkeypatch.setattr(Chunk, "step", step)
    assert TaskRunner(setup).run(TRAINING).result.status == "failed"
    result = TaskRunner(setup).run(TRAINING).result
    assert (result.status, taken) == ("trained", [0, 1, 2, 2, 3])
    names = sorted(
        path.name.split(".", 1)[1] for path in (Path(setup.run_folder) / "partial").iterdir()
    )
    assert names == ["outcome.json"]


def test_what_is_at_hand_makes_room_before_a_task_fails(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = TaskRunner(setup)
    execute, at_hand = TaskExecutor.execute, []

    def tried(self: TaskExecutor, task: TrainingTask) -> Outcome:
        at_hand.append(len(self.recent.found))
        if self.recent.found:
            raise MemoryError("no room")
        return execute(self, task)

    assert runner.run(TRAINING).result.status == "trained"
    monkeypatch.setattr(TaskExecutor, "execute", tried)
    other = TRAINING.model_copy(update={"task_id": "other", "init_seed": 6})
    assert runner.run(other).result.status == "trained"
    assert at_hand == [1, 0]
