"""What the machine was found to do."""

from pydantic import Field

from state.base import Record


class Speed(Record):
    """Of one model with some number of threads, beside its neighbours or alone."""

    step_seconds: float = Field(gt=0)
    spread: float = Field(ge=0)
    """Relative difference of the halves of the measurement."""
    look_token_seconds: float = Field(gt=0)
    """Seconds for each token of held-out text."""


class Rates(Record):
    """Measured on the resolved model, on this machine, as it is now."""

    member: Speed
    """One thread, with as many processes at once as the run has slots."""
    single: Speed
    """All threads of a host, alone."""
    store_seconds: float = Field(ge=0)
    """To store a checkpoint, and to build a model from one."""
    battery_seconds: float = Field(ge=0)
    """One short battery."""
    reference_seconds: float = Field(ge=0)
    """Reading the text for the first battery of a process."""
    start_seconds: float = Field(ge=0)
    """Until a worker can train: the text prepared, torch loaded."""
    checkpoint_bytes: int
    activation_bytes: int
    """What one step keeps for its backward pass."""
    worker_bytes: int
    """Peak resident memory of a worker."""
    accelerator_bytes: int = 0
    """Peak allocated on the accelerator; 0 without one."""
    windows: int
    """Of a batch that were measured; fewer than it has where a step takes long."""
    busy: float = Field(ge=0)
    """Load of the machine before the measurement, in cores."""
