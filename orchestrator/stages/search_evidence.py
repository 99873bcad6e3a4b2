"""What the detectors and the transition table are told about a generation."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.detectors.evidence import Evidence, History, MemberEvidence
from orchestrator.evolution.kuramoto import is_locked
from orchestrator.run_state import LineageState, RunState
from orchestrator.stages.conclusion import phase_of, result_of, work_of
from orchestrator.stages.current import current_phase
from orchestrator.stages.search_noise import noise_sigma
from orchestrator.stages.search_results import genomes_of, search_evaluation
from state.results import TrainingResult
from state.tasks import TrainingTask


def evidence(before: RunState, after: RunState, config: RunConfig) -> Evidence:
    """Members of the generation that `before` holds, histories as `after` has them."""
    phase = phase_of(after)
    genomes = genomes_of(before)
    has_challengers = any(task.role == "challenger" for task in work_of(before).tasks)
    return Evidence(
        members=_members(before),
        distance=phase.distance_history[-1] if has_challengers else None,
        num_distinct=len(set(genomes)),
        population=len(genomes),
        best_history=phase.best_history,
        steps_history=_steps_history(after, config),
        allotted=books.line(after.ledger, current_phase(after, config)).allotted
        - phase.settled_before,
        lineage_histories=tuple((one.index, _history(one)) for one in after.lineages if one.alive),
        noise_sigma=noise_sigma(phase.null_differences),
        locked=after.oscillators is not None and is_locked(after.oscillators),
        distance_history=phase.distance_history,
        accepted_history=phase.accepted_history,
        draw_history=phase.draw_history,
        complex_history=phase.complex_history,
        transfer_history=phase.transfer_history,
        entropy_history=phase.entropy_history,
    )


def _history(lineage: LineageState) -> History:
    """Its generations; those that an older version left without a training loss are left out."""
    unpaired = len(lineage.bits_history) - len(lineage.train_history)
    pairs = zip(lineage.bits_history[unpaired:], lineage.train_history, strict=True)
    return tuple((number, bits, loss) for number, (bits, loss) in enumerate(pairs))


def _members(state: RunState) -> tuple[MemberEvidence, ...]:
    """Everyone that ran; a quarantined member has skipped steps and no losses."""
    pairs = [(task, result_of(state, task.task_id)) for task in work_of(state).tasks]
    return tuple(
        _member(state, task, result) for task, result in pairs if isinstance(result, TrainingResult)
    )


def _member(state: RunState, task: TrainingTask, result: TrainingResult) -> MemberEvidence:
    measured = search_evaluation(state, task.task_id)
    return MemberEvidence(
        member_id=task.task_id,
        lineage=task.lineage,
        role=task.role,
        train_loss=result.train_loss if measured else None,
        search_loss=measured.nats_per_token if measured else None,
        steps=result.steps,
        skipped_steps=result.skipped_steps,
    )


def _steps_history(state: RunState, config: RunConfig) -> tuple[int, ...]:
    """Steps spent after each generation of the phase, the generations taken as equally long.

    Those of an attempt that was given up do not count.
    """
    spent = books.line(state.ledger, current_phase(state, config)).settled
    spent -= phase_of(state).settled_before
    count = len(phase_of(state).best_history)
    return tuple(spent * (index + 1) // count for index in range(count))
