"""A run's best model, ready to write."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commits import Saved, restore
from orchestrator.resolve import at_hand, worker_setup
from orchestrator.run_state import Dormant, best_model
from state.commit import load_commit
from state.run_folder import RunFolder
from state.tasks import Teacher
from trainer.config import WorkerSetup
from trainer.manifest import require_intact

if TYPE_CHECKING:
    from trainer.backbones.gpt import GPT
    from trainer.data import Dataset


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """The model and what belongs to it."""

    folder: RunFolder
    saved: Saved
    best: Dormant
    dataset: "Dataset"
    setup: WorkerSetup

    @contextmanager
    def model(self, threads: int = 1) -> "Iterator[GPT]":
        """The model on the run's device, with kernels that repeat."""
        from trainer.execution import TaskExecutor, reproducible

        teacher = Teacher(checkpoint=self.best.checkpoint, genome=self.best.genome)
        device, deterministic = self.setup.device, self.setup.deterministic
        with reproducible(threads, device, deterministic=deterministic):
            yield TaskExecutor(self.setup).model(teacher)


def open_model(path: Path) -> OpenedModel:
    """The best model of what a user means by a run.

    Raises:
        ValueError: it is no run, has kept no model yet, or its text is damaged.
    """
    folder = RunFolder.from_argument(path)
    saved = restore(load_commit(folder).record)
    best = best_model(saved.run)
    require_intact(folder.data)
    from trainer.data import Dataset

    return OpenedModel(
        folder, saved, best, Dataset(folder.data), at_hand(worker_setup(saved.config, folder))
    )
