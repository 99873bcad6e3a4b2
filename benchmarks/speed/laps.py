"""A member in this process, one step after the other, each on the clock."""

import time
from typing import NamedTuple

from benchmarks.speed.shapes import Trainee
from state.genome import parse
from trainer.data import Dataset
from trainer.member import Member
from trainer.training import Chunk


class Laps(NamedTuple):
    """One activation's stretch."""

    boundary_seconds: float
    """From the last step of the activation before to the first step of this one."""
    seconds: list[float]
    """Of each step, on the clock."""
    cpu_seconds: list[float]
    """Of each step."""


class Course:
    """A member that goes from activation to activation, with no morph."""

    def __init__(self, trainee: Trainee, dataset: Dataset) -> None:
        self.trainee, self.dataset = trainee, dataset
        genome = parse(trainee.activation)
        self.member = Member.create(trainee.setup(), genome, trainee.seed)
        self.begun = 0

    def stretch(self, activation: str, steps: int) -> Laps:
        """Switch, where it is another activation, and take steps as a task does."""
        task = self.trainee.task(self.begun, steps, activation)
        self.begun += steps
        begun = time.perf_counter()
        chunk = Chunk(task, self.member, self.dataset)
        chunk.change_activation()
        chunk.set_dropout()
        laps = Laps(time.perf_counter() - begun, [], [])
        for index in range(steps):
            clock, cpu = time.perf_counter(), time.process_time()
            chunk.rows.append(chunk.step(index))
            laps.seconds.append(time.perf_counter() - clock)
            laps.cpu_seconds.append(time.process_time() - cpu)
        self.member.finish_morph()
        return laps
