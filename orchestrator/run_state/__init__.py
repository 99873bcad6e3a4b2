"""The whole state of a run between two pieces of work: what `state.json` holds.

Every decision is a function of this record and of the results of the work it asked for.
"""

from orchestrator.run_state.generation import (
    Counts,
    OpenWork,
    OperatorTally,
    Proposal,
    TunedConstants,
)
from orchestrator.run_state.models import Dormant, HostState, LineageState
from orchestrator.run_state.phases import (
    Gate,
    OscillatorState,
    PhaseSettings,
    PhaseState,
    PhaseSummary,
    Regime,
)
from orchestrator.run_state.run import (
    ControlOutcome,
    EnsembleState,
    FinalMeasures,
    RunState,
    Stage,
    best_model,
    first_state,
)
from orchestrator.run_state.validation import ValidationState

__all__ = [
    "ControlOutcome",
    "Counts",
    "Dormant",
    "EnsembleState",
    "FinalMeasures",
    "Gate",
    "HostState",
    "LineageState",
    "OpenWork",
    "OperatorTally",
    "OscillatorState",
    "PhaseSettings",
    "PhaseState",
    "PhaseSummary",
    "Proposal",
    "Regime",
    "RunState",
    "Stage",
    "TunedConstants",
    "ValidationState",
    "best_model",
    "first_state",
]
