"""Which stage a state is in."""

from collections.abc import Callable
from typing import NamedTuple, assert_never

from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from orchestrator.stages import (
    challenge,
    control,
    finale,
    host,
    phase_end,
    phase_start,
    reference,
    search,
    single,
    validation,
)
from orchestrator.stages import symbiosis as merger
from orchestrator.stages.conclusion import Conclusion
from state.tasks import Task


class Stage(NamedTuple):
    """The three functions of a stage."""

    open_work: Callable[[RunState, RunConfig], RunState]
    pending: Callable[[RunState, RunConfig], tuple[Task, ...]]
    conclude: Callable[[RunState, RunConfig], Conclusion]


def stage_of(state: RunState, config: RunConfig) -> Stage:
    """The stage that acts on this state, inside its validation gates if the run has any."""
    stage = _bare_stage(state, config)
    return stage if config.validation is None else _within_gates(stage)


def _within_gates(stage: Stage) -> Stage:
    return Stage(
        stage.open_work,
        lambda state, config: (
            *validation.asked(state, config),
            *stage.pending(state, config),
        ),
        lambda state, config: validation.judged(state, stage.conclude(state, config), config),
    )


def _bare_stage(state: RunState, config: RunConfig) -> Stage:
    match state.stage:
        case "phase_start":
            return Stage(phase_start.open_work, phase_start.pending, phase_start.conclude)
        case "generation":
            return _training_stage(state, config)
        case "phase_end":
            return Stage(phase_end.open_work, phase_end.pending, phase_end.conclude)
        case "symbiosis":
            return Stage(merger.open_work, merger.pending, merger.conclude)
        case "control":
            return Stage(control.open_work, control.pending, control.conclude)
        case "finale":
            return Stage(finale.open_work, finale.pending, finale.conclude)
        case _:
            assert_never(state.stage)


def _training_stage(state: RunState, config: RunConfig) -> Stage:
    phases = phases_of(config)
    kind = phases[state.phase_index].kind if state.phase_index < len(phases) else "host"
    match kind:
        case "reference":
            return Stage(reference.open_work, reference.pending, reference.conclude)
        case "search":
            return Stage(search.open_work, search.pending, search.conclude)
        case "host":
            return Stage(host.open_work, host.pending, host.conclude)
        case "single":
            if challenge.concerns(state, config):
                return Stage(challenge.open_work, challenge.pending, challenge.conclude)
            return Stage(single.open_work, single.pending, single.conclude)
        case _:
            assert_never(kind)
