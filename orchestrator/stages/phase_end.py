"""The end of a phase: run the battery, judge, tell what was decided, and move on."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.gates.phase_gate import Deficit, judge, paired_deficit
from orchestrator.phases import phases_of
from orchestrator.run_state import Dormant, Gate, OpenWork, PhaseState, PhaseSummary, RunState
from orchestrator.stages.conclusion import Conclusion, Event, missing, phase_of, result_of
from orchestrator.stages.host_progress import host_of
from orchestrator.stages.phase_move import leave
from orchestrator.stages.retry import Retry, adjustments, begin_again, offer
from orchestrator.stages.search_decision import best_dormant
from orchestrator.stages.share_shift import shift_shares
from orchestrator.stages.training import phase_name
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
    """Pass or revert, and on to the next phase; or the same phase once more.

    Where Primordial is left, the shares of the phases after it may shift.
    """
    best, offered = champion(state, config), offer(state, config)
    gate = _gate(state, config, best, offered if isinstance(offered, str) else "")
    decision, report = _decision(state, config, best, gate), _battery(state)
    events = (_event(decision, best),)
    if gate.verdict == "retry":
        assert isinstance(offered, Retry)
        after, shift = begin_again(state, config, offered), None
        decision = decision.model_copy(update={"adjustments": adjustments(state, after)})
    else:
        shift = shift_shares(state, config)
        state = shift.state if shift else state
        after = leave(state, config, gate, _candidates(state, config, best))
    decisions = (decision, shift.decision) if shift else (decision,)
    summaries = (*after.summaries, _summary(state, config, best, report, gate))
    return Conclusion(
        state=after.model_copy(
            update={"last_decision": decisions[-1], "summaries": summaries},
        ),
        decisions=decisions,
        battery=report,
        events=(*events, shift.event) if shift else events,
    )


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


def _candidates(state: RunState, config: RunConfig, best: Dormant) -> list[Dormant]:
    is_host = phases_of(config)[state.phase_index].kind == "host"
    return [best] if is_host else champions(state, config)


def _battery_id(state: RunState) -> str:
    return f"g{state.generation:05d}-p{state.phase_index}-battery"


def _battery(state: RunState) -> BatteryReport | None:
    result = result_of(state, _battery_id(state))
    return result.report if isinstance(result, BatteryResult) else None


def _gate(state: RunState, config: RunConfig, best: Dormant, refusal: str) -> Gate:
    deficit = None
    if state.dormant:
        deficit = paired_deficit(
            best.evaluation,
            best_dormant(state).evaluation,
            config.gate,
            derive_seed(config.seed, "gate", state.phase_index),
        )
    gate = judge(deficit, config=config.gate, refusal=refusal)
    if phases_of(config)[state.phase_index].kind != "search":
        return gate
    missed = _no_progress(phase_of(state), deficit)
    return gate.model_copy(update={"reason": f"{gate.reason}; {missed}"}) if missed else gate


def _no_progress(ongoing: PhaseState, deficit: Deficit | None) -> str | None:
    """Why a search phase has shown neither a better model nor an accepted genome; None where it
    has.
    """
    if any(ongoing.accepted_history) or (deficit is not None and deficit.high < 0):
        return None
    if ongoing.fit is None or not ongoing.fit.null_pairs:
        return "no progress is shown: the lineages trained without challengers"
    tried = ongoing.num_challengers
    if not tried:
        return "no progress is shown: no lineage was old enough for challengers"
    return f"no progress is shown: none of {tried} challengers was better than the noise"


def _decision(state: RunState, config: RunConfig, best: Dormant, gate: Gate) -> Decision:
    return Decision(
        phase=phase_name(state, config),
        generation=state.generation - 1,
        kind=gate.verdict,
        reason=gate.reason,
        numbers={"bits_per_byte": best.evaluation.bits_per_byte, **gate.numbers},
    )


def _event(decision: Decision, best: Dormant) -> Event:
    return Event(
        kind="gate",
        data={
            "phase": decision.phase,
            "verdict": decision.kind,
            "reason": decision.reason,
            "bits_per_byte": round(best.evaluation.bits_per_byte, 5),
            "formula": best.genome.formula,
        },
    )


def _summary(
    state: RunState, config: RunConfig, best: Dormant, report: BatteryReport | None, gate: Gate
) -> PhaseSummary:
    ongoing, name = phase_of(state), phase_name(state, config)
    settled = books.line(state.ledger, name).settled
    told = sum(one.steps for one in state.summaries if one.name == name)
    return PhaseSummary(
        name=name,
        steps=settled - told,
        generations=state.generation - ongoing.first_generation,
        first_generation=ongoing.first_generation,
        bits_per_byte=best.evaluation.bits_per_byte,
        battery=report.composite if report else None,
        gate=gate,
        decisions=tuple(one for one in state.decisions if one.kind != "continue"),
        findings=ongoing.findings,
        note=ongoing.fit.note if ongoing.fit else "",
    )
