"""Tasks on their way through the slots of an engine: what waits, what runs where, what is done."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from state.results import Outcome
from state.tasks import Task

Handle = TypeVar("Handle")
"""What an engine knows a running job by."""
Job: TypeAlias = tuple[int, ...]
"""Indices of tasks that one worker is given at once."""


@dataclass
class Attempt:
    """A job at a worker."""

    job: Job
    slot: int
    limit_seconds: float
    waited_seconds: float = 0.0

    @property
    def hangs(self) -> bool:
        """It was waited for long enough."""
        return self.waited_seconds > self.limit_seconds


class Assignments(Generic[Handle]):
    """The tasks of one call of an engine. A task of several threads takes as many slots.

    A second attempt has all slots for itself: what ended the first one may have been the memory
    that its neighbours took.
    """

    def __init__(
        self, tasks: Sequence[Task], slots: int, jobs: Sequence[Sequence[int]] | None = None
    ) -> None:
        """`jobs` holds every index of `tasks` once; None makes each a job of its own."""
        self.tasks, self.slots = tasks, slots
        singles = [(index,) for index in range(len(tasks))]
        self.waiting: deque[Job] = deque(singles if jobs is None else map(tuple, jobs))
        self.running: dict[Handle, Attempt] = {}
        self.attempts = [0] * len(tasks)
        self.parted: set[int] = set()
        """What was taken out of a job, to be done by itself and from the beginning."""
        self.outcomes: dict[int, Outcome] = {}

    def next_slot(self, absent: frozenset[int] = frozenset()) -> int | None:
        """The slot for the job that waits first, None while it does not fit.

        Slots that are `absent` have no worker just now.
        """
        if not self.waiting:
            return None
        taken = sum(self._width(attempt.job) for attempt in self.running.values())
        first = self.waiting[0]
        needed = self._width(first, tried=any(self.attempts[index] > 0 for index in first))
        if taken + needed > self.slots:
            return None
        busy = {attempt.slot for attempt in self.running.values()} | absent
        return next((slot for slot in range(self.slots) if slot not in busy), None)

    def next_tasks(self) -> list[Task]:
        """Those of the job that waits first."""
        return [self.tasks[index] for index in self.waiting[0]]

    def begins_anew(self) -> bool:
        """The job that waits first goes on from nothing that was saved."""
        return not self.parted.isdisjoint(self.waiting[0])

    def start(self, handle: Handle, slot: int, limit_seconds: float) -> None:
        """The job that waits first runs now."""
        job = self.waiting.popleft()
        self._count(job, 1)
        self.running[handle] = Attempt(job, slot, limit_seconds)

    def exchange(self, handle: Handle, other: Handle) -> None:
        """A running job is known by another handle from now on."""
        self.running[other] = self.running.pop(handle)

    def put_back(self, handle: Handle, *, counts: bool) -> None:
        """A running job waits again, first in line; `counts` says whether it was an attempt."""
        job = self.running.pop(handle).job
        self.waiting.appendleft(job)
        if not counts:
            self._count(job, -1)

    def take_apart(self, handle: Handle) -> None:
        """The tasks of a running job wait first in line, each by itself: one is at fault."""
        self._part(self.running.pop(handle).job)

    def end(self, handle: Handle, outcomes: Sequence[Outcome | None]) -> None:
        """A running job is done but for what has None, which waits first in line, by itself."""
        job = self.running.pop(handle).job
        for index, outcome in zip(job, outcomes, strict=True):
            if outcome is not None:
                self.outcomes[index] = outcome
        self._part(tuple(index for index in job if index not in self.outcomes))

    def job(self, handle: Handle) -> list[Task]:
        """The tasks that run under `handle`."""
        return [self.tasks[index] for index in self.running[handle].job]

    def attempts_of(self, handle: Handle) -> int:
        """How often the job under `handle` was begun."""
        return max(self.attempts[index] for index in self.running[handle].job)

    def in_order(self) -> list[Outcome]:
        """The outcomes so far in the order of the tasks."""
        return [self.outcomes[index] for index in sorted(self.outcomes)]

    def _part(self, job: Job) -> None:
        self.parted |= {*job}
        self.waiting.extendleft((index,) for index in reversed(job))

    def _count(self, job: Job, by: int) -> None:
        for index in job:
            self.attempts[index] += by

    def _width(self, job: Job, *, tried: bool | None = None) -> int:
        alone = any(self.attempts[index] > 1 for index in job) if tried is None else tried
        threads = max(getattr(self.tasks[index], "threads", 1) for index in job)
        return self.slots if alone else min(self.slots, threads)
