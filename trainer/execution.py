"""Executing tasks: from a work order to its outcome, the same bits wherever it runs.

Exceptions pass through; only a member that skipped too many steps is judged here.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import assert_never

import torch

from state.objects import ObjectStore
from state.records import Evaluation, Genome, Split
from state.run_folder import RunFolder
from state.tasks import (
    EnsembleResult,
    EnsembleTask,
    EvaluationResult,
    EvaluationTask,
    Outcome,
    Teacher,
    TrainingTask,
)
from trainer.backbones.gpt import GPT
from trainer.checkpoint import Checkpoint, decode
from trainer.config import WorkerSetup
from trainer.data import Dataset
from trainer.evaluation import evaluate, evaluate_ensemble
from trainer.flops import forward_flops_per_token
from trainer.member import Member, precision
from trainer.training import Chunk

MAX_CACHED_CHECKPOINTS = 8


class TaskExecutor:
    """Runs one task at a time; keeps the data and the last checkpoints at hand."""

    def __init__(self, setup: WorkerSetup) -> None:
        folder = RunFolder(Path(setup.run_folder))
        self.setup, self.data_folder = setup, folder.data
        self.objects = ObjectStore(folder.objects)
        self.checkpoints: OrderedDict[str, Checkpoint] = OrderedDict()

    @cached_property
    def dataset(self) -> Dataset:
        """The run's prepared data."""
        return Dataset(self.data_folder)

    def execute(self, task: TrainingTask | EvaluationTask | EnsembleTask) -> Outcome:
        """Run the task to its end. Everything but times depends on the task and setup alone."""
        with reproducible(task.threads, self.setup.device):
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
        """Train a member for the task's steps, store it and measure it."""
        started_at = time.monotonic()
        genome = task.genome if task.parent is None else task.parent_genome
        member = self.member(task.parent, genome, task.init_seed)
        teachers = [self.model(teacher) for teacher in task.teachers]
        chunk = Chunk(task, member, self.dataset, teachers)
        chunk.run()
        sha = member.save(self.objects) if task.save and not chunk.quarantined else None
        trained_at = time.monotonic()
        evaluations = () if chunk.quarantined else self.measure(member.model, task.evaluate)
        left = {
            "checkpoint": sha,
            "checkpoint_bytes": self.objects.path(sha).stat().st_size if sha else 0,
            "evaluations": evaluations,
            "evaluation_flops": self.evaluation_flops(task.genome, evaluations),
            "started_at": started_at,
            "train_seconds": trained_at - started_at,
            "eval_seconds": time.monotonic() - trained_at,
        }
        return Outcome(result=chunk.result().model_copy(update=left), rows=tuple(chunk.rows))

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
        )

    def evaluate_ensemble(self, task: EnsembleTask) -> EnsembleResult:
        """Measure the average of several models."""
        started_at = time.monotonic()
        models = [self.model(teacher) for teacher in task.models]
        with precision(self.setup):
            ensemble, members, disagreement = evaluate_ensemble(
                models, self.dataset, task.split, self.setup.optimizer.batch
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
        batch = self.setup.optimizer.batch
        with precision(self.setup):
            return tuple(evaluate(model, self.dataset, split, batch) for split in splits)

    def evaluation_flops(self, genome: Genome, evaluations: tuple[Evaluation, ...]) -> float:
        """Forward passes over all windows, padding not counted."""
        per_token = forward_flops_per_token(self.setup.model, genome)
        return per_token * sum(evaluation.tokens for evaluation in evaluations)

    def member(self, sha: str | None, genome: Genome, seed: int) -> Member:
        """A stored member, or a new one where `sha` is None."""
        if sha is None:
            return Member.create(self.setup, genome, seed)
        return Member.from_checkpoint(self.setup, self.checkpoint(sha, genome))

    def model(self, teacher: Teacher) -> GPT:
        """A frozen model in evaluation mode."""
        model = GPT(self.setup.model, teacher.genome)
        model.load_state_dict(self.checkpoint(teacher.checkpoint, teacher.genome).weights)
        return model.to(self.setup.device).requires_grad_(requires_grad=False).eval()

    def checkpoint(self, sha: str, genome: Genome) -> Checkpoint:
        """A checkpoint, from memory where it was used lately. Its tensors are not to be changed."""
        checkpoint = self.checkpoints.pop(sha, None)
        if checkpoint is None or checkpoint.description.genome != genome:
            checkpoint = decode(self.objects.read(sha), genome, self.setup.model)
        self.checkpoints[sha] = checkpoint
        while len(self.checkpoints) > MAX_CACHED_CHECKPOINTS:
            self.checkpoints.popitem(last=False)
        return checkpoint


@contextmanager
def reproducible(threads: int, device: str) -> Iterator[None]:
    """Pinned threads, deterministic kernels on CPU, and the global generator put back after."""
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device == "cpu")
    fill_new_memory(fill=False)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.use_deterministic_algorithms(was_deterministic)
        fill_new_memory(fill=True)


def fill_new_memory(fill: bool) -> None:
    """Whether deterministic mode also fills every new tensor with NaN, which only costs time."""
    torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
