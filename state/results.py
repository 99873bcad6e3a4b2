"""What comes back from the engine: a result for every kind of task."""

from typing import Annotated, Literal

from pydantic import Field

from state.base import Record
from state.records import BatteryReport, Evaluation, Sample, StepMetrics
from state.validation import BuildReading, StateReading, Stretch


class TrainingResult(Record):
    """What a training task leaves. Wall times are telemetry: no decision reads them."""

    kind: Literal["training"] = "training"
    task_id: str
    status: Literal["trained", "quarantined", "failed"]
    error: str | None = None
    checkpoint: str | None = None
    """sha256 of the object holding weights and optimizer state."""
    checkpoint_bytes: int = 0
    steps: int = 0
    """Steps really run, skipped ones included."""
    skipped_steps: int = 0
    tokens: int = 0
    training_flops: float = 0
    evaluation_flops: float = 0
    train_loss: float | None = None
    """Mean loss, nats per token, over the last half of the steps that were not skipped."""
    switch_jump: float | None = None
    """Loss on the first batch after the change of structure less the loss before it, in nats."""
    consensus: str | None = None
    """sha256 of the running mean that `fusion` has moved, if it was stored."""
    consensus_bytes: int = 0
    consensus_entropy: float | None = None
    """Weight entropy of that mean, in nats."""
    averaged: str | None = None
    """sha256 of the running mean of the weights as a model; None where none was published."""
    averaged_bytes: int = 0
    averaged_evaluations: tuple[Evaluation, ...] = ()
    """Of that mean."""
    alarms: int = 0
    """Bits of the charts that alarmed, throughput left out."""
    course: tuple[Stretch, ...] = ()
    """Of a champion, or of a model that trains alone: what the validation gates read."""
    evaluations: tuple[Evaluation, ...] = ()
    train_seconds: float = 0
    eval_seconds: float = 0
    started_at: float = 0
    """time.monotonic() of the machine when the task began."""

    @property
    def has_diverged(self) -> bool:
        """Steps or held-out losses were not finite, so the same task ends the same again. Of a
        task that failed, the error begins with the name of its class.
        """
        return self.status == "quarantined" or (self.error or "").startswith("ArithmeticError:")

    @property
    def was_lost(self) -> bool:
        """With its worker or for want of memory: what it would have found is not known."""
        return self.status == "failed" and not self.has_diverged


class Measured(Record):
    """What every task that trains nothing leaves."""

    task_id: str
    status: Literal["trained", "failed"] = "trained"
    error: str | None = None
    started_at: float = 0
    """time.monotonic() of the machine when the task began."""


class EvaluationResult(Measured):
    """The evaluations that were asked for."""

    kind: Literal["evaluation"] = "evaluation"
    evaluations: tuple[Evaluation, ...] = ()
    build: BuildReading | None = None
    states: tuple[StateReading, ...] = ()
    evaluation_flops: float = 0
    eval_seconds: float = 0


class EnsembleResult(Measured):
    """The ensemble's loss beside its members'."""

    kind: Literal["ensemble"] = "ensemble"
    ensemble: Evaluation | None = None
    members: tuple[Evaluation, ...] = ()
    disagreement: float = 0
    """Mean over pairs and tokens of the total variation distance, in [0, 1]."""
    evaluation_flops: float = 0
    eval_seconds: float = 0


class BatteryResult(Measured):
    """The battery's report."""

    kind: Literal["battery"] = "battery"
    report: BatteryReport | None = None
    battery_seconds: float = 0


class SampleResult(Measured):
    """The text."""

    kind: Literal["sample"] = "sample"
    sample: Sample | None = None
    eval_seconds: float = 0


class BaselineResult(Measured):
    """What a model without any training reaches."""

    kind: Literal["baseline"] = "baseline"
    bits_per_byte: float | None = None
    eval_seconds: float = 0


TaskResult = Annotated[
    TrainingResult
    | EvaluationResult
    | EnsembleResult
    | BatteryResult
    | SampleResult
    | BaselineResult,
    Field(discriminator="kind"),
]


class Outcome(Record):
    """A task's result together with the rows that go to the metrics store."""

    result: TaskResult
    rows: tuple[StepMetrics, ...] = ()
