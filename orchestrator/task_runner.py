"""Executing a task in the process of a worker: a plain class, with or without Ray around it."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from state.progress import ProgressFile, Reporter
from state.records import Sample
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
    Teacher,
    TrainingTask,
)
from trainer.config import WorkerSetup
from trainer.partial import partial_work

# Read by OpenMP when torch is loaded. Threads of a host that spin while another process holds
# their core can slow it down tenfold; spinning briefly, then sleeping, costs little on a quiet one.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

if TYPE_CHECKING:
    from trainer.execution import TaskExecutor


class TaskRunner:
    """Runs tasks one after the other. Torch is loaded with the first one that needs it."""

    def __init__(self, setup: WorkerSetup) -> None:
        self.setup = setup
        self.work = partial_work(setup)
        self.progress = Reporter(ProgressFile(self._folder.progress))
        self._executor: TaskExecutor | None = None

    @property
    def executor(self) -> "TaskExecutor":
        """The torch side, built on first use."""
        if self._executor is None:
            from trainer.execution import TaskExecutor

            self._executor = TaskExecutor(self.setup, self.work, self.progress)
        return self._executor

    def run(self, task: Task) -> Outcome:
        """The task's outcome, from memory where it was finished before.

        A member that cannot be computed becomes a failed result, which is not remembered. What
        concerns the whole run (a full disk, a damaged object) is raised.
        """
        remembered = self.work.outcome(task)
        if remembered is not None:
            return begun_now(remembered)
        try:
            outcome = self._compute(task)
        except (ArithmeticError, MemoryError, RuntimeError) as error:
            return Outcome(result=failed(task, f"{type(error).__name__}: {error}"))
        self.work.finish(task, outcome)
        return outcome

    def _compute(self, task: Task) -> Outcome:
        match task:
            case BatteryTask():
                return Outcome(result=self._battery(task))
            case SampleTask():
                return Outcome(result=self._sample(task))
            case BaselineTask():
                return Outcome(result=self._baseline(task))
            case _:
                return self.executor.execute(task)

    def _baseline(self, task: BaselineTask) -> BaselineResult:
        from trainer.data import Dataset
        from trainer.order2 import order2_bits_per_byte

        started = time.monotonic()
        dataset = Dataset(self._folder.data)
        train, test = (dataset.text(split).encode() for split in ("train", task.split))
        bits = order2_bits_per_byte(train, test)
        return BaselineResult(
            task_id=task.task_id,
            bits_per_byte=bits,
            started_at=started,
            eval_seconds=time.monotonic() - started,
        )

    def _battery(self, task: BatteryTask) -> BatteryResult:
        from orchestrator.battery.on_run import run_questions, try_model
        from trainer.execution import reproducible

        started = time.monotonic()
        dataset, setup = self.executor.dataset, self.setup
        model = self.executor.model(Teacher(checkpoint=task.checkpoint, genome=task.genome))
        with reproducible(task.threads, setup.device, deterministic=setup.deterministic):
            try:
                report = try_model(
                    model,
                    dataset,
                    setup,
                    run_questions(dataset, setup, whole=task.whole),
                    seed=task.seed,
                    phase=task.phase,
                    generation=task.generation,
                    progress=self.progress,
                )
            except ValueError as error:
                # What cannot be sampled or compared is no reason to end a run.
                raise RuntimeError(f"the battery could not be run: {error}") from error
        beside = {"bits_per_byte": task.bits_per_byte} if task.bits_per_byte is not None else {}
        return BatteryResult(
            task_id=task.task_id,
            report=report.model_copy(update={"beside": {**beside, **report.beside}}),
            started_at=started,
            battery_seconds=time.monotonic() - started,
        )

    def _sample(self, task: SampleTask) -> SampleResult:
        from inference_battery.generation import generate
        from inference_battery.prompts import choose_prompts
        from orchestrator.battery.on_run import unwritten_ids
        from trainer.execution import reproducible

        started = time.monotonic()
        dataset, setup = self.executor.dataset, self.setup
        codec, domain = dataset.tokenizer, dataset.manifest.domain
        (prompt,) = choose_prompts(dataset.documents("search"), domain, 1, setup.seed)
        with reproducible(task.threads, setup.device, deterministic=setup.deterministic):
            (written,) = generate(
                self.executor.model(Teacher(checkpoint=task.checkpoint, genome=task.genome)),
                [[int(token) for token in codec.encode(prompt)]],
                max_new_tokens=setup.battery_tokens,
                temperature=task.temperature,
                seed=task.seed,
                end_of_text_id=codec.end_of_text_id,
                banned_ids=unwritten_ids(codec),
                device=setup.device,
            )
        text = codec.decode(written.tokens)
        return SampleResult(
            task_id=task.task_id,
            sample=Sample(
                prompt=prompt, temperature=task.temperature, text=text, ended=written.ended
            ),
            started_at=started,
            eval_seconds=time.monotonic() - started,
        )

    @property
    def _folder(self) -> RunFolder:
        return RunFolder(Path(self.setup.run_folder))


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
