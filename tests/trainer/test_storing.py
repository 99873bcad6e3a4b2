"""A member is stored while it is measured, and what a result names is durable."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from state import durable
from state.durable import Operation
from state.objects import ObjectStore
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from tests.task_builders import make_training_task
from tests.trainer_runs import with_its_own_run
from trainer.config import WorkerSetup
from trainer.evaluation import Tally
from trainer.execution import TaskExecutor

SECONDS = 60.0
TIMES = {"train_seconds", "eval_seconds", "started_at"}


class KilledError(BaseException):
    """Stands for a kill: nothing may catch it."""


@pytest.fixture
def setup(setup: WorkerSetup, tmp_path: Path) -> WorkerSetup:
    """A run of its own for each test."""
    return with_its_own_run(setup, tmp_path / "run")


@pytest.fixture
def task() -> TrainingTask:
    """It leaves two objects: the member, and the running mean of its weights."""
    task = make_training_task(steps=3, init_seed=11)
    return task.model_copy(update={"mean_rate": 0.5, "publishes_mean": True})


def result_of(outcome: Outcome) -> TrainingResult:
    assert isinstance(outcome.result, TrainingResult)
    return outcome.result


def comparable(outcome: Outcome) -> object:
    return outcome.result.model_dump(exclude=TIMES)


def objects_of(setup: WorkerSetup) -> ObjectStore:
    return ObjectStore(RunFolder(Path(setup.run_folder)).objects)


def counting(act: Callable[[int], None]) -> durable.Hook:
    """Call `act` with the number of each durable operation, from 1."""
    count = 0

    def hook(_operation: Operation, _path: Path) -> None:
        nonlocal count
        count += 1
        act(count)

    return hook


def test_every_object_is_replaced_and_synced_before_the_result_names_it(
    setup: WorkerSetup, task: TrainingTask
) -> None:
    log: list[tuple[Operation, str]] = []
    folder = objects_of(setup).folder
    with durable.intercepted(lambda operation, path: log.append((operation, path.stem))):
        result = result_of(TaskExecutor(setup).execute(task))
    for sha in (result.checkpoint, result.averaged):
        assert sha is not None
        replaced = log.index(("replace", sha))
        assert log[replaced - 2][0] == "write"
        assert log[replaced - 1][0] == "fsync"
        assert log[replaced + 1] == ("fsync", folder.name)
    assert len(log) == 8
    assert result.checkpoint_bytes == len(objects_of(setup).read(result.checkpoint or ""))
    assert result.averaged_bytes == len(objects_of(setup).read(result.averaged or ""))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "injected"), KilledError()])
def test_a_failure_of_any_durable_operation_ends_the_task_and_nothing_is_lost_by_it(
    setup: WorkerSetup, task: TrainingTask, error: BaseException, tmp_path: Path
) -> None:
    whole = comparable(TaskExecutor(setup).execute(task))
    for number in range(1, 9):
        other = with_its_own_run(setup, tmp_path / f"{number}")

        def fail(count: int, number: int = number) -> None:
            if count == number:
                raise error

        with durable.intercepted(counting(fail)), pytest.raises(type(error)) as raised:
            TaskExecutor(other).execute(task)
        assert raised.value is error or raised.value.__cause__ is error
        assert comparable(TaskExecutor(other).execute(task)) == whole


def test_a_member_is_measured_while_it_is_stored(
    setup: WorkerSetup, task: TrainingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, count = threading.Event(), Tally.count

    def counted(tally: Tally, *given: object) -> None:
        measured.set()
        count(tally, *given)  # type: ignore[arg-type]

    waited: list[bool] = []

    def wait(number: int) -> None:
        if number == 1:
            waited.append(measured.wait(SECONDS))

    monkeypatch.setattr(Tally, "count", counted)
    with durable.intercepted(counting(wait)):
        result = result_of(TaskExecutor(setup).execute(task))
    assert waited == [True]
    objects_of(setup).verify(result.checkpoint or "", result.checkpoint_bytes)


def test_a_full_disk_goes_before_what_measuring_has_to_say(
    setup: WorkerSetup, task: TrainingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one concerns the run, the other this member alone."""

    def diverged(tally: Tally) -> None:
        raise ArithmeticError("the loss on the held-out text is not finite")

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "injected")

    monkeypatch.setattr(Tally, "evaluation", diverged)
    with pytest.raises(ArithmeticError, match="not finite"):
        TaskExecutor(setup).execute(task)
    objects_of(setup).collect(set())
    with durable.intercepted(counting(full)), pytest.raises(OSError, match="disk is full"):
        TaskExecutor(setup).execute(task)
