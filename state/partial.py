"""What workers have done of the open stage, remembered where it was done.

A task is a pure function of its record, the worker's setup and the environment. What was done is
kept under the hash of the three, and whoever is asked the same again goes on from there. A file
that is damaged, or whose object is, counts as absent: the work is then done again.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import Field, JsonValue, ValidationError

from state import durable
from state.base import Record
from state.objects import ObjectStore
from state.records import Genome, StepMetrics
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.sealed import DamagedDocument, digest, seal, unseal
from state.tasks import Task, TrainingTask

OUTCOME, PROGRESS = ".outcome.json", ".progress.json"

_log = logging.getLogger(__name__)
_Kind = TypeVar("_Kind", Outcome, "Progress")


class Progress(Record):
    """A training task after some of its steps."""

    snapshot: str = Field(pattern="^[0-9a-f]{64}$")
    """sha256 of the object that holds the member."""
    snapshot_bytes: int = Field(gt=0)
    rows: tuple[StepMetrics, ...] = Field(min_length=1)
    """Of the steps that were taken, in order, skipped ones included."""
    switch_jump: float | None = None
    measured_genomes: tuple[Genome, ...] = ()
    """Activations that a forward pass was spent on to measure the switch."""
    train_seconds: float = Field(default=0, ge=0)


class PartialWork:
    """The open stage as a worker sees it. Several workers may write at once.

    `context` is everything but the task that the bits of an outcome depend on.
    """

    def __init__(self, folder: RunFolder, context: Mapping[str, JsonValue]) -> None:
        self.folder, self.context = folder.partial, dict(context)
        self.objects = ObjectStore(folder.objects)

    def key(self, task: Task) -> str:
        """sha256 of everything that the task's outcome depends on."""
        return digest({**self.context, "task": task.model_dump()})

    def outcome(self, task: Task) -> Outcome | None:
        """The outcome of a task that was finished; None where it must be done."""
        return self._intact(_read(self._path(task, OUTCOME), Outcome))

    def finish(self, task: Task, outcome: Outcome) -> None:
        """Remember the outcome; how far the task had come is not needed any more.

        Raises:
            OutOfSpace: the disk is full.
        """
        self._write(self._path(task, OUTCOME), outcome)
        self.forget_progress(task)

    def forget_progress(self, task: Task) -> None:
        """Take no notice any more of how far a task had come."""
        path = self._path(task, PROGRESS)
        if path.exists():
            before = _read(path, Progress)
            durable.delete(path)
            self._delete_snapshot(before)

    def progress(self, task: TrainingTask) -> Progress | None:
        """How far a task has come; None where it must begin."""
        return self._intact(_read(self._path(task, PROGRESS), Progress))

    def advance(self, task: TrainingTask, progress: Progress) -> None:
        """Replace what is known of a task; the snapshot before is deleted.

        Raises:
            OutOfSpace: the disk is full; the progress before is still valid.
        """
        path = self._path(task, PROGRESS)
        before = _read(path, Progress)
        self._write(path, progress)
        if before is not None and before.snapshot != progress.snapshot:
            self._delete_snapshot(before)

    def _path(self, task: Task, suffix: str) -> Path:
        return self.folder / f"{self.key(task)}{suffix}"

    def _write(self, path: Path, record: Record) -> None:
        self.folder.mkdir(exist_ok=True)
        durable.write_atomically(path, seal(record.model_dump()))

    def _delete_snapshot(self, progress: Progress | None) -> None:
        if progress is not None:
            durable.delete(self.objects.path(progress.snapshot))

    def _intact(self, record: _Kind | None) -> _Kind | None:
        """The record, if the object that it names is what it was."""
        try:
            for sha, num_bytes in _objects(record).items():
                self.objects.verify(sha, num_bytes)
        except (OSError, ValueError) as error:
            _log.info("%s; the work is done again", error)
            return None
        return record


def objects_in_progress(folder: RunFolder) -> set[str]:
    """The objects that partial work names: what a collection must keep."""
    outcomes = (_read(path, Outcome) for path in folder.partial.glob(f"*{OUTCOME}"))
    begun = (_read(path, Progress) for path in folder.partial.glob(f"*{PROGRESS}"))
    return {sha for record in (*outcomes, *begun) for sha in _objects(record)}


def clear(folder: RunFolder) -> None:
    """Forget all partial work: call it when nobody works, after the commit with the results.

    What a crash leaves of it is harmless, since nobody asks for it unless they ask the same.
    """
    for path in sorted(folder.partial.glob("*.json")):
        durable.delete(path)
    durable.remove_temporaries(folder.partial)


def _objects(record: Outcome | Progress | None) -> dict[str, int]:
    """sha256 -> bytes of what a record names."""
    if isinstance(record, Progress):
        return {record.snapshot: record.snapshot_bytes}
    if record is None or not isinstance(record.result, TrainingResult):
        return {}
    result = record.result
    named = {
        result.checkpoint: result.checkpoint_bytes,
        result.consensus: result.consensus_bytes,
        result.averaged: result.averaged_bytes,
    }
    return {sha: num_bytes for sha, num_bytes in named.items() if sha is not None}


def _read(path: Path, kind: type[_Kind]) -> _Kind | None:
    try:
        return kind.model_validate(unseal(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, DamagedDocument, ValidationError) as error:
        _log.info("%s cannot be used (%s); the work is done again", path, error)
        return None
