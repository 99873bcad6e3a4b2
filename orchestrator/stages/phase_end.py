"""The end of a phase: run the battery, judge, keep the best copies, and move on."""

from orchestrator import ledger as books
from orchestrator.config import PhaseConfig, RunConfig
from orchestrator.gates.phase_gate import judge, paired_deficit
from orchestrator.phases import phases_of
from orchestrator.run_state import Dormant, Gate, OpenWork, PhaseSummary, RunState
from orchestrator.stages.conclusion import (
    Conclusion,
    Event,
    missing,
    phase_of,
    result_of,
)
from orchestrator.stages.host_progress import host_of
from orchestrator.stages.search_decision import best_dormant, floor_steps, restore
from state.records import BatteryReport, Decision
from state.seeds import derive_seed
from state.tasks import BatteryResult, BatteryTask, Task


def open_work(state: RunState, config: RunConfig) -> RunState:
    """The battery costs no member-steps."""
    return state.model_copy(update={"work": OpenWork()})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """The battery of the phase's champion."""
    best = champion(state, config)
    task = BatteryTask(
        task_id=_battery_id(state),
        phase=best.phase,
        generation=state.generation - 1,
        genome=best.genome,
        checkpoint=best.checkpoint,
        seed=derive_seed(config.seed, "battery"),
        threads=config.engine.host_threads or 1,
    )
    return missing(state, (task,))


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """Pass, retry or revert; then the next phase."""
    best, phase = champion(state, config), phases_of(config)[state.phase_index]
    result = result_of(state, _battery_id(state))
    report = result.report if isinstance(result, BatteryResult) else None
    gate = _gate(state, config, phase, best)
    decision = Decision(
        phase=phase.name,
        generation=state.generation - 1,
        kind=gate.verdict,
        reason=gate.reason,
        numbers={"bits_per_byte": best.evaluation.bits_per_byte},
    )
    summary = _summary(state, config, phase, best, report, gate)
    moved = _move(state, config, phase, best, gate)
    moved = moved.model_copy(
        update={"last_decision": decision, "summaries": (*moved.summaries, summary)}
    )
    event = Event(
        kind="gate",
        data={
            "phase": phase.name,
            "verdict": gate.verdict,
            "reason": gate.reason,
            "bits_per_byte": round(best.evaluation.bits_per_byte, 5),
            "formula": best.genome.formula,
        },
    )
    return Conclusion(state=moved, decisions=(decision,), battery=report, events=(event,))


def champion(state: RunState, config: RunConfig) -> Dormant:
    """The best model that the phase leaves behind."""
    phase = phases_of(config)[state.phase_index]
    if phase.kind == "host":
        best = host_of(state).best
        assert best is not None
        return best.model_copy(update={"phase": phase.name})
    return min(
        champions(state, config), key=lambda one: (one.evaluation.bits_per_byte, one.lineage)
    )


def champions(state: RunState, config: RunConfig) -> list[Dormant]:
    """The champion of every living lineage."""
    phase = phases_of(config)[state.phase_index]
    return [
        Dormant(
            genome=one.genome,
            checkpoint=one.checkpoint,
            evaluation=one.evaluation,
            lineage=one.index,
            phase=phase.name,
            generation=state.generation,
            age_steps=one.age_steps,
            parents=one.parents,
        )
        for one in state.lineages
        if one.alive and one.checkpoint is not None and one.evaluation is not None
    ]


def _battery_id(state: RunState) -> str:
    return f"g{state.generation:05d}-p{state.phase_index}-battery"


def retry_cost(state: RunState, config: RunConfig, phase: PhaseConfig) -> int | None:
    """Steps of a second attempt; None when it was retried, is no search or cannot be paid."""
    ongoing = phase_of(state)
    cost = books.line(state.ledger, phase.name).allotted
    rest = books.remaining(state.ledger, "endosymbiosis") - cost
    if phase.kind != "search" or ongoing.retries > 0 or rest < floor_steps(config):
        return None
    return cost


def _gate(state: RunState, config: RunConfig, phase: PhaseConfig, best: Dormant) -> Gate:
    deficit = None
    if state.dormant:
        deficit = paired_deficit(
            best.evaluation,
            best_dormant(state).evaluation,
            config.gate,
            derive_seed(config.seed, "gate", state.phase_index),
        )
    gate = judge(
        deficit,
        config=config.gate,
        may_retry=retry_cost(state, config, phase) is not None,
        has_dormant=bool(state.dormant),
    )
    if phase.kind != "search" or any(phase_of(state).accepted_history):
        return gate
    return gate.model_copy(update={"reason": f"{gate.reason}; no genome was accepted"})


def _summary(
    state: RunState,
    config: RunConfig,
    phase: PhaseConfig,
    best: Dormant,
    report: BatteryReport | None,
    gate: Gate,
) -> PhaseSummary:
    ongoing = phase_of(state)
    settled = books.line(state.ledger, phase.name).settled
    told = sum(one.steps for one in state.summaries if one.name == phase.name)
    return PhaseSummary(
        name=phase.name,
        steps=settled - told,
        generations=state.generation - ongoing.first_generation,
        bits_per_byte=best.evaluation.bits_per_byte,
        battery=report.composite if report else None,
        gate=gate,
        decisions=tuple(one for one in state.decisions if one.kind != "continue"),
        findings=ongoing.findings,
        note=ongoing.fit.note if ongoing.fit else "",
    )


def _move(
    state: RunState, config: RunConfig, phase: PhaseConfig, best: Dormant, gate: Gate
) -> RunState:
    """Where the run goes from here."""
    if gate.verdict == "retry":
        return _retried(state, config, phase)
    if gate.verdict == "revert":
        state = _reverted(state, phase)
    else:
        state = state.model_copy(update={"dormant": _kept(state, config, phase, best)})
    return _next_phase(state, config)


def _retried(state: RunState, config: RunConfig, phase: PhaseConfig) -> RunState:
    """From the lineages as the phase found them, with half the learning rate, once."""
    ongoing = phase_of(state)
    cost = retry_cost(state, config, phase)
    assert cost is not None
    ledger = books.transfer(state.ledger, "endosymbiosis", phase.name, cost)
    settings = ongoing.settings.model_copy(update={"lr_scale": ongoing.settings.lr_scale / 2})
    again = ongoing.model_copy(
        update={
            "settings": settings,
            "first_generation": state.generation,
            "retries": 1,
            "settled_before": books.line(ledger, phase.name).settled,
            "closing": False,
            "failed_generations": 0,
            "best_history": (),
            "accepted_history": (),
            "distance_history": (),
            "findings": (),
        }
    )
    return state.model_copy(
        update={
            "ledger": ledger,
            "lineages": ongoing.start_lineages,
            "oscillators": ongoing.start_oscillators,
            "phase": again,
            "stage": "generation",
            "work": None,
            "decisions": (),
        }
    )


def _reverted(state: RunState, phase: PhaseConfig) -> RunState:
    copy = best_dormant(state)
    if phase.kind != "host":
        return restore(state, copy)
    host = host_of(state).model_copy(
        update={
            "genome": copy.genome,
            "checkpoint": copy.checkpoint,
            "age_steps": copy.age_steps,
            "lineage": copy.lineage,
            "best": copy,
            "before_decay": copy.checkpoint,
            "before_decay_age": copy.age_steps,
        }
    )
    return state.model_copy(update={"host": host})


def _kept(
    state: RunState, config: RunConfig, phase: PhaseConfig, best: Dormant
) -> tuple[Dormant, ...]:
    """The best distinct champions so far, best first."""
    new = [best] if phase.kind == "host" else champions(state, config)
    ranked = sorted(
        {one.checkpoint: one for one in (*state.dormant, *new)}.values(),
        key=lambda one: (one.evaluation.bits_per_byte, one.checkpoint),
    )
    return tuple(ranked[: config.evolution.num_dormant])


def _next_phase(state: RunState, config: RunConfig) -> RunState:
    """The next phase; after the last the winner is known and the controls follow."""
    index = state.phase_index + 1
    update: dict[str, object] = {"phase_index": index, "work": None, "decisions": ()}
    if index < len(phases_of(config)):
        return state.model_copy(update={**update, "stage": "phase_start"})
    host = host_of(state)
    ended = {"stage": "control", "winner": host.best, "final_host": host, "host": None}
    return state.model_copy(update={**update, **ended})
