"""Training tasks that go through their steps together."""

import time
from collections.abc import Callable, Sequence

from state.records import StepMetrics
from state.results import Outcome
from state.tasks import TrainingTask
from trainer.execution import Begun, TaskExecutor, reproducible
from trainer.snapshots import Snapshots
from trainer.stacked.stack import Stack
from trainer.training import Chunk


def train_together(executor: TaskExecutor, tasks: Sequence[TrainingTask]) -> list[Outcome]:
    """Train members of equal shape as one; what each comes to is stored and measured in turn.

    They go on from their snapshots where all were saved after the same step. Of the time of their
    training each is given an equal share.

    Raises:
        ValueError: their shapes differ.
    """
    setup, at = executor.setup, time.monotonic()
    with reproducible(tasks[0].threads, setup.device, deterministic=setup.deterministic):
        members = begun_together(executor, tasks)
        lead = members[0].snapshots
        together = [(one.snapshots, one.chunk) for one in members]
        StackedChunks([one.chunk for one in members]).run(lambda: lead.after_step_of(together))
        seconds = lead.train_seconds / len(members)
        outcomes: list[Outcome] = []
        for one in members:
            outcomes.append(executor.finished(one, {"started_at": at, "train_seconds": seconds}))
            at += seconds + getattr(outcomes[-1].result, "eval_seconds", 0.0)
    return outcomes


def begun_together(executor: TaskExecutor, tasks: Sequence[TrainingTask]) -> list[Begun]:
    """The members of tasks that train together, all at the same step."""
    snapshots = [Snapshots(executor.setup, task, executor.work) for task in tasks]
    if len({one.num_steps for one in snapshots}) > 1:
        for one in snapshots:
            one.begin_anew()
    pairs = zip(tasks, snapshots, strict=True)
    return [executor.begun(task, snapshots=own) for task, own in pairs]


class StackedChunks:
    """The chunks of tasks with equal steps, all of which stand at the same step."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = list(chunks)
        first = self.chunks[0]
        self.steps, self.begun = first.task.steps, len(first.rows)
        assert all(len(chunk.rows) == self.begun for chunk in chunks)
        assert all(chunk.task.steps == self.steps for chunk in chunks)

    def run(self, after_step: Callable[[], None]) -> None:
        """Change the activations and take every step; the members end without a morph.

        `after_step` may look at everything and change nothing.
        """
        for chunk in self.chunks:
            if not chunk.rows:
                chunk.change_activation()
            chunk.set_dropout()
        stack = Stack([chunk.member for chunk in self.chunks])
        for index in range(self.begun, self.steps):
            for chunk, row in zip(self.chunks, self.step(stack, index), strict=True):
                chunk.rows.append(row)
            after_step()
        for chunk in self.chunks:
            chunk.member.finish_morph()

    def step(self, stack: Stack, index: int) -> list[StepMetrics]:
        """One step and its rows. Each takes an equal share of the time."""
        started = time.perf_counter()
        settings = [chunk.settings(index) for chunk in self.chunks]
        for chunk, own in zip(self.chunks, settings, strict=True):
            if own.morph == 1:
                chunk.member.finish_morph()
        batches = [chunk.batch(index) for chunk in self.chunks]
        outcomes = stack.step(batches, settings)
        for chunk in self.chunks:
            chunk.member.move_mean(chunk.task.mean_rate)
        seconds = (time.perf_counter() - started) / len(self.chunks)
        return [
            chunk.row(index, batch, outcome, seconds)
            for chunk, batch, outcome in zip(self.chunks, batches, outcomes, strict=True)
        ]
