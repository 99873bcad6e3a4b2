"""Saving a training task between its steps, so that a crash repeats little of it.

A snapshot changes when work is saved and never what is computed.
"""

import time
from collections.abc import Sequence

from state.partial import PartialWork, Progress
from state.tasks import TrainingTask
from trainer.checkpoint import decode
from trainer.config import WorkerSetup
from trainer.member import Member
from trainer.training import Chunk

LARGEST_SHARE = 0.02
"""Of a task's time that its snapshots may take, where they are spaced by time at all."""


class Snapshots:
    """The snapshots of one task; at most one of them exists."""

    def __init__(self, setup: WorkerSetup, task: TrainingTask, work: PartialWork) -> None:
        self.setup, self.task, self.work = setup, task, work
        self.found = work.progress(task)
        """How far an earlier attempt came."""
        self._started_at = self._saved_at = time.monotonic()
        self._saved_steps = self.num_steps
        self._wait_seconds = setup.snapshot_seconds

    @property
    def num_steps(self) -> int:
        """Steps that an earlier attempt took and saved."""
        return len(self.found.rows) if self.found else 0

    def begin_anew(self) -> None:
        """Take no notice of an earlier attempt."""
        self.found = None
        self._saved_steps = 0

    @property
    def train_seconds(self) -> float:
        """Of this attempt and of what it goes on from."""
        before = self.found.train_seconds if self.found else 0.0
        return before + time.monotonic() - self._started_at

    def member(self) -> Member | None:
        """The member of the last snapshot; None where there is none."""
        if self.found is None:
            return None
        data = self.work.objects.read(self.found.snapshot)
        checkpoint = decode(data, self.task.genome, self.setup.model, self.work.key(self.task))
        return Member.from_checkpoint(self.setup, checkpoint)

    def after_step(self, chunk: Chunk) -> None:
        """Save the task if that is due; not after its last step, which is saved as its outcome."""
        self.after_step_of([(self, chunk)])

    def after_step_of(self, together: Sequence[tuple["Snapshots", Chunk]]) -> None:
        """The same for tasks that train together, this one among them: all are saved after the
        same step.
        """
        num_steps, now = len(together[0][1].rows), time.monotonic()
        enough_steps = num_steps - self._saved_steps >= self.setup.snapshot_steps
        enough_time = now - self._saved_at >= self._wait_seconds
        if enough_steps and enough_time and num_steps < self.task.steps:
            for snapshots, chunk in together:
                snapshots.save(chunk)
            self._saved_steps, self._saved_at = num_steps, time.monotonic()
            if self.setup.snapshot_seconds:
                cost = (self._saved_at - now) / LARGEST_SHARE
                self._wait_seconds = max(self.setup.snapshot_seconds, cost)

    def save(self, chunk: Chunk) -> None:
        """Store the member, then replace the record of how far the task has come."""
        objects = self.work.objects
        sha = chunk.member.save(objects, unfinished_task=self.work.key(self.task))
        progress = Progress(
            snapshot=sha,
            snapshot_bytes=objects.path(sha).stat().st_size,
            rows=tuple(chunk.rows),
            switch_jump=chunk.switch_jump,
            measured_genomes=chunk.measured_genomes,
            train_seconds=self.train_seconds,
        )
        self.work.advance(self.task, progress)
