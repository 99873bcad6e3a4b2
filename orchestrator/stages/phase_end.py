"""The end of a phase: run the batteries, judge, tell what was decided, and move on."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.gates.phase_gate import Deficit, compare, judge
from orchestrator.gates.standing import ranked
from orchestrator.run_state import Dormant, Gate, OpenWork, PhaseState, PhaseSummary, RunState
from orchestrator.stages.battery_task import battery_task
from orchestrator.stages.conclusion import Conclusion, Event, missing, phase_of, result_of
from orchestrator.stages.current import configured_phase, current_phase
from orchestrator.stages.host_progress import host_of
from orchestrator.stages.phase_move import leave
from orchestrator.stages.retry import Retry, adjustments, begin_again, offer
from orchestrator.stages.share_shift import shift_shares
from state.records import BatteryReport, Decision
from state.results import BatteryResult
from state.seeds import derive_seed
from state.tasks import Task


def open_work(state: RunState, config: RunConfig) -> RunState:
    """The battery costs no member-steps."""
    return state.model_copy(update={"work": OpenWork()})


def pending(state: RunState, config: RunConfig) -> tuple[Task, ...]:
    """The battery of every champion."""
    tasks = tuple(
        battery_task(config, one, _battery_id(state, one), state.generation - 1)
        for one in candidates(state, config)
    )
    return missing(state, tasks)


def conclude(state: RunState, config: RunConfig) -> Conclusion:
    """Pass or revert, and on to the next phase; or the same phase once more.

    Where Primordial is left, the shares of the phases after it may shift.
    """
    tried = [_with_battery(state, one) for one in candidates(state, config)]
    best, offered = ranked(tried, config.gate)[0], offer(state, config)
    gate = _gate(state, config, best, offered if isinstance(offered, str) else "")
    decision, report = _decision(state, config, best, gate), _battery(state, best)
    events = (_event(decision, best),)
    if gate.verdict == "retry":
        assert isinstance(offered, Retry)
        after, shift = begin_again(state, config, offered), None
        decision = decision.model_copy(update={"adjustments": adjustments(state, after)})
    else:
        shift = shift_shares(state, config)
        state = shift.state if shift else state
        after = leave(state, config, gate, tried)
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


def candidates(state: RunState, config: RunConfig) -> list[Dormant]:
    """What the phase leaves behind: its host's best copy, else the champion of every lineage."""
    phase = configured_phase(state, config)
    if phase.kind != "host":
        return champions(state, config)
    best = host_of(state).best
    assert best is not None
    return [best.model_copy(update={"phase": phase.name})]


def champions(state: RunState, config: RunConfig) -> list[Dormant]:
    """The champion of every living lineage."""
    phase = configured_phase(state, config)
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


def _battery_id(state: RunState, one: Dormant) -> str:
    return f"g{state.generation:05d}-p{state.phase_index}-battery-{one.lineage}"


def _battery(state: RunState, one: Dormant) -> BatteryReport | None:
    result = result_of(state, _battery_id(state, one))
    return result.report if isinstance(result, BatteryResult) else None


def _with_battery(state: RunState, one: Dormant) -> Dormant:
    report = _battery(state, one)
    kept = report.model_copy(update={"samples": ()}) if report else None
    return one.model_copy(update={"battery": kept})


def _gate(state: RunState, config: RunConfig, best: Dormant, refusal: str) -> Gate:
    found = None
    if state.dormant:
        seed = derive_seed(config.seed, "gate", state.phase_index)
        found = compare(best, state.dormant, config.gate, seed)
    gate = judge(found, config=config.gate, refusal=refusal)
    if best.battery is None:
        gate = gate.model_copy(update={"reason": f"{gate.reason}; its writing could not be tried"})
    if configured_phase(state, config).kind != "search":
        return gate
    missed = _no_progress(phase_of(state), found.deficit if found else None)
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
        phase=current_phase(state, config),
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
    ongoing, name = phase_of(state), current_phase(state, config)
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
