"""Stacks in an engine: order, memory of what was done, and what happens where memory is short."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.engine import InlineEngine
from orchestrator.task_runner import TaskRunner
from state.results import Outcome
from state.tasks import BaselineTask, Task, TrainingTask
from tests.task_builders import make_training_task, make_worker_setup
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.stacked import training

FORMULAS = ("gelu", "glu(silu(x))", "relu2", "silu", "sin(x)")


@pytest.fixture
def setup(tmp_path: Path) -> WorkerSetup:
    return make_worker_setup(tmp_path / "run", stack=4)


@pytest.fixture
def stacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the stacks that are trained."""
    return limited(monkeypatch, most=100)


def limited(
    monkeypatch: pytest.MonkeyPatch, most: int, error: type[Exception] = MemoryError
) -> list[int]:
    """Stacks of more than `most` members fail."""
    sizes: list[int] = []
    train = training.train_together

    def tried(executor: TaskExecutor, tasks: Sequence[TrainingTask]) -> list[Outcome]:
        sizes.append(len(tasks))
        if len(tasks) > most:
            raise error("too many")
        return train(executor, tasks)

    monkeypatch.setattr(training, "train_together", tried)
    return sizes


def tasks() -> list[Task]:
    members: list[Task] = [
        make_training_task(formula, task_id=f"m{index}", steps=2)
        for index, formula in enumerate(FORMULAS)
    ]
    return [*members[:2], BaselineTask(task_id="order2", split="search"), *members[2:]]


def of_one_shape() -> list[TrainingTask]:
    training = [one for one in tasks() if isinstance(one, TrainingTask)]
    return [one for one in training if "glu(" not in one.genome.formula]


def ids(outcomes: Sequence[Outcome]) -> list[str]:
    return [one.result.task_id for one in outcomes]


def test_outcomes_come_in_the_order_of_the_tasks(setup: WorkerSetup, stacked: list[int]) -> None:
    outcomes = InlineEngine(setup).run(tasks(), lambda: False)
    assert ids(outcomes) == ["m0", "m1", "order2", "m2", "m3", "m4"]
    assert all(one.result.status == "trained" for one in outcomes)
    assert stacked == [4, 1]


def test_a_stack_that_was_finished_is_remembered(setup: WorkerSetup, stacked: list[int]) -> None:
    first = InlineEngine(setup).run(tasks(), lambda: False)
    again = InlineEngine(setup).run(tasks(), lambda: False)
    assert stacked == [4, 1]
    assert [one.rows for one in again] == [one.rows for one in first]


def test_nothing_is_begun_after_a_stop(setup: WorkerSetup) -> None:
    asked = iter((False, True))
    outcomes = InlineEngine(setup).run(tasks(), lambda: next(asked))
    assert ids(outcomes) == ["m0", "m2", "m3", "m4"]


def test_where_memory_is_short_fewer_are_stacked_from_then_on(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = limited(monkeypatch, most=2)
    runner = TaskRunner(setup)
    chosen = of_one_shape()
    outcomes = runner.run_together(chosen)
    assert sizes == [4, 2, 2]
    assert all(one.result.status == "trained" for one in outcomes)
    later = [one.model_copy(update={"task_id": f"later-{one.task_id}"}) for one in chosen]
    runner.run_together(later)
    assert sizes == [4, 2, 2, 2, 2]


def test_what_is_at_hand_makes_room_before_a_stack_is_taken_apart(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = TaskRunner(setup)
    chosen = of_one_shape()[:2]
    runner.run(make_training_task(task_id="before"))
    sizes, train = [], training.train_together

    def tried(executor: TaskExecutor, tasks: Sequence[TrainingTask]) -> list[Outcome]:
        sizes.append(len(tasks))
        if executor.recent.found:
            raise MemoryError("no room for both")
        return train(executor, tasks)

    monkeypatch.setattr(training, "train_together", tried)
    outcomes = runner.run_together(chosen)
    assert sizes == [2, 2]
    assert all(one.result.status == "trained" for one in outcomes)


def test_a_member_that_cannot_be_computed_fails_alone(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = "m2"
    evaluate = TaskExecutor.stored_and_measured

    def measured(self: TaskExecutor, task: TrainingTask, *rest: object) -> dict[str, object]:
        if task.task_id == bad:
            raise ArithmeticError("the loss on the held-out text is not finite")
        return evaluate(self, task, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(TaskExecutor, "stored_and_measured", measured)
    outcomes = InlineEngine(setup).run(tasks(), lambda: False)
    assert ids(outcomes) == ["m0", "m1", "order2", "m2", "m3", "m4"]
    failed = [one.result.task_id for one in outcomes if one.result.status == "failed"]
    assert failed == [bad]
