"""What the open generation of a search phase says of the noise."""

from orchestrator.config import RunConfig
from orchestrator.evolution.noise import (
    gain_limit,
    null_differences,
    reach,
    replicate_difference,
    sigma,
)
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import work_of
from orchestrator.stages.search_results import bits_per_byte, champion_bits, tasks_of
from state.genome import distance
from state.tasks import TrainingTask

# Differences under this many bits per byte are rounding, whatever the pairs say.
SMALLEST_SIGMA = 1e-6


def new_differences(state: RunState) -> tuple[float, ...]:
    """Independent null differences of this generation, lineage by lineage."""
    found: list[float] = []
    for lineage in state.lineages:
        own = champion_bits(state, lineage.index)
        twins = [
            bits_per_byte(state, task.task_id) for task in tasks_of(state, lineage.index, "null")
        ]
        values = [value for value in (own, *twins) if value is not None]
        if own is not None:
            found += null_differences(values)
    return tuple(found)


def new_replicates(state: RunState) -> tuple[float, ...]:
    """Of each replicate pair of this generation that came to its end."""
    found = []
    for again in (task for task in work_of(state).tasks if task.role == "replicate"):
        champion = tasks_of(state, again.lineage, "champion")[0]
        twins = tasks_of(state, again.lineage, "null")
        twin = next(one for one in twins if one.batches == again.batches)
        challengers = tasks_of(state, again.lineage, "challenger")
        challenger = next(one for one in challengers if one.genome == again.genome)
        first, second = _gain(state, champion, challenger), _gain(state, twin, again)
        if first is not None and second is not None:
            found.append(replicate_difference(first, second, apart(state, again)))
    return tuple(found)


def _gain(state: RunState, champion: TrainingTask, challenger: TrainingTask) -> float | None:
    before, after = (bits_per_byte(state, one.task_id) for one in (champion, challenger))
    return None if before is None or after is None else before - after


def null_passed(state: RunState, config: RunConfig, differences: tuple[float, ...]) -> int:
    """Null twins that are better than their champion by more than null pairs differ."""
    tasks, passed = work_of(state).tasks, 0
    count = sum(task.role == "challenger" for task in tasks)
    limit = gain_limit(differences, level=config.evolution.false_acceptance, comparisons=count)
    if limit is None:
        return 0
    for task in tasks:
        own, bits = champion_bits(state, task.lineage), bits_per_byte(state, task.task_id)
        if task.role == "null" and own is not None and bits is not None:
            passed += own - bits > limit
    return passed


def noise_sigma(differences: tuple[float, ...]) -> float | None:
    """The noise's sigma with its floor."""
    value = sigma(differences)
    return None if value is None else max(value, SMALLEST_SIGMA)


def apart(state: RunState, challenger: TrainingTask) -> float:
    """How far the noise of a challenger's gain reaches."""
    champion = state.lineages[challenger.lineage].genome
    return reach(distance(challenger.genome, champion), challenger.steps)
