"""Between two control arms: put the finished one away, set the next one up, or go to the finale."""

from orchestrator.config import RunConfig
from orchestrator.run_state import (
    ControlOutcome,
    HostState,
    OpenWork,
    PhaseSettings,
    PhaseState,
    RunState,
)
from orchestrator.stages.conclusion import Conclusion, Event
from state.genome import parse
from state.seeds import derive_seed
from state.tasks import Task


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Nothing to train."""
    return state.model_copy(update={"work": OpenWork()})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """Nothing to wait for."""
    return ()


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """A baseline trains straight with the whole budget, initialised as lineage 0 was."""
    state = _put_away(state)
    index = len(state.controls)
    if index >= len(config.control):
        return Conclusion(state=state.model_copy(update={"stage": "finale", "work": None}))
    name = config.control[index]
    arm = HostState(
        name=f"control-{name}" if name.isalnum() else f"control-{index}",
        genome=parse(name),
        checkpoint=None,
        init_seed=derive_seed(config.seed, "init", 0),
        age_steps=0,
        decay_from=config.host.decay_from,
        lineage=0,
    )
    settings = PhaseSettings(dropout=_dropout(config))
    phase = PhaseState(settings=settings, first_generation=state.generation)
    update = {
        "host": arm,
        "phase": phase,
        "control_index": index,
        "stage": "generation",
        "work": None,
        "decisions": (),
    }
    event = Event(kind="control_started", data={"name": name, "steps": config.budget})
    return Conclusion(state=state.model_copy(update=update), events=(event,))


def _dropout(config: RunConfig) -> float:
    """What suits a model that trains for the whole budget: a baseline is no straw man."""
    own = config.host.control_dropout
    return config.model.dropout if own is None else own


def _put_away(state: RunState) -> RunState:
    host = state.host
    if host is None or not host.name.startswith("control-"):
        return state
    outcome = ControlOutcome(
        name=host.genome.formula,
        best=host.best,
        steps=state.ledger.control[state.control_index].settled,
    )
    return state.model_copy(update={"controls": (*state.controls, outcome), "host": None})
