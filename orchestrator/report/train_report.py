"""The final report of `symbio-auto train`, in the same file as that of the six phases."""

from typing import Literal

from pydantic import Field, JsonValue

from orchestrator.report.final_report import RunReport, Score
from state.base import Record
from state.records import Decision, Finding, Sample


class Measured(Record):
    """The model after some of its steps."""

    step: int = Field(ge=0)
    bits_per_byte: float = Field(ge=0)
    """On the whole search split."""
    train_loss: float | None
    """Nats per token, mean of the last half of the steps since the measurement before."""


class Spoken(Record):
    """A text that the model wrote on its way."""

    step: int = Field(ge=0)
    sample: Sample


class TrainReport(RunReport):
    """Everything that a run of one model claims. `test` and `search` are of the best
    checkpoint.
    """

    mode: Literal["train"] = "train"
    activation: str
    """Formula."""
    activation_name: str
    parameters: int = Field(ge=0)
    steps: int = Field(ge=0)
    """Skipped ones included."""
    challenger_steps: int = Field(default=0, ge=0)
    """Of these, those of challengers in windows, whether they took the model's place or not."""
    skipped_steps: int = Field(ge=0)
    tokens: int = Field(ge=0)
    seconds: float = Field(ge=0)
    """Wall time, interruptions left out."""
    tokens_per_sec: float = Field(ge=0)
    """While training."""
    best_step: int = Field(ge=0)
    last: Score | None
    """The last checkpoint on the search split; None where the last chunks could not be used."""
    course: tuple[Measured, ...]
    samples: tuple[Spoken, ...] = ()
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()
    config: dict[str, JsonValue]
    """Every setting, resolved."""
