"""Which phase is going on."""

from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from state.records import PhaseName


def configured_phase(state: RunState, config: RunConfig) -> PhaseConfig:
    """What the configuration says of it; there is one until the last phase has ended."""
    return phases_of(config)[state.phase_index]


def current_phase(state: RunState, config: RunConfig) -> PhaseName:
    """One of the six, or what comes behind them: control arms."""
    if state.phase_index >= len(phases_of(config)):
        return "control"
    return configured_phase(state, config).name
