"""Training tasks on a run of their own, and what they leave."""

import shutil
from contextlib import suppress
from pathlib import Path

import torch

from state.objects import ObjectStore
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from trainer.checkpoint import Checkpoint, decode_any
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.member import Member
from trainer.snapshots import Snapshots
from trainer.training import Chunk


def with_its_own_run(setup: WorkerSetup, root: Path) -> WorkerSetup:
    """The same data in another run's folder, `root`."""
    folder = RunFolder(root)
    folder.create()
    shutil.copytree(RunFolder(Path(setup.run_folder)).data, folder.data, dirs_exist_ok=True)
    return setup.model_copy(update={"run_folder": str(folder.root)})


def trained(setup: WorkerSetup, task: TrainingTask) -> TrainingResult:
    result = TaskExecutor(setup).execute(task).result
    assert isinstance(result, TrainingResult)
    return result


def read(setup: WorkerSetup, sha: str | None) -> Checkpoint:
    assert sha is not None
    return decode_any(ObjectStore(RunFolder(Path(setup.run_folder)).objects).read(sha))


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


class CutOffError(Exception):
    """In place of a kill."""


def cut_off(setup: WorkerSetup, task: TrainingTask, steps: int) -> None:
    """Take the first steps of a new member's task with a snapshot after each, and die."""
    executor = TaskExecutor(setup)
    kept = Snapshots(setup, task, executor.work)

    def after_step(chunk: Chunk) -> None:
        kept.after_step(chunk)
        if len(chunk.rows) == steps:
            raise CutOffError

    member = Member.create(setup, task.genome, task.init_seed)
    with suppress(CutOffError):
        Chunk(task, member, executor.dataset).run(after_step)
    assert executor.work.progress(task) is not None


def comparable(outcome: Outcome) -> object:
    """Everything but times; sha256 stand for weights, moments and the mean."""
    times = {"train_seconds", "eval_seconds", "started_at"}
    rows = [row.model_dump(exclude={"tokens_per_sec", "ms_per_step"}) for row in outcome.rows]
    return outcome.result.model_dump(exclude=times), rows
