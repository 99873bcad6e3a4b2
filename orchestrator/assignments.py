"""Tasks on their way through the slots of an engine: what waits, what runs where, what is done."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from state.results import Outcome
from state.tasks import Task

Handle = TypeVar("Handle")
"""What an engine knows a running task by."""


@dataclass
class Attempt:
    """A task at a worker."""

    index: int
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

    def __init__(self, tasks: Sequence[Task], slots: int) -> None:
        self.tasks, self.slots = tasks, slots
        self.waiting = deque(range(len(tasks)))
        self.running: dict[Handle, Attempt] = {}
        self.attempts = [0] * len(tasks)
        self.outcomes: dict[int, Outcome] = {}

    def next_slot(self, absent: frozenset[int] = frozenset()) -> int | None:
        """The slot for the task that waits first, None while it does not fit.

        Slots that are `absent` have no worker just now.
        """
        if not self.waiting:
            return None
        taken = sum(self._width(attempt.index) for attempt in self.running.values())
        needed = self._width(self.waiting[0], tried=self.attempts[self.waiting[0]] > 0)
        if taken + needed > self.slots:
            return None
        busy = {attempt.slot for attempt in self.running.values()} | absent
        return next((slot for slot in range(self.slots) if slot not in busy), None)

    def start(self, handle: Handle, slot: int, limit_seconds: float) -> None:
        """The task that waits first runs now."""
        index = self.waiting.popleft()
        self.attempts[index] += 1
        self.running[handle] = Attempt(index, slot, limit_seconds)

    def exchange(self, handle: Handle, other: Handle) -> None:
        """A running task is known by another handle from now on."""
        self.running[other] = self.running.pop(handle)

    def put_back(self, handle: Handle, *, counts: bool) -> None:
        """A running task waits again, first in line; `counts` says whether it was an attempt."""
        index = self.running.pop(handle).index
        self.waiting.appendleft(index)
        if not counts:
            self.attempts[index] -= 1

    def end(self, handle: Handle, outcome: Outcome) -> None:
        """A running task is done."""
        self.outcomes[self.running.pop(handle).index] = outcome

    def task(self, handle: Handle) -> Task:
        """The task that runs under `handle`."""
        return self.tasks[self.running[handle].index]

    def in_order(self) -> list[Outcome]:
        """The outcomes so far in the order of the tasks."""
        return [self.outcomes[index] for index in sorted(self.outcomes)]

    def _width(self, index: int, *, tried: bool | None = None) -> int:
        alone = self.attempts[index] > 1 if tried is None else tried
        return self.slots if alone else min(self.slots, getattr(self.tasks[index], "threads", 1))
