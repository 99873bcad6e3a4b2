"""What the draw of challengers learns from a generation."""

from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.evolution.constants import LARGEST_GAIN, Measured, record_constants
from orchestrator.evolution.noise import sigma
from orchestrator.evolution.operator_mix import record_outcomes
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import result_of, was_stopped, work_of
from orchestrator.stages.search_judgement import Judgement
from orchestrator.stages.search_noise import SMALLEST_SIGMA
from orchestrator.stages.search_results import champion_bits, task_named
from state.results import TrainingResult


class Lesson(NamedTuple):
    """What became of one challenger."""

    operator: str
    surprise: float
    """Its gain in sigmas of its own noise."""
    measured: Measured
    """Its gain in sigmas of the noise for a reach of 1, which is the same for all."""


def with_lessons(state: RunState, verdict: Judgement) -> RunState:
    """The state before the generation is booked, with what became of each operator's challengers
    and of each set of constants. Nothing is learnt while the noise is unknown.
    """
    scale = sigma(verdict.replicates)
    if scale is None:
        return state
    lessons = list(_lessons(state, verdict, max(scale, SMALLEST_SIGMA)))
    tried = [(one.operator, one.surprise) for one in lessons]
    whole = [one.measured for one in lessons if not _was_stopped(state, one.measured.task_id)]
    return state.model_copy(
        update={
            "operators": record_outcomes(state.operators, tried),
            "tuned": record_constants(state.tuned, whole),
        }
    )


def _was_stopped(state: RunState, task_id: str) -> bool:
    """Half way, so that nothing says how good its constants are."""
    result = result_of(state, task_id)
    return isinstance(result, TrainingResult) and was_stopped(task_named(state, task_id), result)


def _lessons(state: RunState, verdict: Judgement, scale: float) -> Iterator[Lesson]:
    """Of each challenger; none of a lineage whose champion could not be computed."""
    for proposal in work_of(state).proposals:
        task = task_named(state, proposal.task_id)
        if champion_bits(state, task.lineage) is not None:
            rated = verdict.rated.get(task.task_id)
            gain = rated.gain / scale if rated else -LARGEST_GAIN
            surprise = rated.gain / rated.sigma if rated else -LARGEST_GAIN
            champion = state.lineages[task.lineage].genome
            measured = Measured(
                task_id=task.task_id, genome=task.genome, champion=champion, gain=gain
            )
            yield Lesson(proposal.operator, surprise, measured)
