"""Executing a task in the process of a worker: a plain class, with or without Ray around it."""

import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, assert_never

from orchestrator.battery.tasks import count_baseline, try_checkpoint, write_sample
from state.partial import PartialWork
from state.progress import ProgressFile, Reporter
from state.results import (
    BaselineResult,
    BatteryResult,
    EnsembleResult,
    EvaluationResult,
    Outcome,
    SampleResult,
    TaskResult,
    TrainingResult,
)
from state.run_folder import RunFolder
from state.tasks import (
    BaselineTask,
    BatteryTask,
    EnsembleTask,
    EvaluationTask,
    SampleTask,
    Task,
    TrainingTask,
)
from trainer import shortage
from trainer.config import WorkerSetup
from trainer.partial import partial_work
from trainer.ranks.crew import Ranks
from trainer.ranks.spreading import why_whole
from trainer.stacked.grouping import why_alone

# Read by OpenMP when torch is loaded. Threads of a host that spin while another process holds
# their core can slow it down tenfold; spinning briefly, then sleeping, costs little on a quiet one.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

if TYPE_CHECKING:
    from trainer.execution import TaskExecutor

_Found = TypeVar("_Found")
_log = logging.getLogger(__name__)


class TaskRunner:
    """Runs tasks one after the other. Torch is loaded with the first one that needs it."""

    def __init__(self, setup: WorkerSetup) -> None:
        self.setup = setup
        self.work = partial_work(setup)
        self.progress = Reporter(ProgressFile(self._folder.progress))
        self._executor: TaskExecutor | None = None
        self.ranks = Ranks(setup)
        """The processes of a host that is spread over several devices; none until there is one."""
        self._most = setup.stack
        """Members of a stack."""

    @property
    def executor(self) -> "TaskExecutor":
        """The torch side, built on first use."""
        if self._executor is None:
            from trainer.execution import TaskExecutor

            self._executor = TaskExecutor(self.setup, self.work, self.progress)
        return self._executor

    def run(self, task: Task) -> Outcome:
        """The task's outcome, from memory where it was finished before."""
        return self.run_together([task])[0]

    def run_job(self, tasks: Sequence[Task], *, anew: bool = False) -> list[Outcome]:
        """The outcomes of what an engine gives at once; `anew` goes on from nothing saved, for
        what was saved in a stack that is no more.
        """
        if anew:
            for task in tasks:
                self.work.forget_progress(task)
        found = [self.run(tasks[0])] if len(tasks) == 1 else self.run_together(tasks)
        if self.setup.host_devices > 1:
            # The host's processes will share this worker's device.
            self._release()
        return found

    def run_together(self, tasks: Sequence[Task]) -> list[Outcome]:
        """The outcomes of tasks that are trained as one where they can be.

        A stack that fails is halved, and no larger one is tried again once one ran out of memory.
        """
        training = [task for task in tasks if isinstance(task, TrainingTask)]
        alone = any(why_alone(task, self.setup) is not None for task in tasks)
        if not alone and len(tasks) <= self._most:
            outcomes = self._stacked(training)
            if outcomes is not None:
                return outcomes
        if len(tasks) == 1:
            return [self._run_alone(tasks[0])]
        half = (len(tasks) + 1) // 2
        return [*self.run_together(tasks[:half]), *self.run_together(tasks[half:])]

    def _stacked(self, tasks: Sequence[TrainingTask]) -> list[Outcome] | None:
        """The outcomes of one stack; None where it cannot be computed as one.

        What was remembered of some of its members is of this stack, so what is not remembered has
        to be trained with all of them again.
        """
        known = remembered(self.work, tasks)
        if known is not None:
            return known
        outcomes, failure = self._trained_together(tasks)
        if failure is not None:
            self._most = self._most_after(failure, len(tasks))
            # From there a smaller stack would end with other bits than from the beginning.
            for task in tasks:
                self.work.forget_progress(task)
            return None
        for task, outcome in zip(tasks, outcomes, strict=True):
            self.work.finish(task, outcome)
        return outcomes

    def _trained_together(self, tasks: Sequence[TrainingTask]) -> tuple[list[Outcome], str | None]:
        """The outcomes of a stack, or the kind of what kept it from being computed: the exception
        itself would hold on to the memory of the stack.
        """
        from trainer.stacked.training import train_together

        self.ranks.close()
        try:
            return self._within_memory(lambda: train_together(self.executor, tasks)), None
        except (ArithmeticError, MemoryError, RuntimeError) as error:
            _log.info("a stack of %d failed: %s", len(tasks), error)
            return [], shortage.kind_of(error)

    def _most_after(self, failure: str, count: int) -> int:
        """Members that a stack may have after one of `count` failed."""
        if failure not in shortage.NAMES:
            return self._most
        half = max(1, count // 2)
        _log.warning("%d members do not fit the device's memory; %d are stacked", count, half)
        release_memory(self.setup.device)
        return half

    def _run_alone(self, task: Task) -> Outcome:
        """The outcome of one task by itself.

        A member that cannot be computed becomes a failed result, which is not remembered. What
        concerns the whole run (a full disk, a damaged object) is raised.
        """
        known = remembered(self.work, [task])
        if known is not None:
            return known[0]
        try:
            outcome = self._within_memory(lambda: self._compute(task))
        except (ArithmeticError, MemoryError, RuntimeError) as error:
            return Outcome(result=failed(task, f"{shortage.kind_of(error)}: {error}"))
        self.work.finish(task, outcome)
        return outcome

    def _compute(self, task: Task) -> Outcome:
        match task:
            case BatteryTask():
                return Outcome(result=try_checkpoint(task, self.executor))
            case SampleTask():
                return Outcome(result=write_sample(task, self.executor))
            case BaselineTask():
                return Outcome(result=count_baseline(task, self._folder.data))
            case TrainingTask() if why_whole(task, self.setup) is None:
                self._release()
                return self.ranks.train_again(task)
            case _:
                return self.executor.execute(task)

    def close(self) -> None:
        """End what was started; safe to call twice."""
        self.ranks.close()

    def _within_memory(self, compute: Callable[[], _Found]) -> _Found:
        """What it computes, with room made by what is kept at hand where there is too little."""
        try:
            return compute()
        except (MemoryError, RuntimeError) as error:
            if not shortage.out_of_memory(error) or not self._release():
                raise
        return compute()

    def _release(self) -> bool:
        """Give the device back what is not being worked with; whether anything was at hand."""
        held = self._executor is not None and self._executor.recent.release()
        release_memory(self.setup.device)
        return held

    @property
    def _folder(self) -> RunFolder:
        return RunFolder(Path(self.setup.run_folder))


def release_memory(device: str) -> None:
    """Give the device back what torch keeps of memory that is not in use."""
    gc.collect()
    if device == "cuda" and "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()


def remembered(work: PartialWork, tasks: Sequence[Task]) -> list[Outcome] | None:
    """The outcomes of tasks that were all finished before, as if they had begun just now."""
    found = [one for one in map(work.outcome, tasks) if one is not None]
    return [begun_now(one) for one in found] if len(found) == len(tasks) else None


def begun_now(outcome: Outcome) -> Outcome:
    """The outcome with a start on this machine's clock, which may have been reset since."""
    result = outcome.result.model_copy(update={"started_at": time.monotonic()})
    return outcome.model_copy(update={"result": result})


def failed(task: Task, error: str) -> TaskResult:
    """The result of a task that could not be computed."""
    match task:
        case TrainingTask():
            return TrainingResult(task_id=task.task_id, status="failed", error=error)
        case EvaluationTask():
            return EvaluationResult(task_id=task.task_id, status="failed", error=error)
        case EnsembleTask():
            return EnsembleResult(task_id=task.task_id, status="failed", error=error)
        case BatteryTask():
            return BatteryResult(task_id=task.task_id, status="failed", error=error)
        case SampleTask():
            return SampleResult(task_id=task.task_id, status="failed", error=error)
        case BaselineTask():
            return BaselineResult(task_id=task.task_id, status="failed", error=error)
        case _:
            assert_never(task)
