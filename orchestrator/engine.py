"""Where tasks run: the contract that every engine keeps, and the one that needs no cluster."""

from collections.abc import Callable, Sequence
from typing import Protocol

from orchestrator.task_runner import TaskRunner
from state.results import Outcome
from state.tasks import Task
from trainer.config import WorkerSetup
from trainer.stacked.grouping import groups


class Engine(Protocol):
    """Runs tasks. What a task yields depends on the task alone, not on the engine, the slot it
    lands on or the order in which others end.
    """

    slots: int
    """Tasks of one thread that run at the same time."""

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        """Outcomes in the order of `tasks`. Once `should_stop` holds nothing new is started:
        what is running ends, what was not started is missing from the list.
        """
        ...

    def close(self) -> None:
        """Give the workers back; safe to call twice."""
        ...


class InlineEngine:
    """Runs every task in this process, one after the other, stacks as one; opens no socket."""

    slots = 1

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup, self._runner = setup, TaskRunner(setup)

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        for group in groups(tasks, self._setup):
            if should_stop():
                break
            found = self._runner.run_job([tasks[index] for index in group])
            outcomes |= zip(group, found, strict=True)
        return [outcomes[index] for index in sorted(outcomes)]

    def close(self) -> None:
        self._runner.close()
