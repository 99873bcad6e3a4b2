"""The state of the whole run."""

from typing import Literal

from pydantic import Field

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.phases import shares_of
from orchestrator.run_state.generation import Counts, OpenWork, OperatorTally, TunedConstants
from orchestrator.run_state.models import Dormant, HostState, LineageState
from orchestrator.run_state.phases import OscillatorState, PhaseState, PhaseSummary, Regime
from orchestrator.run_state.validation import ValidationState
from state.base import Record
from state.records import Decision, Evaluation, Genome, Ledger, TeachingRefused
from state.tasks import Teaching


class EnsembleState(Record):
    """What averaging the symbionts is worth."""

    bits_per_byte: float
    best_bits_per_byte: float
    disagreement: float
    distil_weight: float
    lineages: tuple[int, ...]
    refused: TeachingRefused | None = None
    """Why the host is not taught; None where it is."""
    host_passes: float | None = None
    """Passes over the train split that the host has left."""
    teaching: Teaching = "live"


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
    """Champions kept for later, best first."""
    known: tuple[Genome, ...] = ()
    initial: str | None = None
    """Checkpoint that `train` begins with, named so that it stays on disk; None: it is drawn."""
    counts: Counts = Counts()
    operators: tuple[OperatorTally, ...] = ()
    """The record of each operator, in all phases."""
    tuned: tuple[TunedConstants, ...] = ()
    """Constants that were tried in the skeleton of a champion, the newest ones, by task id."""
    oscillators: OscillatorState | None = None
    ensemble: EnsembleState | None = None
    regime: Regime | None = None
    """None until Primordial ends, and where nothing was to be shifted by it."""
    summaries: tuple[PhaseSummary, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """Decisions of the phase that is going on."""
    last_decision: Decision | None = None
    work: OpenWork | None = None
    validation: ValidationState = ValidationState()
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
    kept = [state.host.best if state.host else None, *state.dormant[:1]]
    found = [one for one in kept if one is not None]
    if not found:
        raise ValueError(f"run {state.run_id} has kept no model yet; let it go on for a while")
    return min(found, key=lambda one: one.evaluation.bits_per_byte)
