"""Which challengers of a generation are better than their champion, beyond the noise."""

from orchestrator.config import EvolutionConfig, RunConfig
from orchestrator.evolution.noise import gain_limit, null_differences, sigma
from orchestrator.evolution.selection import Contender, best_contender, passes
from orchestrator.run_state import LineageState, RunState
from orchestrator.stages.conclusion import (
    evaluation_of,
    phase_of,
    training_result,
    work_of,
)
from state.base import Record
from state.records import Evaluation, Genome
from state.tasks import TrainingTask

# Differences under this many bits per byte are rounding, whatever the null pairs say.
SMALLEST_SIGMA = 1e-6


class Judgement(Record):
    """The noise of this generation and the contender of each lineage that passed the first run."""

    differences: tuple[float, ...]
    """All null differences of the phase, this generation's included."""
    limit: float | None
    """What the best of all challengers had to exceed; None while the noise is unknown."""
    confirmation_limit: float | None
    contenders: dict[int, Contender]
    """By lineage; those that passed the first run."""
    null_passed: int
    """Null twins of this generation that would have passed it."""


def bits_per_byte(state: RunState, task_id: str) -> float | None:
    """Search bits per byte of a member after all its steps; None where it did not get there."""
    evaluation = search_evaluation(state, task_id)
    return evaluation.bits_per_byte if evaluation else None


def search_evaluation(state: RunState, task_id: str) -> Evaluation | None:
    """Search evaluation of a member after all its steps, which were cut in two or not."""
    result = training_result(state, task_id)
    return evaluation_of(result.evaluations, "search") if result else None


def tasks_of(state: RunState, lineage: int, role: str) -> list[TrainingTask]:
    """Tasks of a lineage in one role as they were planned, whole."""
    return [task for task in work_of(state).tasks if (task.lineage, task.role) == (lineage, role)]


def task_named(state: RunState, task_id: str) -> TrainingTask:
    """One of the first run's tasks."""
    return next(task for task in work_of(state).tasks if task.task_id == task_id)


def champion_bits(state: RunState, lineage: int) -> float | None:
    """Search bits per byte of the continued champion."""
    champions = tasks_of(state, lineage, "champion")
    return bits_per_byte(state, champions[0].task_id) if champions else None


def judge(state: RunState, config: RunConfig) -> Judgement:
    """Noise, limits and the contenders after the first run."""
    differences = (*phase_of(state).null_differences, *_new_differences(state))
    challengers = [task for task in work_of(state).tasks if task.role == "challenger"]
    level = config.evolution.false_acceptance
    limit = gain_limit(differences, level=level, comparisons=len(challengers))
    contenders = {}
    for lineage in state.lineages:
        best = _passing(state, config, lineage, differences, limit)
        if best is not None:
            contenders[lineage.index] = best
    return Judgement(
        differences=differences,
        limit=limit,
        confirmation_limit=gain_limit(differences, level=level, comparisons=1),
        contenders=contenders,
        null_passed=_null_passed(state, limit),
    )


def confirmation_tasks(state: RunState, judgement: Judgement) -> tuple[TrainingTask, ...]:
    """Champion and contender of each passing lineage, trained once more on other batches."""
    tasks = []
    for index, contender in judgement.contenders.items():
        for task in (tasks_of(state, index, "champion")[0], task_named(state, contender.task_id)):
            tasks.append(confirmation_of(task))
    return tuple(tasks)


def confirmation_of(task: TrainingTask) -> TrainingTask:
    """The same training under another batch key; its weights are thrown away."""
    key = task.batches.model_copy(update={"purpose": "confirm"})
    return task.model_copy(
        update={"task_id": f"{task.task_id}-confirm", "batches": key, "save": False}
    )


def confirmed(state: RunState, judgement: Judgement, lineage: int) -> Contender | None:
    """The contender of the lineage if its gain held in the second run."""
    contender, limit = judgement.contenders.get(lineage), judgement.confirmation_limit
    if contender is None or limit is None:
        return None
    champion = tasks_of(state, lineage, "champion")[0]
    before = bits_per_byte(state, f"{champion.task_id}-confirm")
    after = bits_per_byte(state, f"{contender.task_id}-confirm")
    if before is None or after is None or before - after <= limit:
        return None
    return contender


def genomes_of(state: RunState) -> tuple[Genome, ...]:
    """Genomes of the generation, null twins left out."""
    return tuple(task.genome for task in work_of(state).tasks if task.role != "null")


def noise_sigma(differences: tuple[float, ...]) -> float | None:
    """The noise's sigma with its floor."""
    value = sigma(differences)
    return None if value is None else max(value, SMALLEST_SIGMA)


def _passing(
    state: RunState,
    config: RunConfig,
    lineage: LineageState,
    differences: tuple[float, ...],
    limit: float | None,
) -> Contender | None:
    scale, reference = noise_sigma(differences), champion_bits(state, lineage.index)
    if scale is None or limit is None or reference is None:
        return None
    contenders = []
    for task in tasks_of(state, lineage.index, "challenger"):
        bits = bits_per_byte(state, task.task_id)
        if bits is not None:
            gain = reference - bits
            contenders.append(Contender(task_id=task.task_id, genome=task.genome, gain=gain))
    prices = _prices(state, config)
    best = best_contender(contenders, lineage.genome, scale, prices)
    if best is None or not passes(
        best, lineage.genome, limit=limit, noise_sigma=scale, config=prices
    ):
        return None
    return best


def _prices(state: RunState, config: RunConfig) -> EvolutionConfig:
    """What complexity costs now."""
    scale, evolution = phase_of(state).settings.complexity_scale, config.evolution
    return evolution.model_copy(
        update={
            "complexity_weight": scale * evolution.complexity_weight,
            "cost_weight": scale * evolution.cost_weight,
        }
    )


def _new_differences(state: RunState) -> tuple[float, ...]:
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


def _null_passed(state: RunState, limit: float | None) -> int:
    if limit is None:
        return 0
    passed = 0
    for task in work_of(state).tasks:
        own, bits = champion_bits(state, task.lineage), bits_per_byte(state, task.task_id)
        if task.role == "null" and own is not None and bits is not None and own - bits > limit:
            passed += 1
    return passed
