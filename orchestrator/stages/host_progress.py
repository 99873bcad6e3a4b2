"""Where a single model stands: its phase, its steps, its place on the schedule."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import HostState, RunState
from orchestrator.stages.current import current_phase
from orchestrator.stages.teaching import whole_steps


def host_of(state: RunState) -> HostState:
    """The model that is being trained."""
    assert state.host is not None
    return state.host


def steps_left(state: RunState, config: RunConfig) -> int:
    """Member-steps left to this phase, or to this control arm."""
    phase = current_phase(state, config)
    if phase != "control":
        return books.remaining(state.ledger, phase)
    entry = state.ledger.control[state.control_index]
    return entry.allotted - entry.settled


def host_progress(state: RunState, config: RunConfig, steps: int) -> tuple[float, float]:
    """Share of the host's steps that lie behind it before and after `steps` more.

    What is still to come is what the ledger leaves to this phase and to the later ones.
    """
    done, total = host_of(state).done_steps, host_steps(state, config)
    return done / total, min(1.0, (done + steps) / total)


def host_steps(state: RunState, config: RunConfig) -> int:
    """All steps of the host, those behind it and those to come; 1 at least."""
    host = host_of(state)
    ahead = whole_steps(state, config, host, steps_left(state, config))
    phase = current_phase(state, config)
    names = [one.name for one in phases_of(config)]
    if phase != "control":
        ahead += sum(books.remaining(state.ledger, name) for name in names[state.phase_index + 1 :])
    return max(1, host.done_steps + ahead)
