"""A host over several devices, as its worker sees it: tried again once, then failed, never lost."""

from pathlib import Path

import pytest

from orchestrator.task_runner import TaskRunner
from state.results import Outcome, TrainingResult
from state.tasks import TrainingTask
from tests.task_builders import make_training_task, make_worker_setup
from trainer.ranks.crew import RankDied, Ranks

DEATH = "rank 1 of 2 died: signal 9"
HOST = make_training_task(role="host")
DONE = Outcome(result=TrainingResult(task_id=HOST.task_id, status="trained"))


def dying(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Processes that die so often; the tasks that they were given."""
    given: list[str] = []

    def train(self: Ranks, task: TrainingTask) -> Outcome:
        given.append(task.task_id)
        if len(given) <= times:
            raise RankDied(DEATH)
        return DONE

    monkeypatch.setattr(Ranks, "train", train)
    return given


def run(root: Path, task: TrainingTask = HOST) -> Outcome:
    return TaskRunner(make_worker_setup(root / "run", host_devices=2)).run(task)


def test_new_processes_take_over_from_those_that_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given = dying(monkeypatch, times=1)
    assert run(tmp_path).result.status == "trained"
    assert given == [HOST.task_id] * 2
    assert f"{DEATH}; {HOST.task_id} is tried once more" in caplog.text


def test_a_host_whose_processes_die_again_has_failed_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = dying(monkeypatch, times=9)
    result = run(tmp_path).result
    assert (result.status, result.error) == ("failed", f"RankDied: {DEATH}")
    assert len(given) == 2


def test_members_are_trained_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = dying(monkeypatch, times=9)
    assert run(tmp_path, make_training_task(steps=1)).result.status == "trained"
    assert given == []
