"""Which challengers of a generation are better than their champion, beyond the noise."""

from collections.abc import Iterator

from orchestrator.config import RunConfig
from orchestrator.evolution.noise import LEAST_GAIN, gain_limit, sigma
from orchestrator.evolution.selection import Contender, best_contender
from orchestrator.evolution_config import EvolutionConfig
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import phase_of, work_of
from orchestrator.stages.search_noise import (
    SMALLEST_SIGMA,
    apart,
    new_differences,
    new_replicates,
    null_passed,
)
from orchestrator.stages.search_results import (
    bits_per_byte,
    champion_bits,
    task_named,
    tasks_of,
)
from state.base import Record
from state.tasks import TrainingTask


class Judgement(Record):
    """The noise of this generation and the contender of each lineage that passed the first run."""

    differences: tuple[float, ...]
    """All null differences of the phase, this generation's included."""
    replicates: tuple[float, ...]
    """All replicate differences of the phase, likewise."""
    rated: dict[str, Contender]
    """By task id: the challengers whose gain is known; none while the noise is unknown."""
    contenders: dict[int, Contender]
    """By lineage; those that passed the first run."""
    null_passed: int
    """Null twins of this generation that are better by more than null pairs differ."""


def judge(state: RunState, config: RunConfig) -> Judgement:
    """Noise, limits and the contenders after the first run."""
    differences = (*phase_of(state).null_differences, *new_differences(state))
    replicates = (*phase_of(state).replicate_differences, *new_replicates(state))
    rated = {one.task_id: one for one in _rated(state, config, replicates)}
    contenders = {}
    for lineage in state.lineages:
        own = [one.task_id for one in tasks_of(state, lineage.index, "challenger")]
        known = [rated[one] for one in own if one in rated]
        best = best_contender(known, lineage.genome, _prices(state, config))
        if best is not None:
            contenders[lineage.index] = best
    return Judgement(
        differences=differences,
        replicates=replicates,
        rated=rated,
        contenders=contenders,
        null_passed=null_passed(state, config, differences),
    )


def confirmation_tasks(
    state: RunState, config: RunConfig, judgement: Judgement
) -> tuple[TrainingTask, ...]:
    """Champion and contender of each passing lineage, trained once more on other batches; none
    where gains are not tested.
    """
    if not config.evolution.parts.noise_test:
        return ()
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


def confirmed(
    state: RunState, config: RunConfig, judgement: Judgement, lineage: int
) -> Contender | None:
    """The contender of the lineage if its gain held in the second run, where there is one."""
    contender = judgement.contenders.get(lineage)
    if contender is None or not config.evolution.parts.noise_test:
        return contender
    level = config.evolution.false_acceptance
    limit = gain_limit(judgement.replicates, level=level, comparisons=1)
    champion = tasks_of(state, lineage, "champion")[0]
    before = bits_per_byte(state, f"{champion.task_id}-confirm")
    after = bits_per_byte(state, f"{contender.task_id}-confirm")
    if limit is None or before is None or after is None:
        return None
    needed = limit * apart(state, task_named(state, contender.task_id))
    return contender if before - after > max(needed, LEAST_GAIN) else None


def _rated(
    state: RunState, config: RunConfig, replicates: tuple[float, ...]
) -> Iterator[Contender]:
    """Every challenger whose gain is known, with its noise and what it must exceed."""
    tasks = [task for task in work_of(state).tasks if task.role == "challenger"]
    level, scale = config.evolution.false_acceptance, sigma(replicates)
    limit = gain_limit(replicates, level=level, comparisons=len(tasks))
    if scale is None or limit is None:
        return
    limit = limit if config.evolution.parts.noise_test else 0.0
    for task in tasks:
        own, bits = champion_bits(state, task.lineage), bits_per_byte(state, task.task_id)
        if own is None or bits is None:
            continue
        far = apart(state, task)
        yield Contender(
            task_id=task.task_id,
            genome=task.genome,
            gain=own - bits,
            sigma=max(scale * far, SMALLEST_SIGMA),
            limit=max(limit * far, LEAST_GAIN),
        )


def _prices(state: RunState, config: RunConfig) -> EvolutionConfig:
    """What complexity costs now."""
    scale, evolution = phase_of(state).settings.complexity_scale, config.evolution
    return evolution.model_copy(
        update={
            "complexity_weight": scale * evolution.complexity_weight,
            "cost_weight": scale * evolution.cost_weight,
        }
    )
