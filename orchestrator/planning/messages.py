"""What the probe and its processes say to each other."""

from pydantic import Field

from state.base import Record
from trainer.config import WorkerSetup


class Order(Record):
    """What a process measures."""

    setup: WorkerSetup
    formula: str
    keeps_mean: bool
    """Whether a running mean of the weights is kept, as a host keeps it."""
    battery: bool


class Question(Record):
    """One measurement."""

    threads: int = Field(ge=1)
    seconds: float = Field(gt=0)
    everything: bool = False
    """Also what does not depend on the number of threads."""


class Answer(Record):
    """What was measured."""

    steps: int
    windows: int
    """In a batch; fewer than configured where a step takes long. The figures are for whole ones."""
    step_seconds: float
    spread: float
    look_token_seconds: float
    worker_bytes: int
    accelerator_bytes: int
    store_seconds: float = 0.0
    checkpoint_bytes: int = 0
    activation_bytes: int = 0
    battery_seconds: float = 0.0
    reference_seconds: float = 0.0
