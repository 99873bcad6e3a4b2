"""What the draw of challengers learns from a generation."""

from collections.abc import Iterator

from orchestrator.evolution.constants import LARGEST_GAIN, Measured, record_constants
from orchestrator.evolution.operator_mix import record_outcomes
from orchestrator.run_state import Proposal, RunState
from orchestrator.stages.conclusion import result_of, was_stopped, work_of
from orchestrator.stages.search_judgement import (
    Judgement,
    bits_per_byte,
    champion_bits,
    noise_sigma,
    task_named,
)
from state.results import TrainingResult


def with_lessons(state: RunState, verdict: Judgement) -> RunState:
    """The state before the generation is booked, with what became of each operator's challengers
    and of each set of constants. Nothing is learnt while the noise is unknown.
    """
    sigma = noise_sigma(verdict.differences)
    if sigma is None:
        return state
    outcomes = list(_outcomes(state, sigma))
    tried = [(proposal.operator, measured.gain) for proposal, measured in outcomes]
    whole = [one for _, one in outcomes if not _was_stopped(state, one.task_id)]
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


def _outcomes(state: RunState, sigma: float) -> Iterator[tuple[Proposal, Measured]]:
    """Each challenger and its gain; none of a lineage whose champion could not be computed."""
    for proposal in work_of(state).proposals:
        task = task_named(state, proposal.task_id)
        own, bits = champion_bits(state, task.lineage), bits_per_byte(state, task.task_id)
        if own is None:
            continue
        gain = -LARGEST_GAIN if bits is None else (own - bits) / sigma
        champion = state.lineages[task.lineage].genome
        yield (
            proposal,
            Measured(task_id=task.task_id, genome=task.genome, champion=champion, gain=gain),
        )
