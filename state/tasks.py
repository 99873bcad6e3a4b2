"""Work orders for the engine.

A task says everything its result depends on: executing it twice gives the same bits, on whichever
worker, in whichever order.
"""

from typing import Annotated, Literal

from pydantic import Field

from state.base import Record
from state.records import (
    Genome,
    PhaseName,
    Role,
    Split,
)
from state.validation import Probe


class BatchKey(Record):
    """Names a stream of batches: the batch of step n is a pure function of this key and n."""

    seed: int
    lineage: int
    generation: int
    purpose: str


class Decay(Record):
    """A fall from one rate to another by the member's age, exact in every step: cutting the
    training into tasks elsewhere changes no rate.
    """

    curve: Literal["linear", "cosine"]
    start: int = Field(ge=0)
    """Age in steps at which it begins."""
    end: int = Field(ge=0)
    """Age at which it is over; the last step is taken one before."""


class LearningRateSpan(Record):
    """Multiplier of the peak learning rate over one task: linear from `first` to `last`, or as
    `decay` says, times a warm-up by the member's age.
    """

    first: float = Field(default=1.0, ge=0)
    last: float = Field(default=1.0, ge=0)
    decay: Decay | None = None
    """How `first` becomes `last`; None: linearly over the task."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of the member's age over which the rate rises from 0; age counts from `age_steps`."""
    age_steps: int = Field(default=0, ge=0)
    """Age of the member when the task starts."""


class Teacher(Record):
    """A frozen model whose output distribution the student is drawn to."""

    checkpoint: str
    genome: Genome


Teaching = Literal["live", "table"]
"""Teachers read every batch, or have read the train split once."""


class Fusion(Record):
    """Before the first step, draw the weights to the running mean of their lineage's weights.

    mean <- mean + rate (weights - mean), then weights <- weights + strength (mean - weights).
    """

    mean: str | None
    """sha256 of the running mean; None: it begins as the parent's weights."""
    rate: float = Field(gt=0, le=1)
    strength: float = Field(ge=0, le=1)


class TrainingTask(Record):
    """Train one member for `steps` optimizer steps, then measure it."""

    kind: Literal["training"] = "training"
    task_id: str
    phase: PhaseName
    generation: int
    lineage: int
    role: Role
    genome: Genome
    parent: str | None
    """sha256 of the checkpoint to start from; None builds a new model from `init_seed`."""
    parent_genome: Genome
    """The activation that the parent's weights were trained with."""
    init_seed: int
    first_step: int = Field(ge=1)
    """Number of the first step in the lineage's own count."""
    steps: int = Field(ge=0)
    """May be 0: the model is then only built, morphed and measured."""
    morph_steps: int = Field(default=0, ge=0)
    """The new activation is blended in over this many steps, (1-t) f_old + t f_new."""
    fusion: Fusion | None = None
    second_half_of: str | None = None
    """Id of the member whose training this task goes on with: its steps have that id."""
    batches: BatchKey
    learning_rate: LearningRateSpan = LearningRateSpan()
    lr_scale: float = Field(default=1.0, gt=0)
    clip_scale: float = Field(default=1.0, gt=0)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    """None takes the configuration's."""
    teachers: tuple[Teacher, ...] = ()
    teacher_weight: float = Field(default=0.0, ge=0, le=1)
    teaching: Teaching = "live"
    reads_table: bool = False
    """Whose cost the reading of the table is: of the first task that is taught from it."""
    mean_rate: float | None = Field(default=None, gt=0, le=1)
    """Share of the weights in their running mean at every step; None keeps no mean."""
    publishes_mean: bool = False
    """Store that mean as a model after the last step, and measure it as the weights are."""
    search_loss: float | None = None
    """Nats per token on the search split, measured just before: for the instruments."""
    watched: bool = True
    """Instruments, where the setup has them, read the steps and answer them."""
    evaluate: tuple[Split, ...] = ("search",)
    save: bool = True
    threads: int = Field(default=1, ge=1)


class EvaluationTask(Record):
    """Measure a checkpoint (or, without one, the untrained model) on splits."""

    kind: Literal["evaluation"] = "evaluation"
    task_id: str
    genome: Genome
    checkpoint: str | None
    init_seed: int
    splits: tuple[Split, ...]
    probe: Probe | None = None
    """What the validation gates ask besides."""
    threads: int = Field(default=1, ge=1)


class EnsembleTask(Record):
    """Measure the average of several models' distributions and how much they disagree."""

    kind: Literal["ensemble"] = "ensemble"
    task_id: str
    models: tuple[Teacher, ...]
    split: Split = "search"
    threads: int = Field(default=1, ge=1)


class BatteryTask(Record):
    """Run the inference battery on a checkpoint."""

    kind: Literal["battery"] = "battery"
    task_id: str
    phase: PhaseName
    generation: int
    genome: Genome
    checkpoint: str
    seed: int
    whole: bool = False
    """Every prompt at every temperature; else each at one of them in turn."""
    bits_per_byte: float | None = None
    """On the search split, to be told beside the scores."""
    threads: int = Field(default=1, ge=1)
    """A token at a time is too little work for more."""


class SampleTask(Record):
    """Let a model go on from the beginning of a held-out text."""

    kind: Literal["sample"] = "sample"
    task_id: str
    genome: Genome
    checkpoint: str
    seed: int
    temperature: float = Field(default=0.8, ge=0)
    threads: int = Field(default=1, ge=1)


class BaselineTask(Record):
    """Fit the order-2 byte model on train and measure it on a split."""

    kind: Literal["baseline"] = "baseline"
    task_id: str
    split: Split = "test"


Task = Annotated[
    TrainingTask | EvaluationTask | EnsembleTask | BatteryTask | SampleTask | BaselineTask,
    Field(discriminator="kind"),
]
