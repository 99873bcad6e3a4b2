"""One chunk of a single model's training: the host of the last phases, or a control arm."""

from math import ceil

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.detectors.evidence import Evidence, MemberEvidence
from orchestrator.detectors.panel import inspect_all
from orchestrator.run_state import HostState, OpenWork, RunState
from orchestrator.schedule import host_span
from orchestrator.stages.conclusion import (
    Conclusion,
    Event,
    charge,
    evaluation_of,
    member_record,
    missing,
    phase_of,
    work_of,
)
from orchestrator.stages.current import current_phase
from orchestrator.stages.host_decision import decide, set_back
from orchestrator.stages.host_progress import (
    host_of,
    host_progress,
    host_steps,
    steps_left,
)
from orchestrator.stages.host_task import averaged_of, best_of, host_task, mean_settings
from orchestrator.stages.teaching import (
    chunk_cost,
    lesson_weight,
    table_due,
    teachers_of,
    whole_steps,
)
from state.results import TrainingResult
from state.tasks import Task, TrainingTask


def open_work(state: RunState, config: RunConfig) -> RunState:
    """Reserve and list the next chunk; nothing when not one whole step is left."""
    phase, host, left = current_phase(state, config), host_of(state), steps_left(state, config)
    steps = min(chunk_steps(state, config), whole_steps(state, config, host, left))
    cost = chunk_cost(state, config, host, steps)
    tasks = (_task(state, config, steps),) if steps else ()
    ledger = state.ledger
    if phase != "control":
        ledger = books.reserve(ledger, phase, cost)
    return state.model_copy(update={"work": OpenWork(tasks=tasks, reserved=cost), "ledger": ledger})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """The chunk, if it has no result."""
    return missing(state, work_of(state).tasks)


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """Book the chunk, keep the best model, look for trouble, decide."""
    tasks = work_of(state).tasks
    if not tasks:
        return Conclusion(state=_ended(state, config))
    task, result = tasks[0], work_of(state).results[0]
    assert isinstance(result, TrainingResult)
    after = _booked(state, config, result)
    host = _trained(state, config, result)
    after = after.model_copy(update={"host": host, "generation": state.generation + 1})
    findings = inspect_all(evidence_of(host, result))
    after, decision = decide(after, config, findings, result)
    if steps_left(after, config) == 0 or decision.kind == "advance":
        after = _ended(after, config)
    else:
        after = after.model_copy(update={"work": None})
    bits = host.history[-1][1] if host.history else None
    event = Event(
        kind="chunk",
        data={"phase": decision.phase, "host": host.name, "age": host.age_steps, "bits": bits},
    )
    return Conclusion(
        state=after,
        members=(member_record(task, result),),
        findings=findings,
        decisions=(decision,),
        events=(event,),
    )


def chunk_steps(state: RunState, config: RunConfig) -> int:
    """Steps between two evaluations: scaled down on small budgets."""
    phase = current_phase(state, config)
    if phase == "control":
        total = state.ledger.control[state.control_index].allotted
        return max(1, min(config.host.eval_interval, ceil(total / 16)))
    total = books.line(state.ledger, phase).allotted - phase_of(state).settled_before
    unread = host_of(state).model_copy(update={"table_read": False})
    total = whole_steps(state, config, unread, total)
    return max(1, min(config.host.eval_interval, ceil(total / config.host.chunks_per_phase)))


def _task(state: RunState, config: RunConfig, steps: int) -> TrainingTask:
    host, phase = host_of(state), current_phase(state, config)
    learning_rate = host_span(
        config,
        phase,
        age_steps=host.age_steps,
        progress=host_progress(state, config, steps),
        decay_from=host.decay_from,
    )
    # The batches of a control follow from the seed alone, not from what the run did before it.
    stream = host.failures if phase == "control" else state.generation
    task = host_task(state, config, phase, steps=steps, stream=stream, learning_rate=learning_rate)
    update = {
        "teachers": teachers_of(state, config),
        "teacher_weight": lesson_weight(state, config),
        "teaching": host.teaching,
        "dropout": dropout_of(state, config),
        "reads_table": bool(table_due(state, config, host)),
    }
    end = host_progress(state, config, steps)[1]
    mean = mean_settings(config, total_steps=host_steps(state, config), end=end)
    return task.model_copy(update={**update, **mean})


def dropout_of(state: RunState, config: RunConfig) -> float:
    """What keeps the model from learning its text by heart. Lessons do that for a host, and with
    both it learns less of them; one that nobody teaches needs what a single model needs.
    """
    host, settings = host_of(state), phase_of(state).settings
    alone = config.host.untaught_dropout
    if alone is None or host.teachers or current_phase(state, config) == "control":
        return settings.dropout
    return max(settings.dropout, alone)


def _booked(state: RunState, config: RunConfig, result: TrainingResult) -> RunState:
    phase, cost = current_phase(state, config), work_of(state).reserved
    ledger = charge(state)
    if result.steps < work_of(state).tasks[0].steps:
        cost = chunk_cost(state, config, host_of(state), result.steps)
    if phase == "control":
        ledger = books.settle_control(ledger, state.control_index, cost)
    else:
        ledger = books.settle(ledger, phase, cost)
    return state.model_copy(update={"ledger": ledger})


def _trained(state: RunState, config: RunConfig, result: TrainingResult) -> HostState:
    """The host after the chunk. A chunk that could not be used leaves the weights alone."""
    host = host_of(state)
    if result.steps and table_due(state, config, host):
        host = host.model_copy(update={"table_read": True})
    measured = evaluation_of(result.evaluations, "search")
    if result.status != "trained" or measured is None or result.checkpoint is None:
        return set_back(host, result)
    age = host.age_steps + result.steps
    before_decay = {"before_decay": result.checkpoint, "before_decay_age": age}
    end = host_progress(state, config, result.steps)[1]
    host = host.model_copy(
        update={
            "checkpoint": result.checkpoint,
            "age_steps": age,
            "done_steps": host.done_steps + result.steps,
            "lost": 0,
            "history": (*host.history, (age, measured.bits_per_byte, result.train_loss)),
            **(before_decay if end <= host.decay_from else {}),
        }
    )
    phase, averaged = current_phase(state, config), averaged_of(result)
    best = best_of(host, measured, phase, state.generation, averaged)
    return host.model_copy(update={"best": best})


def evidence_of(host: HostState, result: TrainingResult) -> Evidence:
    """What the detectors are told of a single model."""
    member = MemberEvidence(
        member_id=host.name,
        lineage=host.lineage,
        role="host",
        train_loss=result.train_loss,
        search_loss=None,
        steps=result.steps,
        skipped_steps=result.skipped_steps,
    )
    return Evidence(members=(member,), host_history=host.history)


def _ended(state: RunState, config: RunConfig) -> RunState:
    """The end of a phase or of a control arm: the best kept model goes on.

    Steps that cannot be used whole (a teacher's share of one) go to Homeostasis. Each phase
    begins with its full learning rate, so failures are counted anew.
    """
    host, phase = host_of(state), current_phase(state, config)
    ledger = state.ledger
    if phase == "endosymbiosis":
        left = books.remaining(ledger, phase)
        ledger = books.transfer(ledger, phase, "homeostasis", left)
    if host.best is not None and phase != "control":
        host = host.model_copy(
            update={
                "checkpoint": host.best.trained or host.best.checkpoint,
                "age_steps": host.best.age_steps,
            }
        )
    host = host.model_copy(update={"failures": 0})
    stage = "control" if phase == "control" else "phase_end"
    return state.model_copy(update={"host": host, "ledger": ledger, "stage": stage, "work": None})
