"""Giving a run more steps than it was started with."""

from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.intervention import with_settings
from orchestrator.phases import phases_of, shares_of
from orchestrator.run_state import HostState, RunState
from orchestrator.stages.conclusion import Event
from state.records import Ledger, PhaseName


class Extended(NamedTuple):
    """Configuration, state and the event that says what was done."""

    config: RunConfig
    state: RunState
    event: Event


def extend(config: RunConfig, state: RunState, budget: int) -> Extended:
    """The run with a larger budget.

    Before Endosymbiosis the extra is spread over the phases that remain; one that has trained
    its last step gets nothing, one whose search was over searches again. Later, the host goes on
    from its last commit before the final decay, warms up again and spends the extra there: not
    equal to a longer run that was never interrupted. A model that trains alone goes on from there
    too, without a second warm-up.

    Raises:
        ValueError: the budget does not grow, or is more than any run may have.
    """
    extra = budget - state.ledger.budget
    if extra <= 0:
        raise ValueError(
            f"{_flag(config)} {budget} does not extend the run's budget of "
            f"{state.ledger.budget}; give a larger one, or leave it out to go on"
        )
    larger = with_settings(config, {"budget": budget})
    state, first, how = _way_on(config, state)
    ahead = [phase.name for phase in phases_of(config)][first:]
    shares: dict[PhaseName, int] = {
        name: share for name, share in shares_of(config).items() if name in ahead
    }
    update = {
        "ledger": books.enlarge(state.ledger, extra, shares, len(config.control)),
        "extended_count": state.extended_count + 1,
    }
    event = Event(kind="extended", data={"budget": budget, "extra": extra, "how": how})
    return Extended(larger, state.model_copy(update=update), event)


def _way_on(config: RunConfig, state: RunState) -> tuple[RunState, int, str]:
    """The state to go on from, the first phase that gets steps, and how in words."""
    if config.mode == "train":
        return _alone(state), 0, "the model goes on from before its final decay"
    merged = [phase.name for phase in phases_of(config)].index("endosymbiosis")
    if state.phase_index < merged:
        first = state.phase_index + (state.stage == "phase_end")
        return _reopened(state), first, "spread over the phases that remain"
    how = (
        "the host goes on from before its final decay; "
        "this is not equal to an uninterrupted run of that length"
    )
    return _before_decay(state, merged), merged, how


def _reopened(state: RunState) -> RunState:
    if state.phase is None:
        return state
    phase = state.phase.model_copy(update={"closing": False})
    return state.model_copy(update={"phase": phase})


def _before_decay(state: RunState, merged: int) -> RunState:
    """Back to the start of the host's phases, with the weights it had before its rate fell.

    What earlier stretches settled stays settled; the best model so far stays the one to beat.
    """
    host = _host(state)
    if host is None:
        return state
    again = host.model_copy(
        update={
            "checkpoint": host.before_decay or host.checkpoint,
            "age_steps": host.before_decay_age,
            "done_steps": 0,
            "failures": 0,
        }
    )
    update = {
        "ledger": _released(state.ledger),
        "status": "running",
        "stage": "phase_start",
        "phase_index": merged,
        "host": again,
        "final_host": None,
        "winner": None,
        "final": None,
        "controls": (),
        "control_index": 0,
        "work": None,
        "decisions": (),
    }
    return state.model_copy(update=update)


def _alone(state: RunState) -> RunState:
    """The model that trains alone, with the weights it had before its rate fell."""
    host = _host(state)
    if host is None:
        return state
    again = host.model_copy(update={"failures": 0})
    if host.before_decay is not None:
        age = host.before_decay_age
        rested = {"checkpoint": host.before_decay, "age_steps": age}
        rested["challenged_age"] = min(host.challenged_age, age)
        again = again.model_copy(update=rested)
    update = {
        "ledger": _released(state.ledger),
        "status": "running",
        "stage": "generation",
        "host": again,
        "final_host": None,
        "winner": None,
        "final": None,
        "work": None,
    }
    return state.model_copy(update=update)


def _released(ledger: Ledger) -> Ledger:
    """Without reservations: the work that they were for is dropped."""
    for entry in ledger.lines:
        if entry.reserved:
            ledger = books.settle(ledger, entry.phase, 0)
    return ledger


def _flag(config: RunConfig) -> str:
    return "--iters" if config.mode == "train" else "--budget"


def _host(state: RunState) -> HostState | None:
    """The host, also when a control arm has taken its place."""
    return state.final_host or state.host
