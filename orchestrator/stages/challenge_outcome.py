"""What a challenger window leads to: who is best, who takes the model's place, what is told."""

from typing import NamedTuple

from orchestrator.config import RunConfig
from orchestrator.run_state import HostState, RunState
from orchestrator.stages.conclusion import (
    Event,
    evaluation_of,
    member_record,
    training_result,
    work_of,
)
from orchestrator.stages.host_progress import host_of
from orchestrator.stages.host_task import best_of
from state.records import Decision, Evaluation, MemberRecord
from state.results import TrainingResult
from state.tasks import TrainingTask


class Rival(NamedTuple):
    """A challenger that was trained and measured."""

    task: TrainingTask
    checkpoint: str
    measured: Evaluation


def results_of(state: RunState) -> dict[str, TrainingResult]:
    """By task; each has one."""
    found = {one.task_id: one for one in work_of(state).results if isinstance(one, TrainingResult)}
    return {task.task_id: found[task.task_id] for task in work_of(state).tasks}


def best_rival(state: RunState, tasks: list[TrainingTask]) -> Rival | None:
    """The challenger with the fewest bits; the first one of equals."""
    rivals = []
    for task in tasks:
        result = training_result(state, task.task_id)
        measured = evaluation_of(result.evaluations, "search") if result else None
        if result is not None and result.checkpoint is not None and measured is not None:
            rivals.append(Rival(task, result.checkpoint, measured))
    return min(rivals, key=lambda one: one.measured.bits_per_byte, default=None)


def is_better(state: RunState, config: RunConfig, host: HostState, rival: Rival) -> bool:
    """Against the model after the window; one that could not be trained keeps its place."""
    model, *_ = work_of(state).tasks
    if training_result(state, model.task_id) is None or host.last is None:
        return False
    limit = host.last.bits_per_byte * (1 - config.train.challenge.threshold)
    return rival.measured.bits_per_byte <= limit


def succeeded(state: RunState, heir: Rival, decision: Decision) -> RunState:
    """The state with the challenger in the model's place."""
    host = host_of(state)
    *before, (age, _, train_loss) = host.history
    bits = heir.measured.bits_per_byte
    update = {
        "genome": heir.task.genome,
        "checkpoint": heir.checkpoint,
        # An extension goes on from here, though the rate may be falling already.
        "before_decay": heir.checkpoint,
        "before_decay_age": host.age_steps,
        "last": heir.measured,
        "history": (*before, (age, bits, train_loss)),
    }
    host = host.model_copy(update=update)
    best = best_of(host, heir.measured, heir.task.phase, heir.task.generation)
    host = host.model_copy(update={"best": best})
    told = {"decisions": (*state.decisions, decision), "last_decision": decision}
    return state.model_copy(update={"host": host, **told})


def takeover(host: HostState, rival: Rival) -> Decision:
    """Why the challenger takes the place of the model."""
    assert host.last is not None
    own, other = host.last.bits_per_byte, rival.measured.bits_per_byte
    return Decision(
        phase=rival.task.phase,
        generation=rival.task.generation,
        kind="adapt",
        reason=(
            f"{rival.task.genome.formula} takes the place of {host.genome.formula}: "
            f"{100 * (own - other) / own:.1f} % fewer bits per byte after {rival.task.steps} steps"
        ),
        numbers={"bits_per_byte": own, "challenger_bits_per_byte": other},
    )


def member_records(
    state: RunState, results: dict[str, TrainingResult], heir: Rival | None
) -> tuple[MemberRecord, ...]:
    """The rows of all who took part."""
    model, *others = work_of(state).tasks
    rows = [member_record(model, results[model.task_id])]
    own = rows[0].bits_per_byte
    for task, origin in zip(others, work_of(state).proposals, strict=True):
        row = member_record(task, results[task.task_id])
        changes: dict[str, object] = {"operator": origin.operator, "parents": origin.parents}
        if own is not None and row.bits_per_byte is not None:
            changes["gain"] = own - row.bits_per_byte
        if heir is not None and task == heir.task:
            changes["status"] = "accepted"
        rows.append(row.model_copy(update=changes))
    return tuple(rows)


def progress(host: HostState, rival: Rival | None, count: int, *, taken: bool) -> Event:
    """One line of the log."""
    return Event(
        kind="challenge",
        data={
            "phase": "training",
            "step": host.age_steps,
            "challengers": count,
            "formula": rival.task.genome.formula if rival else None,
            "bits_per_byte": round(rival.measured.bits_per_byte, 5) if rival else None,
            "own_bits_per_byte": round(host.last.bits_per_byte, 5) if host.last else None,
            "goes_on": "the challenger" if taken else "the model",
        },
    )
