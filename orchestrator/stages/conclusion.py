"""What a stage hands back, and reading the results of its tasks."""

from collections.abc import Sequence

from pydantic import Field, JsonValue

from orchestrator.run_state import OpenWork, PhaseState, RunState
from state.base import Record
from state.records import (
    BatteryReport,
    Decision,
    Evaluation,
    Finding,
    Ledger,
    MemberRecord,
    Sample,
    Split,
    Synchrony,
)
from state.results import TaskResult, TrainingResult
from state.tasks import Task, TrainingTask

SECOND_HALF = "-second"
SUMMED = (
    "steps",
    "skipped_steps",
    "tokens",
    "training_flops",
    "evaluation_flops",
    "train_seconds",
    "eval_seconds",
)
"""What two halves of a training add up to."""


class Event(Record):
    """Something that happened, for events.jsonl and the dashboards."""

    kind: str
    data: dict[str, JsonValue] = Field(default_factory=dict)


class Conclusion(Record):
    """The next state and everything worth keeping of the way there."""

    state: RunState
    members: tuple[MemberRecord, ...] = ()
    findings: tuple[Finding, ...] = ()
    decisions: tuple[Decision, ...] = ()
    synchrony: Synchrony | None = None
    battery: BatteryReport | None = None
    samples: tuple[Sample, ...] = ()
    """What a model that trains alone wrote after its last step."""
    events: tuple[Event, ...] = ()


def work_of(state: RunState) -> OpenWork:
    """The open work of a stage that has one."""
    assert state.work is not None
    return state.work


def phase_of(state: RunState) -> PhaseState:
    """The phase that is going on."""
    assert state.phase is not None
    return state.phase


def with_results(state: RunState, results: Sequence[TaskResult]) -> RunState:
    """The state with results of its open work, behind those that are in."""
    work = work_of(state)
    work = work.model_copy(update={"results": (*work.results, *results)})
    return state.model_copy(update={"work": work})


def concluded(before: RunState, conclusion: Conclusion) -> RunState:
    """The state after a stage, its decisions and events counted."""
    counted = {
        "num_decisions": before.num_decisions + len(conclusion.decisions),
        "num_events": before.num_events + len(conclusion.events),
    }
    return conclusion.state.model_copy(update=counted)


def missing(state: RunState, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The tasks without a result."""
    done = {result.task_id for result in work_of(state).results}
    return tuple(task for task in tasks if task.task_id not in done)


def second_half_id(task_id: str) -> str:
    """Id of the task that goes on with a training that was cut in two."""
    return f"{task_id}{SECOND_HALF}"


def piece_of(state: RunState, task_id: str) -> TaskResult | None:
    """The result with this very id, if it is there."""
    found = (result for result in work_of(state).results if result.task_id == task_id)
    return next(found, None)


def result_of(state: RunState, task_id: str) -> TaskResult | None:
    """The result of one task, if it is there; of one that was cut in two, all that there is."""
    first, second = piece_of(state, task_id), piece_of(state, second_half_id(task_id))
    if isinstance(first, TrainingResult) and isinstance(second, TrainingResult):
        return joined(first, second)
    return first


def joined(first: TrainingResult, second: TrainingResult) -> TrainingResult:
    """Two halves as one result: the second with the steps and costs of both."""
    sums = {name: getattr(first, name) + getattr(second, name) for name in SUMMED}
    others = {
        "task_id": first.task_id,
        "switch_jump": first.switch_jump,
        "alarms": first.alarms | second.alarms,
        "started_at": first.started_at,
    }
    return second.model_copy(update={**sums, **others})


def training_result(state: RunState, task_id: str) -> TrainingResult | None:
    """The result of a training task that ended well; None when it failed, was quarantined or
    stopped half way.
    """
    result = result_of(state, task_id)
    if not isinstance(result, TrainingResult) or result.status != "trained":
        return None
    planned = next((one for one in work_of(state).tasks if one.task_id == task_id), None)
    return None if planned is not None and was_stopped(planned, result) else result


def was_stopped(task: TrainingTask, result: TrainingResult) -> bool:
    """Whether the task was left half way because others of its lineage were better."""
    return result.status == "trained" and result.steps < task.steps


def evaluation_of(evaluations: tuple[Evaluation, ...], split: Split) -> Evaluation | None:
    """The evaluation on one split."""
    return next((one for one in evaluations if one.split == split), None)


def charge(state: RunState) -> Ledger:
    """The ledger with tokens and FLOPs of the open work's results; steps are settled apart.

    Results are added in the order of their ids: sums of floats depend on it.
    """
    results = sorted(work_of(state).results, key=lambda result: result.task_id)
    totals = {
        name: getattr(state.ledger, name) + sum(getattr(result, name, 0) for result in results)
        for name in ("tokens", "training_flops", "evaluation_flops")
    }
    return state.ledger.model_copy(update=totals)


def member_record(task: TrainingTask, result: TrainingResult) -> MemberRecord:
    """The row of one trained member; gain and operator are filled by the caller."""
    evaluation = evaluation_of(result.evaluations, "search")
    return MemberRecord(
        member_id=task.task_id,
        phase=task.phase,
        generation=task.generation,
        lineage=task.lineage,
        role=task.role,
        genome=task.genome,
        bits_per_byte=evaluation.bits_per_byte if evaluation else None,
        train_loss=result.train_loss,
        steps=result.steps,
        tokens=result.tokens,
        flops=result.training_flops,
        seconds=result.train_seconds + result.eval_seconds,
        skipped_steps=result.skipped_steps,
        status="halved" if was_stopped(task, result) else result.status,
        tokens_per_sec=result.tokens / result.train_seconds if result.train_seconds else 0.0,
    )
