"""Successive halving: challengers that lie behind half way stop there.

All of a generation's first halves come in before any second half begins, so who goes on follows
from the results and not from their order. A second half goes on from the first one's weights,
moments, batches and rates: the two are the whole training in bits.

Source: K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization" (2016); one rung, synchronous.
"""

from collections.abc import Iterable

from orchestrator.config import RunConfig
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import evaluation_of, piece_of, second_half_id, work_of
from state.results import TrainingResult
from state.tasks import Decay, LearningRateSpan, TrainingTask


def is_halved(evolution: EvolutionConfig, steps: int, num_challengers: int) -> bool:
    """Whether a lineage's challengers meet at a rung; a single one has nobody to beat there."""
    return num_challengers > 1 and steps >= evolution.halving_steps


def first_steps(steps: int) -> int:
    """Steps before the rung."""
    return steps // 2


def num_survivors(evolution: EvolutionConfig, num_challengers: int) -> int:
    """How many of a lineage's challengers go on: one in `halving_factor`, rounded up."""
    return -(-num_challengers // evolution.halving_factor)


def saved_steps(evolution: EvolutionConfig, steps: int, shares: Iterable[int]) -> int:
    """Steps that a generation does not run where all goes well; `shares` are the challengers of
    each lineage.
    """
    stopped = sum(
        count - num_survivors(evolution, count)
        for count in shares
        if is_halved(evolution, steps, count)
    )
    return stopped * (steps - first_steps(steps))


def first_run(state: RunState, config: RunConfig) -> tuple[TrainingTask, ...]:
    """The open generation's tasks, those of challengers that meet at a rung cut off there."""
    halved = {task.task_id for group in _halved(state, config) for task in group}
    return tuple(
        first_half(task) if task.task_id in halved else task for task in work_of(state).tasks
    )


def second_halves(state: RunState, config: RunConfig) -> tuple[TrainingTask, ...]:
    """What the best of each lineage have left; call it when the first run is in."""
    tasks = []
    for group in _halved(state, config):
        ranked = sorted(_measured(state, group), key=lambda one: (one[0], one[1].task_id))
        for _, task, checkpoint in ranked[: num_survivors(config.evolution, len(group))]:
            tasks.append(second_half(task, checkpoint))
    return tuple(tasks)


def first_half(task: TrainingTask) -> TrainingTask:
    """The task up to the rung."""
    update = {"steps": first_steps(task.steps), "learning_rate": _exact(task)}
    return task.model_copy(update=update)


def second_half(task: TrainingTask, checkpoint: str) -> TrainingTask:
    """The task from the rung on, where its first half has left `checkpoint`.

    The activation is there by then, and the weights were drawn to their mean before.
    """
    done, span = first_steps(task.steps), _exact(task)
    update = {
        "task_id": second_half_id(task.task_id),
        "second_half_of": task.task_id,
        "parent": checkpoint,
        "parent_genome": task.genome,
        "first_step": task.first_step + done,
        "steps": task.steps - done,
        "morph_steps": 0,
        "fusion": None,
        "learning_rate": span.model_copy(update={"age_steps": span.age_steps + done}),
    }
    return task.model_copy(update=update)


def _exact(task: TrainingTask) -> LearningRateSpan:
    """The task's rates as a function of age, which are the same bits wherever it is cut."""
    span = task.learning_rate
    if span.decay is not None:
        return span
    fall = Decay(curve="linear", start=span.age_steps, end=span.age_steps + task.steps)
    return span.model_copy(update={"decay": fall})


def _halved(state: RunState, config: RunConfig) -> list[list[TrainingTask]]:
    """The challengers that meet at a rung, lineage by lineage; those of replicate pairs do not."""
    tasks = work_of(state).tasks
    paired = {(task.lineage, task.genome) for task in tasks if task.role == "replicate"}
    groups: dict[int, list[TrainingTask]] = {}
    for task in tasks:
        if task.role == "challenger" and (task.lineage, task.genome) not in paired:
            groups.setdefault(task.lineage, []).append(task)
    return [one for one in groups.values() if is_halved(config.evolution, one[0].steps, len(one))]


def _measured(
    state: RunState, tasks: Iterable[TrainingTask]
) -> Iterable[tuple[float, TrainingTask, str]]:
    """(search bits per byte, task, checkpoint) of each first half that ended well."""
    for task in tasks:
        result = piece_of(state, task.task_id)
        if not isinstance(result, TrainingResult) or result.status != "trained":
            continue
        found = evaluation_of(result.evaluations, "search")
        if found is not None and result.checkpoint is not None:
            yield found.bits_per_byte, task, result.checkpoint
