"""The nouns of a run. What crosses a package border is one of these or a task (`state.tasks`).

Losses are in nats, `bits_per_byte` is total nats / ln 2 / raw UTF-8 bytes, markers included.
"""

from math import log
from typing import Literal

from pydantic import Field, JsonValue

from state.base import Record
from state.fusions import FusionKind, joined, parted

PhaseName = Literal[
    "abiogenesis",
    "primordial",
    "cambrian",
    "oxidation",
    "endosymbiosis",
    "homeostasis",
    "control",
    "training",
]
"""The six phases of the main job, its baselines, and the one phase of `train`."""

Role = Literal["champion", "challenger", "null", "replicate", "host", "control"]
Split = Literal["train", "search", "test"]
TeachingRefused = Literal["gain", "passes", "steps"]
"""The average gained too little, the host passes too seldom over the text to need teachers, or they
are too young to teach it, as the steps were the host's.
"""


class Genome(Record):
    """An activation function, by its canonical formula, and where a run evolves it the fusion of
    two components; build it with `state.genome.parse`.
    """

    formula: str
    """Canonical text form: `0.8*relu(x)*silu(x) + 0.2*x`, gated ones as `glu(silu(x))`, with a
    fusion as `silu(x) @ hgf`.
    """

    @property
    def fusion(self) -> FusionKind | None:
        """The fusion that it names; None: the backbone's."""
        return parted(self.formula)[1]

    @property
    def activation(self) -> "Genome":
        """The same without a fusion."""
        return self.fused(None)

    def fused(self, kind: FusionKind | None) -> "Genome":
        """The same activation with that fusion."""
        formula = joined(parted(self.formula)[0], kind)
        return self if formula == self.formula else Genome(formula=formula)


class Evaluation(Record):
    """The loss of one model over a whole split, windows not overlapping."""

    split: Split
    nats: float = Field(ge=0)
    tokens: int = Field(gt=0)
    num_bytes: int = Field(gt=0)
    blocks: tuple[tuple[float, int], ...]
    """(nats, bytes) of consecutive stretches, at most 64: the units of a paired bootstrap."""

    @property
    def bits_per_byte(self) -> float:
        """Total nats / ln 2 / raw bytes."""
        return self.nats / log(2) / self.num_bytes

    @property
    def nats_per_token(self) -> float:
        """Mean cross-entropy of a token."""
        return self.nats / self.tokens


class Readings(Record):
    """What the instruments of `train --symbio` read at a step; None where they read nothing."""

    cusum_grad_pos: float | None = None
    """Sum that alarms when the gradient norm has risen for good."""
    cusum_grad_neg: float | None = None
    cusum_clip_pos: float | None = None
    cusum_tps_neg: float | None = None
    """From the clock, so not the same in two runs of one seed."""
    cusum_val_pos: float | None = None
    cusum_alerts: int | None = None
    """Bit mask of the charts that alarm: 1, 2 gradient up, down; 4 clipping; 8 throughput; 16
    search loss.
    """
    weight_entropy: float | None = None
    """Nats; this and the next three only every `metrics_interval` steps."""
    effective_rank: float | None = None
    free_energy: float | None = None
    mi_input_output: float | None = None
    """Nats."""
    adaptive_batch_size: int | None = None
    """Windows in this step's batch."""
    batch_change_reason: str | None = None
    """Why the next step's batch has another size."""


class StepMetrics(Readings):
    """One optimizer step of one member. `None` where a step had no finite value."""

    phase: PhaseName
    generation: int
    member_id: str
    step: int
    """Step of the member's lineage, from 1; with generation and member the key of the row."""
    loss: float | None
    learning_rate: float
    grad_norm: float | None
    grad_norm_embedding: float | None = None
    """Of the embeddings; with the two below all but the last norm and an untied head."""
    grad_norm_attention: float | None = None
    grad_norm_feed_forward: float | None = None
    grad_norm_rwkv6: float | None = None
    """Of the components of a recurrent backbone; None where it has none such."""
    grad_norm_mamba2: float | None = None
    clip_coef: float | None
    """Factor applied to the gradient by clipping, 1 where none was needed."""
    clip_pct: float | None
    """100 * (1 - clip_coef): how much of the gradient clipping took."""
    skipped: bool
    """The update was not applied: loss or gradient not finite, or a spike."""
    tokens_per_sec: float
    ms_per_step: float

    def line(self) -> dict[str, JsonValue]:
        """The step as a line of metrics.jsonl: without what no instrument has read, and without
        components that the backbone has not.
        """
        optional = (*Readings.model_fields, "grad_norm_rwkv6", "grad_norm_mamba2")
        unread = {name for name in optional if getattr(self, name) is None}
        return self.model_dump(mode="json", exclude=unread)


class Finding(Record):
    """What a detector saw, with the numbers it compared."""

    detector: str
    severity: float = Field(ge=0, le=1)
    reason: str
    value: float
    limit: float
    lineage: int | None = None


class Adjustment(Record):
    """One change that a decision made to the phase's settings."""

    setting: str
    before: float
    after: float


class Decision(Record):
    """A transition at a generation boundary, or the verdict of a gate."""

    phase: PhaseName
    generation: int
    kind: Literal["continue", "advance", "extend", "adapt", "revert", "pass", "retry", "finish"]
    reason: str
    numbers: dict[str, float] = Field(default_factory=dict)
    adjustments: tuple[Adjustment, ...] = ()


class Synchrony(Record):
    """The Kuramoto order parameter of the lineages after one generation."""

    generation: int
    r: float = Field(ge=0, le=1)
    psi: float
    phases: tuple[float, ...]
    null_quantile: float
    """95 % quantile of r for as many independent uniform phases: below it r means nothing."""
    locked: bool


SampleKind = Literal["plain", "typos", "other topic"]
"""How the prompt was chosen: as the domain has it, misspelt, or from outside the domain."""


class ProbeScore(Record):
    """One probe of the inference battery, in [0, 1], higher is better."""

    name: str
    score: float = Field(ge=0, le=1)
    detail: dict[str, float] = Field(default_factory=dict)
    """The score at each temperature."""
    by_prompt: tuple[tuple[float, float], ...] = ()
    """(sum of weighted scores, sum of weights) of each prompt, in the order of asking."""


class Sample(Record):
    """A text that a model wrote."""

    prompt: str
    temperature: float
    text: str
    ended: bool
    """The model closed the text itself."""
    kind: SampleKind = "plain"
    score: float | None = None
    """Composite of this sample alone."""


class BatteryReport(Record):
    """What a model can do at the end of a phase."""

    phase: PhaseName
    generation: int
    version: int = 1
    """Composites of different versions do not compare."""
    composite: float = Field(ge=0, le=1)
    interval: tuple[float, float] | None = None
    """95 % bootstrap interval of the composite over prompts."""
    probes: tuple[ProbeScore, ...]
    samples: tuple[Sample, ...]
    tokens_per_sec: float
    kinds: tuple[SampleKind, ...] = ()
    """Of each prompt, in the order of asking."""
    asked: str = ""
    """Digest of prompts and temperatures: reports that were asked the same are paired."""
    comparable: bool = False
    """There were prompts and held-out text enough for a difference to mean something."""
    memorised: bool = False
    """More than half of what was written is copied from the train text."""
    beside: dict[str, float] = Field(default_factory=dict)
    """Measured and not part of the composite: `bits_per_byte`, `calibration_error`."""


class MemberRecord(Record):
    """One evaluated member of a generation: the row of the population table."""

    member_id: str
    phase: PhaseName
    generation: int
    lineage: int
    role: Role
    genome: Genome
    parents: tuple[str, ...] = ()
    """Formulas this genome was made from."""
    operator: str = ""
    bits_per_byte: float | None = None
    gain: float | None = None
    """bits per byte below the continued champion of its lineage; positive is better."""
    gain_limit: float | None = None
    """What the gain had to exceed."""
    train_loss: float | None = None
    steps: int = 0
    tokens: int = 0
    flops: float = 0
    seconds: float = 0
    skipped_steps: int = 0
    status: Literal["trained", "accepted", "halved", "quarantined", "failed"] = "trained"
    """`halved`: it was stopped half way, behind others of its lineage."""
    tokens_per_sec: float = 0


class LedgerLine(Record):
    """What one phase was given and used, in member-steps."""

    phase: PhaseName
    allotted: int = Field(ge=0)
    settled: int = Field(default=0, ge=0)
    reserved: int = Field(default=0, ge=0)


class Ledger(Record):
    """The budget in member-steps; `settled + reserved <= budget` at every commit."""

    budget: int = Field(gt=0)
    lines: tuple[LedgerLine, ...]
    control: tuple[LedgerLine, ...] = ()
    """The baselines' own steps, outside the budget."""
    tokens: int = 0
    training_flops: float = 0
    """Teacher passes included."""
    evaluation_flops: float = 0
