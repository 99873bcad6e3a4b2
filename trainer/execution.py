"""Executing tasks: from a work order to its outcome, the same bits wherever it runs.

Exceptions pass through; only a member that skipped too many steps is judged here.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, assert_never

import torch

from state.objects import ObjectStore
from state.partial import PartialWork
from state.progress import SILENT, Reporter
from state.records import Evaluation, Genome, Split
from state.results import EnsembleResult, EvaluationResult, Outcome
from state.run_folder import RunFolder
from state.tasks import EnsembleTask, EvaluationTask, Teacher, TrainingTask
from trainer.backbones.gpt import GPT
from trainer.checkpoint import Checkpoint, require_tensors
from trainer.config import WorkerSetup
from trainer.data import Dataset
from trainer.evaluation import evaluate, evaluate_ensemble, windows_at_a_time
from trainer.flops import forward_flops_per_token
from trainer.fusion import drawn, moved_mean
from trainer.instruments.cusum import Chart
from trainer.instruments.weight_entropy import weight_entropy
from trainer.lesson import Lesson, Tables, from_table, live, read_table
from trainer.member import Member, precision
from trainer.partial import partial_work
from trainer.recent import RecentCheckpoints
from trainer.repeatable import fill_new_memory, repeatable_kernels
from trainer.snapshots import Snapshots
from trainer.storing import Storing
from trainer.training import Chunk
from trainer.validation.course import course_of
from trainer.validation.probing import probed


class TaskExecutor:
    """Runs one task at a time; keeps the data and the last checkpoints at hand."""

    def __init__(
        self,
        setup: WorkerSetup,
        work: PartialWork | None = None,
        progress: Reporter = SILENT,
    ) -> None:
        folder = RunFolder(Path(setup.run_folder))
        self.setup, self.data_folder = setup, folder.data
        if setup.device == "cuda":
            torch.cuda.set_device(setup.device_index)
        self.work = work or partial_work(setup)
        self.progress = progress
        self.objects = ObjectStore(folder.objects)
        self.recent = RecentCheckpoints(setup, self.objects)
        self.tables = Tables()
        self.throughput: Chart | None = None
        """Of the member that has instruments; it follows from the clock, so it is not stored."""

    @cached_property
    def dataset(self) -> Dataset:
        """The run's prepared data."""
        return Dataset(self.data_folder)

    def execute(self, task: TrainingTask | EvaluationTask | EnsembleTask) -> Outcome:
        """Run the task to its end. Everything but times depends on the task and setup alone."""
        setup = self.setup
        with reproducible(task.threads, setup.device, deterministic=setup.deterministic):
            match task:
                case TrainingTask():
                    return self.train(task)
                case EvaluationTask():
                    return Outcome(result=self.evaluate(task))
                case EnsembleTask():
                    return Outcome(result=self.evaluate_ensemble(task))
                case _:
                    assert_never(task)

    def train(self, task: TrainingTask) -> Outcome:
        """Train a member for the task's steps, from its last snapshot if there is one, store it
        and measure it.
        """
        started_at = time.monotonic()
        begun = self.begun(task)
        begun.chunk.run(begun.snapshots.after_step)
        self.throughput = begun.chunk.throughput
        return self.finished(begun, {"started_at": started_at})

    def begun(
        self,
        task: TrainingTask,
        kind: Callable[..., Chunk] = Chunk,
        snapshots: Snapshots | None = None,
    ) -> "Begun":
        """The task with its member as it stands: of the last snapshot, if there is one."""
        snapshots = snapshots or Snapshots(self.setup, task, self.work)
        # Not in the snapshot: it follows from the task, like the teachers.
        mean = self.moved_mean(task)
        member = snapshots.member() or self.parent(task, mean)
        lesson = self.lesson(task)
        chunk = kind(task, member, self.dataset, lesson, snapshots.found, self.throughput)
        return Begun(task, chunk, snapshots, mean)

    def finished(self, begun: "Begun", times: dict[str, object]) -> Outcome:
        """The outcome of a task whose steps were taken."""
        task, chunk, snapshots, mean = begun
        left = self.stored_and_measured(task, chunk, snapshots, mean)
        update = {**left, **times}
        if task.role == "champion" or task.phase == "training":
            update["course"] = course_of(chunk.rows, self.setup.model.backbone)
        return Outcome(result=chunk.result().model_copy(update=update), rows=tuple(chunk.rows))

    def stored_and_measured(
        self, task: TrainingTask, chunk: Chunk, snapshots: Snapshots, mean: Checkpoint | None
    ) -> dict[str, object]:
        """What storing and measuring the member add to its result: it is stored while it is
        measured, and what the result names is durable.
        """
        member, kept = chunk.member, task.save and not chunk.quarantined
        with Storing(self.objects) as storing:
            stored = storing.store(member.checkpoint()) if kept else None
            train_seconds, trained_at = snapshots.train_seconds, time.monotonic()
            evaluations = () if chunk.quarantined else self.measure(member.model, task.evaluate)
            published = kept and task.publishes_mean
            averaged = self.publish_averaged(storing, member, task) if published else {}
            passes = 2 if averaged else 1
            left: dict[str, object] = {
                **averaged,
                "evaluations": evaluations,
                "evaluation_flops": passes * self.evaluation_flops(task.genome, evaluations),
                "train_seconds": train_seconds,
                "eval_seconds": time.monotonic() - trained_at,
            }
            if mean is not None and kept and task.role == "champion":
                left |= self.publish_mean(storing, mean)
            return left if stored is None else left | stored.named("checkpoint", self.recent)

    def evaluate(self, task: EvaluationTask) -> EvaluationResult:
        """Measure a checkpoint or an untrained model."""
        started_at = time.monotonic()
        member = self.member(task.checkpoint, task.genome, task.init_seed)
        evaluations = self.measure(member.model, task.splits)
        return EvaluationResult(
            task_id=task.task_id,
            evaluations=evaluations,
            evaluation_flops=self.evaluation_flops(task.genome, evaluations),
            eval_seconds=time.monotonic() - started_at,
            started_at=started_at,
            **probed(task.probe, member.model, self.dataset, self.setup),
        )

    def evaluate_ensemble(self, task: EnsembleTask) -> EnsembleResult:
        """Measure the average of several models."""
        started_at = time.monotonic()
        models = [self.model(teacher) for teacher in task.models]
        with precision(self.setup):
            batch = windows_at_a_time(models[0])
            ensemble, members, disagreement = evaluate_ensemble(
                models, self.dataset, task.split, batch, self.progress
            )
        flops = [
            self.evaluation_flops(teacher.genome, (evaluation,))
            for teacher, evaluation in zip(task.models, members, strict=True)
        ]
        return EnsembleResult(
            task_id=task.task_id,
            ensemble=ensemble,
            members=members,
            disagreement=disagreement,
            evaluation_flops=sum(flops),
            eval_seconds=time.monotonic() - started_at,
            started_at=started_at,
        )

    def measure(self, model: GPT, splits: tuple[Split, ...]) -> tuple[Evaluation, ...]:
        """The model's loss on each of the splits."""
        data, progress = self.dataset, self.progress
        with precision(self.setup):
            return tuple(evaluate(model, data, split, progress=progress) for split in splits)

    def evaluation_flops(self, genome: Genome, evaluations: tuple[Evaluation, ...]) -> float:
        """Forward passes over all windows, padding not counted."""
        per_token = forward_flops_per_token(self.setup.model, genome)
        return per_token * sum(evaluation.tokens for evaluation in evaluations)

    def parent(self, task: TrainingTask, mean: Checkpoint | None) -> Member:
        """The member that the task begins with, drawn to its lineage's mean if it has one."""
        if task.parent is None:
            return self.member(None, task.genome, task.init_seed)
        parent = self.recent.get(task.parent, task.parent_genome)
        if task.fusion is not None and mean is not None:
            parent = drawn(parent, mean, task.fusion.strength)
        return Member.from_checkpoint(self.setup, parent)

    def moved_mean(self, task: TrainingTask) -> Checkpoint | None:
        """The running mean of the task's lineage with the parent's weights taken in; None without
        fusion. A new model has nothing to be drawn to.
        """
        if task.fusion is None or task.parent is None:
            return None
        stored = task.fusion.mean
        before = None if stored is None else self.recent.get(stored)
        parent = self.recent.get(task.parent, task.parent_genome)
        return moved_mean(before, parent, task.fusion.rate)

    def publish_mean(self, storing: Storing, mean: Checkpoint) -> dict[str, object]:
        """Store it; the fields of the result that say so."""
        stored, entropy = storing.store(mean), weight_entropy(mean.weights.values())
        return {**stored.named("consensus", self.recent), "consensus_entropy": entropy}

    def publish_averaged(
        self, storing: Storing, member: Member, task: TrainingTask
    ) -> dict[str, object]:
        """Store and measure the running mean of the weights, if there is one; the fields of the
        result that say so.
        """
        averaged = member.averaged()
        if averaged is None:
            return {}
        stored = storing.store(averaged)
        evaluations = self.measure(self.model_of(averaged), task.evaluate)
        return {**stored.named("averaged", self.recent), "averaged_evaluations": evaluations}

    def member(self, sha: str | None, genome: Genome, seed: int) -> Member:
        """A stored member, or a new one where `sha` is None."""
        if sha is None:
            return Member.create(self.setup, genome, seed)
        return Member.from_checkpoint(self.setup, self.recent.get(sha, genome))

    def lesson(self, task: TrainingTask) -> Lesson | None:
        """What the task's teachers say; None without any."""
        if not task.teachers:
            return None
        teachers = [self.model(teacher) for teacher in task.teachers]
        if task.teaching == "live":
            return live(teachers)
        key = (*(one.checkpoint for one in task.teachers), str(task.threads))
        with precision(self.setup):
            table = self.tables.get(key, lambda: read_table(teachers, self.dataset, self.progress))
            return from_table(table)

    def model(self, teacher: Teacher) -> GPT:
        """A frozen model in evaluation mode."""
        return self.model_of(self.recent.get(teacher.checkpoint, teacher.genome))

    def model_of(self, checkpoint: Checkpoint) -> GPT:
        """A checkpoint's weights as a frozen model in evaluation mode."""
        model = GPT(self.setup.model, checkpoint.description.genome)
        require_tensors(checkpoint.weights, model.state_dict())
        model.load_state_dict(checkpoint.weights)
        return model.to(self.setup.device).requires_grad_(requires_grad=False).eval()


class Begun(NamedTuple):
    """A training task under way."""

    task: TrainingTask
    chunk: Chunk
    snapshots: Snapshots
    mean: Checkpoint | None
    """Of its lineage, where that is drawn to one."""


@contextmanager
def reproducible(threads: int, device: str, *, deterministic: bool = True) -> Iterator[None]:
    """Pinned threads, kernels that repeat, and the global generator put back after.

    `deterministic` may be False on CUDA, whose repeatable kernels are slower; the CPU's always are.
    """
    torch.set_num_threads(threads)
    fill_new_memory(fill=False)
    try:
        with torch.random.fork_rng(), repeatable_kernels(device, deterministic=deterministic):
            yield
    finally:
        fill_new_memory(fill=True)
