"""Runs in memory brought to the end of a phase that turned out worse, or as it should."""

from collections.abc import Callable

from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import Conclusion, phase_of
from orchestrator.stages.dispatch import stage_of
from state.records import Finding
from state.tasks import TrainingTask
from tests.builders import make_config, no_penalty
from tests.memory_runs import MemoryEngine, drive, worked

CONFIG = make_config(budget=8000)
Worse = Callable[[TrainingTask], float]
TOKENS_A_STEP = 16 * 128


def config_of(passes: float, *, budget: int = 8000, **changes: object) -> RunConfig:
    """A budget that passes over its text so many times."""
    tokens = round(budget * TOKENS_A_STEP / passes)
    return make_config(budget=budget, data={"train_tokens": tokens}, **changes)


def worse_at_first(phase: str, bits: float = 0.5) -> Worse:
    """So many bits worse in one phase, unless the learning rate was lowered."""
    return lambda task: bits if task.phase == phase and task.lr_scale == 1 else 0.0


def worse_always(phase: str) -> Worse:
    """Half a bit worse in one phase, whatever is tried."""
    return lambda task: 0.5 if task.phase == phase else 0.0


def at_end_of(
    phase: str, worse: Worse = no_penalty, config: RunConfig = CONFIG
) -> tuple[RunState, MemoryEngine]:
    """The state at the first end of a phase, its battery not run yet."""
    engine = MemoryEngine(worse=worse)
    index = next(n for n, one in enumerate(phases_of(config)) if one.name == phase)
    states = drive(
        config, engine, until=lambda one: one.stage == "phase_end" and one.phase_index == index
    )
    return states[-1], engine


def concluded(state: RunState, engine: MemoryEngine, config: RunConfig = CONFIG) -> Conclusion:
    """What the end of the phase concludes."""
    return stage_of(state, config).conclude(worked(config, engine, state), config)


def with_phase(state: RunState, **changes: object) -> RunState:
    """The state with other values of the phase that is going on."""
    return state.model_copy(update={"phase": phase_of(state).model_copy(update=changes)})


def finding(detector: str) -> Finding:
    """A finding of one detector."""
    return Finding(detector=detector, severity=0.3, reason="seen", value=1.0, limit=0.5)
