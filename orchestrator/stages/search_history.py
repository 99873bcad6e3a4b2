"""What a phase remembers of its generations: the histories that the detectors read."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from orchestrator.detectors.complexity import LARGE_GRAPH
from orchestrator.run_state import LineageState, PhaseState, RunState
from orchestrator.stages.conclusion import phase_of, training_result, work_of
from orchestrator.stages.search_judgement import Judgement
from orchestrator.stages.search_results import genomes_of, search_evaluation, tasks_of
from state.genome import distance, size
from state.records import Genome
from state.results import TrainingResult
from state.tasks import TrainingTask

JUMP = 0.05
"""Nats per token by which a change of structure must raise the loss to count as a jump."""
WON_BACK = 0.15
"""Nats per token beyond the champion's loss that may be left of it when the steps are over."""


def mean_distance(genomes: Sequence[Genome]) -> float | None:
    """Mean functional distance over all pairs; None for fewer than two members."""
    pairs = list(combinations(genomes, 2))
    if not pairs:
        return None
    return sum(distance(first, second) for first, second in pairs) / len(pairs)


def with_histories(
    state: RunState,
    verdict: Judgement,
    lineages: tuple[LineageState, ...],
    num_accepted: int,
) -> PhaseState:
    """The phase with one more generation; `lineages` are those that go on."""
    phase = phase_of(state)
    measured = [one.evaluation.bits_per_byte for one in lineages if one.evaluation and one.alive]
    apart = mean_distance(genomes_of(state))
    changes: dict[str, object] = {
        "null_differences": verdict.differences,
        "replicate_differences": verdict.replicates,
        "best_history": (*phase.best_history, min((*phase.best_history[-1:], *measured))),
        "accepted_history": (*phase.accepted_history, num_accepted),
        "num_challengers": phase.num_challengers + len(work_of(state).proposals),
        "entropy_history": (*phase.entropy_history, *_mean_entropy(state)),
    }
    if apart is not None and work_of(state).proposals:
        changes["start_distance"] = phase.start_distance or apart
        changes["distance_history"] = (*phase.distance_history, apart)
    if work_of(state).draws or work_of(state).proposals:
        changes |= _of_challengers(state)
    return phase.model_copy(update=changes)


def _of_challengers(state: RunState) -> dict[str, object]:
    phase, work = phase_of(state), work_of(state)
    new = work.draws - work.known_redrawn
    jumps = [pair for _, *pair in _trained(state) if (pair[0].switch_jump or 0.0) > JUMP]
    lost = sum(not _won_back(one, champion) for one, champion in jumps)
    return {
        "draw_history": (*phase.draw_history, (new, work.known_redrawn)),
        "transfer_history": (*phase.transfer_history, (len(jumps), lost)),
        "complex_history": (*phase.complex_history, *_complex(state)),
    }


def _trained(state: RunState) -> Iterator[tuple[TrainingTask, TrainingResult, TrainingResult]]:
    """Each challenger that was trained, beside its continued champion."""
    for task in work_of(state).tasks:
        champions = tasks_of(state, task.lineage, "champion")
        if task.role != "challenger" or not champions:
            continue
        own = training_result(state, task.task_id)
        champion = training_result(state, champions[0].task_id)
        if own is not None and champion is not None:
            yield task, own, champion


def _won_back(one: TrainingResult, champion: TrainingResult) -> bool:
    if one.train_loss is None or champion.train_loss is None:
        return False
    return one.train_loss - champion.train_loss <= WON_BACK


def _complex(state: RunState) -> Iterator[tuple[float, float]]:
    """(gain in training loss, gain in search loss) of the large graphs."""
    for task, own, champion in _trained(state):
        ours, theirs = (search_evaluation(state, result.task_id) for result in (own, champion))
        losses = (own.train_loss, champion.train_loss)
        if size(task.genome).nodes <= LARGE_GRAPH or ours is None or theirs is None:
            continue
        if losses[0] is not None and losses[1] is not None:
            yield losses[1] - losses[0], theirs.nats_per_token - ours.nats_per_token


def _mean_entropy(state: RunState) -> tuple[float, ...]:
    """Mean entropy of the running means; nothing where fusion is off."""
    results = (
        training_result(state, task.task_id)
        for task in work_of(state).tasks
        if task.role == "champion"
    )
    values = [one.consensus_entropy for one in results if one and one.consensus_entropy is not None]
    return (sum(values) / len(values),) if values else ()
