"""The final report of a run: `final-report.json`, the contract with programs that read runs."""

from typing import Literal

from pydantic import Field, JsonValue

from orchestrator.report.validation import ValidationSummary
from orchestrator.slowness.throughput import Collapse
from orchestrator.slowness.watchdog import LatePhase
from state.base import Record
from state.records import (
    Adjustment,
    BatteryReport,
    Decision,
    Evaluation,
    Finding,
    MemberRecord,
    PhaseName,
    Synchrony,
    TeachingRefused,
)
from state.tasks import Teaching


class DataSummary(Record):
    """The text that the run was given."""

    path: str
    sha256: str
    bytes: int = Field(ge=0)
    """Raw UTF-8 bytes, markers included."""


class ModelSummary(Record):
    """The shape of the exported model."""

    size: str
    parameters: int = Field(ge=0)
    backbone: str


class BudgetSummary(Record):
    """Member-steps: optimizer steps summed over all members."""

    requested: int = Field(ge=0)
    spent: int = Field(ge=0)
    """Equal to `requested` in a run that ended by itself."""
    by_phase: dict[PhaseName, int]


class GateDeficit(Record):
    """How much worse a phase's model is than the best before it, relative; negative is better."""

    mean: float
    low: float
    high: float
    level: float
    """How often the bootstrap interval from `low` to `high` holds the truth."""
    slack: float
    """What is not shown to be worse than this passes."""


class GateSummary(Record):
    """The verdict at the end of a phase."""

    verdict: Literal["pass", "retry", "revert", "not judged"]
    reason: str
    deficit: GateDeficit | None = None
    """None where there was nothing to compare with."""
    composite: GateDeficit | None = None
    """Of the battery, absolute; None where one of the two was not tried."""
    adjustments: tuple[Adjustment, ...] = ()
    """What a second attempt changed."""


class SeenFinding(Finding):
    """A finding and when it was made."""

    generation: int | None = None


class LostLineage(Record):
    """A lineage that was given up."""

    lineage: int
    generation: int
    """The last in which it trained."""


class PhaseSummary(Record):
    """What one phase did."""

    name: PhaseName
    steps: int = Field(ge=0)
    """Member-steps."""
    generations: int = Field(ge=0)
    bits_per_byte: float | None
    """Of the phase's champion on the search split; None if it measured none."""
    battery: float | None = None
    """Composite of the inference battery at the end of the phase."""
    gate: GateSummary | None = None
    decisions: tuple[Decision, ...] = ()
    """Those that did something, the gate's left out."""
    findings: tuple[SeenFinding, ...] = ()
    first_generation: int | None = None
    start_bits_per_byte: float | None = None
    """Of the best model that the phase began with, on the search split."""
    lineages: tuple[int, ...] = ()
    """Those that trained in the first generation; one where a single model trains."""
    lost: tuple[LostLineage, ...] = ()
    challengers: int = Field(default=0, ge=0)
    """Challengers that were trained."""
    null_twins: int = Field(default=0, ge=0)
    """Runs of a champion on other batches, for the noise."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """As the phase began with them; empty where nothing was searched."""
    note: str = ""
    """What had to shrink for the phase to fit its steps; empty when nothing had to."""


class Winner(Record):
    """The activation that the exported model uses."""

    formula: str
    gated: bool
    nodes: int = Field(ge=1)
    fingerprint: str
    parents: tuple[str, ...] = ()
    """Formulas it was made from; empty for a formula that the run began with."""
    lineage: int
    operator: str = ""
    """What made it: a mutation, crossover or migration; empty for a formula given at the start."""
    phase: PhaseName | None = None
    generation: int | None = None
    """Where it was accepted."""


class Score(Record):
    """A model on a whole split."""

    bits_per_byte: float = Field(ge=0)
    nats_per_token: float = Field(ge=0)
    tokens: int = Field(ge=0)

    @classmethod
    def of(cls, evaluation: Evaluation) -> "Score":
        """The figures of an evaluation."""
        return cls(
            bits_per_byte=evaluation.bits_per_byte,
            nats_per_token=evaluation.nats_per_token,
            tokens=evaluation.tokens,
        )


class Baseline(Record):
    """A reference on the test split."""

    bits_per_byte: float = Field(ge=0)


class ControlScore(Record):
    """A baseline that was trained on the same budget, on the test split."""

    name: str
    bits_per_byte: float = Field(ge=0)
    interval: tuple[float, float] | None = None
    """95 % of the bits per byte that the run lies below it, over stretches; None: too few."""
    ended_after: int | None = None
    """Steps after which it diverged once too often; None: it trained on the whole budget."""


class EnsembleSummary(Record):
    """The average of the symbionts' distributions, on the search split."""

    bits_per_byte: float = Field(ge=0)
    disagreement: float = Field(ge=0, le=1)
    """Mean total variation distance over pairs and tokens."""
    distil_weight: float = Field(ge=0, le=1)
    """Weight of the symbionts in the host's loss; 0: it was not distilled."""
    best_member_bits_per_byte: float | None = None
    """Of the best symbiont alone."""
    refused: TeachingRefused | None = None
    """Why it was not distilled."""
    teaching: Teaching = "live"
    host_passes: float | None = None
    """Passes over the train split that the host had left."""


class PopulationSummary(Record):
    """Counts of what the search tried."""

    evaluated: int = Field(ge=0)
    """Challengers that were trained and measured."""
    known_redrawn: int = Field(ge=0)
    """Drawn genomes that were known already and drawn again."""
    accepted: int = Field(ge=0)
    null_accepted: int = Field(ge=0)
    """Null twins better than their champion by more than such twins differ."""
    null_evaluated: int | None = Field(default=None, ge=0)
    """Null pairs that took the test."""
    fusions: dict[str, int] = Field(default_factory=dict)
    """Genomes that were tried by the fusion they name; empty where that does not evolve."""


class WallPart(Record):
    """Wall time of one kind of work, summed over device slots."""

    seconds: float = Field(ge=0)
    share: float = Field(ge=0, le=1)


class WallSummary(Record):
    """Where the time went; the shares add up to 1."""

    training: WallPart
    evaluation: WallPart
    battery: WallPart
    other: WallPart


class CostSummary(Record):
    """What the run consumed."""

    tokens: int = Field(ge=0)
    training_flops: float = Field(ge=0)
    """Teacher passes included."""
    evaluation_flops: float = Field(ge=0)
    device_seconds: float = Field(ge=0)


class Environment(Record):
    """What the bits of a result depend on besides seed and data."""

    python: str
    platform: str
    device: str
    threads: int = Field(ge=1)
    engine: str
    packages: dict[str, str] = Field(default_factory=dict)
    """Version of each package that takes part, `torch` among them."""
    code_version: str = ""


class SlownessSummary(Record):
    """What the clock said while the run went on. No decision has read it."""

    late_phases: tuple[LatePhase, ...] = ()
    collapses: tuple[Collapse, ...] = ()


class RunReport(Record):
    """What the report of every run says, with the numbers behind it."""

    schema_version: Literal[1] = 1
    run_id: str
    seed: int
    command: str
    """The command line that makes this run again."""
    data: DataSummary
    model: ModelSummary
    budget: BudgetSummary
    test: Score | None = None
    """None where no text was held out for it."""
    search: Score
    untrained: Baseline
    order2: Baseline
    """An order-2 byte model fitted on the train split."""
    environment: Environment
    resumed_count: int = Field(ge=0)
    wall: WallSummary
    slowness: SlownessSummary = SlownessSummary()
    validation: ValidationSummary | None = None
    cost: CostSummary
    test_openings: int = Field(ge=0)
    """How often the test split was read; 1 in an honest run, 0 where there is none."""
    model_sha256: str
    """Of the exported weights."""
    resume_line: str
    """The command line that goes on from here."""
    first_step_seconds: float | None = None
    """From the start of the command to the first training step."""


class FinalReport(RunReport):
    """Everything that a run of the six phases claims."""

    phases: tuple[PhaseSummary, ...]
    batteries: tuple[BatteryReport, ...] = ()
    """In the order in which they were taken, at most one a phase."""
    winner: Winner
    test: Score
    ensemble: EnsembleSummary | None = None
    """None when it was never measured."""
    synchrony: tuple[Synchrony, ...] = ()
    population: PopulationSummary
    members: tuple[MemberRecord, ...] = ()
    """Challengers worth telling of: the accepted ones and the best of the others."""
    control: tuple[ControlScore, ...] = ()
    """Empty when no baseline was trained."""
