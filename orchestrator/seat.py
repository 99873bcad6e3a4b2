"""A worker's process before it is known which run it works for. Imports nothing slow by itself."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.task_runner import TaskRunner
    from state.results import Outcome
    from state.tasks import Task
    from trainer.config import WorkerSetup


class Seat:
    """Loads what every run needs, and then works for the run whose task comes first."""

    def __init__(self) -> None:
        self._runner: TaskRunner | None = None

    def load(self) -> None:
        """Load torch and all that trains; the first task would do it otherwise."""
        # In this order: the first sets what the libraries of torch read when they are loaded.
        for name in ("orchestrator.task_runner", "trainer.execution"):
            import_module(name)

    def run_job(
        self,
        runner: "type[TaskRunner]",
        setup: "WorkerSetup",
        tasks: "Sequence[Task]",
        *,
        anew: bool = False,
    ) -> "list[Outcome]":
        """See `TaskRunner.run_job`. The same `runner` and `setup` come with every job."""
        if self._runner is None:
            self._runner = runner(setup)
        return self._runner.run_job(tasks, anew=anew)
