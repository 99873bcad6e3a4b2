"""One generation of a search phase, from its plan to its decision."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.detectors.panel import inspect_all
from orchestrator.run_state import Counts, LineageState, RunState
from orchestrator.stages.conclusion import (
    Conclusion,
    Event,
    charge,
    member_record,
    missing,
    phase_of,
    result_of,
    training_result,
    work_of,
)
from orchestrator.stages.current import current_phase
from orchestrator.stages.halving import first_run, second_halves
from orchestrator.stages.search_answer import count_exhaustions
from orchestrator.stages.search_decision import apply, prune, situation
from orchestrator.stages.search_evidence import evidence
from orchestrator.stages.search_history import with_histories
from orchestrator.stages.search_judgement import (
    Judgement,
    confirmation_tasks,
    confirmed,
    judge,
)
from orchestrator.stages.search_learning import with_lessons
from orchestrator.stages.search_noise import noise_sigma
from orchestrator.stages.search_plan import plan_generation
from orchestrator.stages.search_results import (
    bits_per_byte,
    champion_bits,
    genomes_of,
    search_evaluation,
    tasks_of,
)
from orchestrator.stages.synchrony import synchronise
from orchestrator.transitions import decide
from state.records import Decision, MemberRecord
from state.results import TrainingResult
from state.tasks import Task

# As many as there can be lineages: a phase's last steps go to one of them a generation, in turn.
MAX_FAILED_GENERATIONS = 4


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Draw the challengers and reserve the generation's steps."""
    return plan_generation(state, config)


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """The first run, the second halves of those that go on, the second run of those that passed."""
    first = missing(state, first_run(state, config))
    unfinished = first or missing(state, second_halves(state, config))
    return unfinished or missing(state, confirmation_tasks(state, config, judge(state, config)))


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """Accept, measure, decide."""
    verdict = judge(state, config)
    state = _with_phase(state, failed_generations=_failed_generations(state))
    state = with_lessons(state, verdict)
    before = state
    winners = [_survivor(state, config, verdict, lineage) for lineage in state.lineages]
    lineages = tuple(lineage for lineage, _ in winners)
    accepted = {lineage.index: task_id for lineage, task_id in winners if task_id}
    members = _members(state, verdict, accepted)
    state = _tally(state, config, verdict, lineages, accepted)
    state, synchrony = synchronise(before, state, config, noise_sigma(verdict.differences))
    findings = inspect_all(evidence(before, state, config))
    state = _with_phase(state, findings=(*phase_of(state).findings, *findings))
    state = count_exhaustions(state, findings)
    state = prune(state, config)
    decision = decide(situation(before, state, config, findings))
    state, decision = apply(state, config, decision, findings)
    events = (_event(before, decision, accepted, verdict),)
    return Conclusion(
        state=state,
        members=members,
        findings=findings,
        decisions=(decision,),
        synchrony=synchrony,
        events=events,
    )


def _failed_generations(state: RunState) -> int:
    """How many generations in a row no champion could be computed, this one included.

    Raises:
        RuntimeError: too many; nothing is spent any more, and the phase would never end.
    """
    champions = [task.task_id for task in work_of(state).tasks if task.role == "champion"]
    results = [result_of(state, task_id) for task_id in champions]
    errors = [one.error for one in results if one is not None and one.status == "failed"]
    if not champions or len(errors) < len(champions):
        return 0
    count = phase_of(state).failed_generations + 1
    if count >= MAX_FAILED_GENERATIONS:
        raise RuntimeError(
            f"every champion failed in {count} generations in a row ({errors[-1]}); "
            "mend the cause and go on with --resume"
        )
    return count


def _with_phase(state: RunState, **changes: object) -> RunState:
    return state.model_copy(update={"phase": phase_of(state).model_copy(update=changes)})


def _survivor(
    state: RunState, config: RunConfig, verdict: Judgement, lineage: LineageState
) -> tuple[LineageState, str | None]:
    """The lineage after the generation, and the task that was accepted if any.

    It goes on from the accepted challenger's weights of the first run, else from its champion's.
    A champion that could not be trained leaves the lineage as it was.
    """
    accepted = confirmed(state, config, verdict, lineage.index)
    champions = tasks_of(state, lineage.index, "champion")
    if not champions:
        return lineage, None
    task = champions[0]
    if accepted is not None:
        task = next(one for one in work_of(state).tasks if one.task_id == accepted.task_id)
    result, measured = (
        training_result(state, task.task_id),
        search_evaluation(state, task.task_id),
    )
    if result is None or measured is None:
        return lineage, None
    changes: dict[str, object] = {
        "genome": task.genome,
        "checkpoint": result.checkpoint,
        "age_steps": lineage.age_steps + result.steps,
        "evaluation": measured,
        "train_loss": result.train_loss,
        "bits_history": (*lineage.bits_history, measured.bits_per_byte),
        "train_history": (*lineage.train_history, result.train_loss),
        "consensus": _consensus(state, lineage),
    }
    if accepted is None:
        return lineage.model_copy(update=changes), None
    proposal = next(one for one in work_of(state).proposals if one.task_id == task.task_id)
    changes |= {"parents": proposal.parents, "accepted": lineage.accepted + 1}
    return lineage.model_copy(update=changes), task.task_id


def _consensus(state: RunState, lineage: LineageState) -> str | None:
    """The running mean that the champion's task moved, whoever the lineage goes on from."""
    champion = tasks_of(state, lineage.index, "champion")[0]
    result = training_result(state, champion.task_id)
    return result.consensus if result and result.consensus else lineage.consensus


def _tally(
    state: RunState,
    config: RunConfig,
    verdict: Judgement,
    lineages: tuple[LineageState, ...],
    accepted: dict[int, str],
) -> RunState:
    work, counts = work_of(state), state.counts
    results = [one for one in work.results if isinstance(one, TrainingResult)]
    num_null = sum(task.role == "null" for task in work.tasks)
    num_challengers = sum(task.role == "challenger" for task in work.tasks)
    counts = Counts(
        evaluated=counts.evaluated + num_challengers,
        known_redrawn=counts.known_redrawn + work.known_redrawn,
        accepted=counts.accepted + len(accepted),
        null_evaluated=counts.null_evaluated + num_null,
        null_accepted=counts.null_accepted + verdict.null_passed,
        quarantined=counts.quarantined + sum(one.status != "trained" for one in results),
    )
    known = dict.fromkeys((*state.known, *genomes_of(state)))
    phase = with_histories(state, verdict, lineages, len(accepted))
    spent = sum(one.steps for one in results)
    return state.model_copy(
        update={
            "ledger": books.settle(charge(state), current_phase(state, config), spent),
            "lineages": lineages,
            "phase": phase,
            "counts": counts,
            "known": tuple(known),
        }
    )


def _members(
    state: RunState, verdict: Judgement, accepted: dict[int, str]
) -> tuple[MemberRecord, ...]:
    proposals = {one.task_id: one for one in work_of(state).proposals}
    rows = []
    for task in work_of(state).tasks:
        result = result_of(state, task.task_id)
        if not isinstance(result, TrainingResult):
            continue
        row = member_record(task, result)
        own, bits = champion_bits(state, task.lineage), bits_per_byte(state, task.task_id)
        changes: dict[str, object] = {}
        if task.role in ("challenger", "null") and own is not None and bits is not None:
            rated = verdict.rated.get(task.task_id)
            changes |= {"gain": own - bits, "gain_limit": rated.limit if rated else None}
        if task.task_id in proposals:
            proposal = proposals[task.task_id]
            changes |= {"operator": proposal.operator, "parents": proposal.parents}
        if accepted.get(task.lineage) == task.task_id:
            changes["status"] = "accepted"
        rows.append(row.model_copy(update=changes))
    return tuple(rows)


def _event(
    state: RunState, decision: Decision, accepted: dict[int, str], verdict: Judgement
) -> Event:
    return Event(
        kind="generation",
        data={
            "phase": decision.phase,
            "generation": state.generation,
            "best_bits_per_byte": round(decision.numbers["best_bits_per_byte"], 5),
            "challengers": sum(task.role == "challenger" for task in work_of(state).tasks),
            "passed_first_run": len(verdict.contenders),
            "accepted": len(accepted),
            "decision": decision.kind,
        },
    )
