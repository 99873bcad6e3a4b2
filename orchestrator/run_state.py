"""The whole state of a run between two pieces of work: what `state.json` holds.

Every decision is a function of this record and of the results of the work it asked for.
"""

from typing import Literal

from pydantic import Field

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.phases import SearchFit, shares_of
from state.base import Record
from state.records import Decision, Evaluation, Finding, Genome, Ledger, PhaseName
from state.tasks import TaskResult, TrainingTask


class OscillatorState(Record):
    """Phases of the lineages between two generations, in lineage order."""

    phases: tuple[float, ...] = Field(min_length=1)
    """Radians, not wrapped."""
    coupling: float = Field(gt=0)
    """Critical coupling of the first search generation: the unit of `coupling_ratio`."""
    history: tuple[tuple[float, ...], ...] = ()
    """Phases after each of the last generations, oldest first, at most 4."""


class LineageState(Record):
    """One island: its champion, the champion's weights and how far they have come."""

    index: int
    genome: Genome
    checkpoint: str | None = None
    """None until it has trained; then built anew from `init_seed`."""
    init_seed: int
    age_steps: int = 0
    alive: bool = True
    evaluation: Evaluation | None = None
    train_loss: float | None = None
    bits_history: tuple[float, ...] = ()
    """Search bits per byte after each generation of the current phase."""
    parents: tuple[str, ...] = ()
    accepted: int = 0


class PhaseSettings(Record):
    """What adaptation may change, within the phase's ranges."""

    mutation_rate: float = 0.0
    steps_per_candidate: int = 1
    population: int = 0
    max_depth: int = 5
    max_nodes: int = 12
    coupling: float = 1.0
    diversity_bonus: float = 0.0
    random_members: int = 0
    """Challengers drawn at random instead of from the champion, in the next generation."""
    lr_scale: float = 1.0
    clip_scale: float = 1.0
    dropout: float = 0.0


class HostState(Record):
    """The single model of the last phases, or a control arm."""

    name: str
    genome: Genome
    checkpoint: str | None
    init_seed: int
    age_steps: int
    done_steps: int = 0
    """Steps of this stretch, from which the schedule is read."""
    decay_from: float
    lineage: int
    teachers: tuple[int, ...] = ()
    """Lineages whose mean distribution is distilled."""
    teacher_weight: float = 0.0
    best: "Dormant | None" = None
    before_decay: str | None = None
    """Checkpoint from which an extended run goes on."""
    before_decay_age: int = 0
    failures: int = 0
    """Chunks that could not be used."""
    history: tuple[tuple[int, float, float | None], ...] = ()
    """(age, search bits per byte, train loss) after each chunk."""
    last: Evaluation | None = None
    """The newest evaluation of a model that trains alone, the best one or not."""
    challenged_age: int = 0
    """Its age when it last met challengers."""
    alarms: int = 0
    """Bits of the charts that alarmed since then."""


class Dormant(Record):
    """A champion kept for later."""

    genome: Genome
    checkpoint: str
    evaluation: Evaluation
    lineage: int
    phase: PhaseName
    generation: int
    age_steps: int
    parents: tuple[str, ...] = ()


class PhaseState(Record):
    """The phase that is going on."""

    settings: PhaseSettings
    fit: SearchFit | None = None
    first_generation: int
    start_lineages: tuple[LineageState, ...] = ()
    """The lineages as the phase found them: what a retry goes back to."""
    start_oscillators: OscillatorState | None = None
    start_distance: float | None = None
    """Mean distance of the population in the phase's first generation."""
    null_differences: tuple[float, ...] = ()
    """Bits per byte between null pairs at this phase's steps per candidate."""
    best_history: tuple[float, ...] = ()
    """Best search bits per byte of the run so far, after each generation of the phase."""
    accepted_history: tuple[int, ...] = ()
    distance_history: tuple[float, ...] = ()
    cooldown_left: int = 0
    extensions: int = 0
    retries: int = 0
    settled_before: int = 0
    """Steps of the phase that were spent before it was begun again."""
    findings: tuple[Finding, ...] = ()
    closing: bool = False
    """The search is over; the remainder of the budget trains the lineages."""
    failed_generations: int = 0
    """Generations in a row in which every champion failed."""


class Gate(Record):
    """The verdict at the end of a phase."""

    verdict: Literal["pass", "retry", "revert"]
    reason: str


class PhaseSummary(Record):
    """What is left of a finished phase."""

    name: PhaseName
    steps: int
    generations: int
    bits_per_byte: float | None
    battery: float | None
    gate: Gate
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()
    note: str = ""


class Counts(Record):
    """Tallies of the population."""

    evaluated: int = 0
    known_redrawn: int = 0
    accepted: int = 0
    null_evaluated: int = 0
    null_accepted: int = 0
    """Null twins whose gain passed the noise test's first run."""
    quarantined: int = 0


class EnsembleState(Record):
    """What averaging the symbionts is worth."""

    bits_per_byte: float
    best_bits_per_byte: float
    disagreement: float
    distil_weight: float
    lineages: tuple[int, ...]


class Proposal(Record):
    """Where a member of the open generation came from."""

    task_id: str
    operator: str
    parents: tuple[str, ...]


class OpenWork(Record):
    """Work that has been reserved; results of its tasks arrive in any order."""

    tasks: tuple[TrainingTask, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    reserved: int = 0
    known_redrawn: int = 0
    results: tuple[TaskResult, ...] = ()


class ControlOutcome(Record):
    """A finished baseline."""

    name: str
    best: Dormant | None
    """None when it could not be trained at all."""
    steps: int


class FinalMeasures(Record):
    """Evaluations on the test split, made once at the end."""

    test: Evaluation | None
    """None where no text was held out for it."""
    search: Evaluation
    untrained: Evaluation
    order2_bits_per_byte: float
    controls: tuple[tuple[str, float], ...] = ()


Stage = Literal["phase_start", "generation", "phase_end", "symbiosis", "control", "finale"]


class RunState(Record):
    """Everything that a resumed run needs; frozen, replaced whole."""

    run_id: str
    stage: Stage = "phase_start"
    phase_index: int = 0
    generation: int = 0
    """Number of the next generation; never starts again."""
    status: Literal["running", "finished"] = "running"
    ledger: Ledger
    lineages: tuple[LineageState, ...]
    phase: PhaseState | None = None
    host: HostState | None = None
    dormant: tuple[Dormant, ...] = ()
    known: tuple[Genome, ...] = ()
    initial: str | None = None
    """Checkpoint that `train` begins with, named so that it stays on disk; None: it is drawn."""
    counts: Counts = Counts()
    oscillators: OscillatorState | None = None
    ensemble: EnsembleState | None = None
    summaries: tuple[PhaseSummary, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """Decisions of the phase that is going on."""
    last_decision: Decision | None = None
    work: OpenWork | None = None
    control_index: int = 0
    controls: tuple[ControlOutcome, ...] = ()
    final: FinalMeasures | None = None
    winner: Dormant | None = None
    final_host: HostState | None = None
    """The host as it was when the winner was known; an extension goes on from it."""
    test_openings: int = Field(default=0, ge=0)
    resumed_count: int = Field(default=0, ge=0)
    extended_count: int = Field(default=0, ge=0)
    num_decisions: int = 0
    num_events: int = 0


def first_state(config: RunConfig, run_id: str) -> RunState:
    """The state before anything was trained."""
    ledger = books.open_ledger(config.budget, shares_of(config), config.control)
    initial = config.train.init_sha256
    return RunState(run_id=run_id, ledger=ledger, lineages=(), initial=initial)


def best_model(state: RunState) -> Dormant:
    """The winner, or while the run is going on the best copy so far.

    Raises:
        ValueError: nothing was kept yet.
    """
    if state.winner is not None:
        return state.winner
    kept = [state.host.best if state.host else None, *state.dormant]
    found = [one for one in kept if one is not None]
    if not found:
        raise ValueError(f"run {state.run_id} has kept no model yet; let it go on for a while")
    return min(found, key=lambda one: one.evaluation.bits_per_byte)
