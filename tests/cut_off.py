"""Killing a worker between two steps of a task."""

import pytest

from state.tasks import TrainingTask
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.training import Chunk


class CutOffError(BaseException):
    """Stands for a kill: nothing may catch it."""


def cut_off(setup: WorkerSetup, task: TrainingTask, num_steps: int) -> None:
    """Kill the worker before the step that follows `num_steps` of this attempt."""
    executor, left = TaskExecutor(setup), num_steps

    def take(chunk: Chunk, index: int) -> object:
        nonlocal left
        if left == 0:
            raise CutOffError
        left -= 1
        return original(chunk, index)

    original = Chunk.step
    with pytest.MonkeyPatch.context() as patch, pytest.raises(CutOffError):
        patch.setattr(Chunk, "step", take)
        executor.execute(task)
