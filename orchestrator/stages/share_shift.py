"""Where Primordial ends: what the run is short of, and which steps change hands because of it."""

from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.regime import GAP_GROWTH, Shift, regime_of, shifted
from orchestrator.passes import MANY_PASSES, MANY_STEPS
from orchestrator.run_state import Regime, RunState
from orchestrator.stages.conclusion import Event
from orchestrator.stages.current import current_phase
from orchestrator.stages.effort import effort_in_words, tried_in_vain
from state.records import Adjustment, Decision, Ledger


class ShareShift(NamedTuple):
    """The run with its steps spread anew, and what is told of it."""

    state: RunState
    decision: Decision
    event: Event


def shift_shares(state: RunState, config: RunConfig) -> ShareShift | None:
    """What the end of Primordial decides about the phases after it; None at any other place."""
    if current_phase(state, config) != "primordial":
        return None
    regime = regime_of(config, state.lineages)
    if regime is None:
        return None
    regime = regime.model_copy(update={"tried_in_vain": tried_in_vain(state, config)})
    living = sum(one.alive for one in state.lineages)
    shift = shifted(config, state.ledger, living, regime)
    adjustments = moves(state.ledger, shift.ledger)
    reason = f"{in_words(regime, config.budget)}: {_consequence(regime, shift)}"
    decision = Decision(
        phase="primordial",
        generation=state.generation - 1,
        kind="adapt" if adjustments else "continue",
        reason=reason,
        numbers=_numbers(regime, config.budget) | {"moved_steps": float(shift.moved)},
        adjustments=adjustments,
    )
    told = {"regime": regime.kind, "reason": reason, "moved": shift.moved}
    event = Event(kind="regime", data=told)
    update = {
        "ledger": shift.ledger,
        "regime": regime,
        "decisions": (*state.decisions, decision),
    }
    return ShareShift(state.model_copy(update=update), decision, event)


def moves(before: Ledger, after: Ledger) -> tuple[Adjustment, ...]:
    """The phases whose steps are not what they were."""
    pairs = ((line, books.line(after, line.phase)) for line in before.lines)
    return tuple(
        Adjustment(setting=f"{old.phase} steps", before=old.allotted, after=new.allotted)
        for old, new in pairs
        if old.allotted != new.allotted
    )


def in_words(regime: Regime, budget: int) -> str:
    """What was compared."""
    short_of = "text" if regime.kind == "overfit_limited" else "steps"
    few = "under" if regime.passes < MANY_PASSES else "not under"
    compared = [f"the budget passes over the text {regime.passes:.1f} times, {few} {MANY_PASSES:g}"]
    if budget < MANY_STEPS:
        compared.append(f"it has {budget:,} steps, under {MANY_STEPS:,}")
    if regime.gap_growth is not None:
        compared.append(
            f"search less training loss grew by {regime.gap_growth:+.3f} nats in the phase, "
            f"limit {GAP_GROWTH:g}"
        )
    return f"short of {short_of}: {', and '.join(compared)}"


def _consequence(regime: Regime, shift: Shift) -> str:
    effort, moved = effort_in_words(regime, shift.searching), shift.moved
    if regime.kind == "overfit_limited":
        if not moved:
            return f"no step changes hands; {effort}"
        return f"{moved} steps of Cambrian make the host's half; {effort}"
    if not moved:
        return f"the lineages hold no step more than they need; {effort}"
    kept = "what they need" if shift.searching else "one short generation a phase"
    return f"the lineages keep {kept}, {moved} steps go to the host; {effort}"


def _numbers(regime: Regime, budget: int) -> dict[str, float]:
    numbers = {"passes": regime.passes, "passes_limit": MANY_PASSES}
    numbers |= {"budget": budget, "steps_limit": MANY_STEPS}
    if regime.gap_growth is not None:
        numbers |= {"gap_growth": regime.gap_growth, "gap_limit": GAP_GROWTH}
    return numbers
