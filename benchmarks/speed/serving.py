"""The side of a turn that works: reads how many steps to take, answers how long they took."""

import os
import sys
import time
from collections.abc import Callable

from pydantic import Field

from state.base import Record

Take = Callable[[int], float]
"""Take so many steps; the mean training loss of them or of their last, nats per token."""


class Ready(Record):
    """A process stands where its first step comes next."""

    parameters: int = Field(ge=0)


class Block(Record):
    """Steps taken in one go."""

    steps: int = Field(ge=1)
    seconds: float = Field(gt=0)
    """On the clock."""
    cpu_seconds: float = Field(gt=0)
    """Of every thread."""
    loss: float

    @property
    def step_seconds(self) -> float:
        """Seconds of a step."""
        return self.seconds / self.steps

    @property
    def cpu_step_seconds(self) -> float:
        """Seconds of all threads that a step takes."""
        return self.cpu_seconds / self.steps


def serve(build: Callable[[], tuple[Take, int]]) -> None:
    """Answer on what was standard output, until standard input ends.

    `build` makes what takes the steps and counts its parameters. Whatever else is printed,
    by it or by its steps, goes to the standard error.
    """
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)

        def say(record: Record) -> None:
            answers.write(record.model_dump_json() + "\n")
            answers.flush()

        take, parameters = build()
        say(Ready(parameters=parameters))
        for line in sys.stdin:
            say(timed(take, int(line)))


def timed(take: Take, steps: int) -> Block:
    """One block, by the clocks of this process."""
    cpu, clock = time.process_time(), time.perf_counter()
    loss = take(steps)
    seconds = time.perf_counter() - clock
    used = time.process_time() - cpu
    return Block(steps=steps, seconds=seconds, cpu_seconds=used, loss=loss)
