"""How long a running task is waited for before its worker counts as hanging.

Limits follow what tasks have taken so far, with a wide margin: to wait too long costs minutes, to
give up on a task that is only slow costs the task.
"""

from pydantic import Field

from state.base import Record
from state.results import Outcome
from state.tasks import Task, TrainingTask


class Patience(Record):
    """Limits in seconds of waiting."""

    least_seconds: float = Field(default=120, gt=0)
    """No task is given up before; a new worker loads torch within it."""
    factor: float = Field(default=20, ge=1)
    """Times the expected duration."""
    unmeasured_seconds: float = Field(default=3600, gt=0)
    """For a kind of task that has not been seen to end yet."""
    unmeasured_step_seconds: float = Field(default=60, gt=0)
    """More for each of its optimizer steps."""
    start_seconds: float = Field(default=120, gt=0)
    """For workers to be given a place and to answer."""
    stop_seconds: float = Field(default=12, gt=0)
    """For running tasks once a stop was asked for; a preempted machine leaves 30 in all."""


class Pace:
    """The slowest that was measured, by kind of work."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._step_seconds: float | None = None
        self._other_seconds: dict[str, float] = {}

    def learn(self, task: Task, outcome: Outcome) -> None:
        """Take a finished task's times into account; a failed one says nothing."""
        if outcome.result.status == "failed":
            return
        if outcome.rows:
            mean = sum(row.ms_per_step for row in outcome.rows) / len(outcome.rows) / 1000
            self._step_seconds = max(mean, self._step_seconds or 0.0)
        result = outcome.result
        other = getattr(result, "eval_seconds", 0.0) + getattr(result, "battery_seconds", 0.0)
        self._other_seconds[task.kind] = max(other, self._other_seconds.get(task.kind, 0.0))

    def limit_seconds(self, task: Task) -> float:
        """Waiting after which the task is given up."""
        steps = task.steps if isinstance(task, TrainingTask) else 0
        if task.kind not in self._other_seconds or (steps and self._step_seconds is None):
            patience = self.patience
            return patience.unmeasured_seconds + steps * patience.unmeasured_step_seconds
        expected = self._other_seconds[task.kind] + steps * (self._step_seconds or 0.0)
        return max(self.patience.least_seconds, self.patience.factor * expected)
