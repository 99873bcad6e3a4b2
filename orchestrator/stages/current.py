"""Which phase is going on."""

from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from state.records import PhaseName


def current_phase(state: RunState, config: RunConfig) -> PhaseName:
    """One of the six, or what comes behind them: control arms."""
    if state.phase_index >= len(phases_of(config)):
        return "control"
    return phases_of(config)[state.phase_index].name
