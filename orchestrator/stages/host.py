"""One chunk of a single model's training: the host of the last phases, or a control arm."""

from math import ceil

from orchestrator import ledger as books
from orchestrator.adaptation import has_response, respond
from orchestrator.config import RunConfig
from orchestrator.detectors.evidence import Evidence, MemberEvidence
from orchestrator.detectors.panel import inspect_all
from orchestrator.phases import phases_of
from orchestrator.run_state import Dormant, HostState, OpenWork, PhaseState, RunState
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
from orchestrator.stages.teaching import chunk_cost, teachers_of, whole_steps
from state.records import Adjustment, Decision, Finding, PhaseName
from state.tasks import BatchKey, Task, TrainingResult, TrainingTask


class HostDivergedError(RuntimeError):
    """The host could not be trained, not even with half its learning rate."""


def host_of(state: RunState) -> HostState:
    """The model that is being trained."""
    assert state.host is not None
    return state.host


def current_phase(state: RunState, config: RunConfig) -> PhaseName:
    """The host's phase; a control arm is none of the six."""
    if state.phase_index >= len(phases_of(config)):
        return "control"
    return phases_of(config)[state.phase_index].name


def steps_left(state: RunState, config: RunConfig) -> int:
    """Member-steps left to this phase, or to this control arm."""
    phase = current_phase(state, config)
    if phase != "control":
        return books.remaining(state.ledger, phase)
    entry = state.ledger.control[state.control_index]
    return entry.allotted - entry.settled


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
    findings = inspect_all(_evidence(host, result))
    after, decision = _decide(after, config, findings, result)
    if steps_left(after, config) == 0:
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
    total = books.line(state.ledger, phase).allotted
    return max(1, min(config.host.eval_interval, ceil(total / config.host.chunks_per_phase)))


def host_progress(state: RunState, config: RunConfig, steps: int) -> tuple[float, float]:
    """Share of the host's steps that lie behind it before and after `steps` more.

    What is still to come is what the ledger leaves to this phase and to the later ones.
    """
    host = host_of(state)
    ahead = whole_steps(state, config, host, steps_left(state, config))
    phase = current_phase(state, config)
    names = [one.name for one in phases_of(config)]
    if phase != "control":
        ahead += sum(books.remaining(state.ledger, name) for name in names[state.phase_index + 1 :])
    total = max(1, host.done_steps + ahead)
    return host.done_steps / total, min(1.0, (host.done_steps + steps) / total)


def _task(state: RunState, config: RunConfig, steps: int) -> TrainingTask:
    host, settings = host_of(state), phase_of(state).settings
    phase = current_phase(state, config)
    control = phase == "control"
    return TrainingTask(
        task_id=f"g{state.generation:05d}-{host.name}",
        phase=phase,
        generation=state.generation,
        lineage=host.lineage,
        role="control" if control else "host",
        genome=host.genome,
        parent=host.checkpoint,
        parent_genome=host.genome,
        init_seed=host.init_seed,
        first_step=host.age_steps + 1,
        steps=steps,
        batches=BatchKey(
            seed=config.seed,
            lineage=host.lineage,
            generation=state.generation,
            purpose=host.name,
        ),
        learning_rate=host_span(
            config,
            phase,
            age_steps=host.age_steps,
            progress=host_progress(state, config, steps),
            decay_from=host.decay_from,
        ),
        lr_scale=settings.lr_scale,
        clip_scale=settings.clip_scale,
        dropout=settings.dropout,
        teachers=teachers_of(state, config),
        teacher_weight=host.teacher_weight if teachers_of(state, config) else 0.0,
        threads=config.engine.host_threads or 1,
    )


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
    measured = evaluation_of(result.evaluations, "search")
    if result.status != "trained" or measured is None or result.checkpoint is None:
        return host.model_copy(update={"failures": host.failures + 1})
    age = host.age_steps + result.steps
    copy = Dormant(
        genome=host.genome,
        checkpoint=result.checkpoint,
        evaluation=measured,
        lineage=host.lineage,
        phase=current_phase(state, config),
        generation=state.generation,
        age_steps=age,
        parents=host.best.parents if host.best else (),
    )
    better = host.best is None or measured.bits_per_byte < host.best.evaluation.bits_per_byte
    before_decay = {"before_decay": result.checkpoint, "before_decay_age": age}
    end = host_progress(state, config, result.steps)[1]
    return host.model_copy(
        update={
            "checkpoint": result.checkpoint,
            "age_steps": age,
            "done_steps": host.done_steps + result.steps,
            "history": (*host.history, (age, measured.bits_per_byte, result.train_loss)),
            "best": copy if better else host.best,
            **(before_decay if end <= host.decay_from else {}),
        }
    )


def _evidence(host: HostState, result: TrainingResult) -> Evidence:
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


def _decide(
    state: RunState, config: RunConfig, findings: tuple[Finding, ...], result: TrainingResult
) -> tuple[RunState, Decision]:
    """Answer a finding once its cooldown is over; give up on a host that diverges twice."""
    phase, ongoing, host = current_phase(state, config), phase_of(state), host_of(state)
    if host.failures > 1:
        raise HostDivergedError(
            f"{host.name} diverged twice in {phase}, the second time with half its learning rate; "
            "lower --lr and resume from the last commit"
        )
    adjustments: tuple[Adjustment, ...] = ()
    if result.status != "trained":
        ongoing, adjustments = _halve_rate(ongoing)
        kind, reason = "adapt", f"{result.skipped_steps} of {result.steps} steps were unusable"
    elif answerable := [one for one in findings if has_response(one)]:
        if ongoing.cooldown_left == 0:
            kind, reason = "adapt", "; ".join(one.reason for one in answerable)
            state, ongoing, adjustments = _respond(state, config, answerable)
        else:
            kind, reason = "continue", "the last change has not had its time yet"
    else:
        kind, reason = "continue", "nothing calls for a change"
    cooldown = 3 if kind == "adapt" else max(0, ongoing.cooldown_left - 1)
    bits = host.history[-1][1] if host.history else 0.0
    decision = Decision.model_validate(
        {
            "phase": phase,
            "generation": state.generation - 1,
            "kind": kind,
            "reason": reason,
            "numbers": {"steps_left": float(steps_left(state, config)), "bits_per_byte": bits},
            "adjustments": adjustments,
        }
    )
    ongoing = ongoing.model_copy(
        update={"cooldown_left": cooldown, "findings": (*ongoing.findings, *findings)}
    )
    update = {
        "phase": ongoing,
        "decisions": (*state.decisions, decision) if kind != "continue" else state.decisions,
        "last_decision": decision,
    }
    return state.model_copy(update=update), decision


def _halve_rate(phase: PhaseState) -> tuple[PhaseState, tuple[Adjustment, ...]]:
    before = phase.settings.lr_scale
    settings = phase.settings.model_copy(update={"lr_scale": before / 2})
    change = Adjustment(setting="lr_scale", before=before, after=before / 2)
    return phase.model_copy(update={"settings": settings}), (change,)


def _respond(
    state: RunState, config: RunConfig, findings: list[Finding]
) -> tuple[RunState, PhaseState, tuple[Adjustment, ...]]:
    phase, host = phase_of(state), host_of(state)
    settings = phase.settings
    adjustments: list[Adjustment] = []
    configured = phases_of(config)[min(state.phase_index, len(phases_of(config)) - 1)]
    for finding in findings:
        settings, changes = respond(finding, settings, configured, config.evolution)
        adjustments += changes
        if finding.detector == "host_overfitting":
            now = host_progress(state, config, 0)[0]
            adjustments.append(Adjustment(setting="decay_from", before=host.decay_from, after=now))
            host = host.model_copy(update={"decay_from": min(host.decay_from, now)})
    phase = phase.model_copy(update={"settings": settings})
    return state.model_copy(update={"host": host}), phase, tuple(adjustments)


def _ended(state: RunState, config: RunConfig) -> RunState:
    """The end of a phase or of a control arm: the best kept model goes on.

    Steps that cannot be used whole (a teacher's share of one) go to Homeostasis.
    """
    host, phase = host_of(state), current_phase(state, config)
    ledger = state.ledger
    if phase == "endosymbiosis":
        left = books.remaining(ledger, phase)
        ledger = books.transfer(ledger, phase, "homeostasis", left)
    if host.best is not None and phase != "control":
        host = host.model_copy(
            update={"checkpoint": host.best.checkpoint, "age_steps": host.best.age_steps}
        )
    stage = "control" if phase == "control" else "phase_end"
    return state.model_copy(update={"host": host, "ledger": ledger, "stage": stage, "work": None})
