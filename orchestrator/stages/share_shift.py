"""Where Primordial ends: what the run is short of, and which steps change hands because of it."""

from typing import NamedTuple

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.regime import GAP_GROWTH, MANY_PASSES, regime_of, shifted
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
    ledger, moved = shifted(config, state.ledger, state.lineages, regime)
    adjustments = moves(state.ledger, ledger)
    reason = f"{in_words(regime)}: {_consequence(regime, moved)}"
    decision = Decision(
        phase="primordial",
        generation=state.generation - 1,
        kind="adapt" if adjustments else "continue",
        reason=reason,
        numbers=_numbers(regime) | {"moved_steps": float(moved)},
        adjustments=adjustments,
    )
    event = Event(kind="regime", data={"regime": regime.kind, "reason": reason, "moved": moved})
    told = (*state.decisions, decision)
    state = state.model_copy(update={"ledger": ledger, "regime": regime, "decisions": told})
    return ShareShift(state, decision, event)


def moves(before: Ledger, after: Ledger) -> tuple[Adjustment, ...]:
    """The phases whose steps are not what they were."""
    pairs = ((line, books.line(after, line.phase)) for line in before.lines)
    return tuple(
        Adjustment(setting=f"{old.phase} steps", before=old.allotted, after=new.allotted)
        for old, new in pairs
        if old.allotted != new.allotted
    )


def in_words(regime: Regime) -> str:
    """What was compared."""
    few = regime.passes < MANY_PASSES
    short_of = "text" if regime.kind == "overfit_limited" else "steps"
    passes = f"the budget passes over the text {regime.passes:.1f} times, "
    passes += f"{'under' if few else 'not under'} {MANY_PASSES:g}"
    if regime.gap_growth is None:
        return f"short of {short_of}: {passes}"
    return (
        f"short of {short_of}: {passes}, and search less training loss grew by "
        f"{regime.gap_growth:+.3f} nats in the phase, limit {GAP_GROWTH:g}"
    )


def _consequence(regime: Regime, moved: int) -> str:
    effort = effort_in_words(regime)
    if regime.kind == "overfit_limited":
        if not moved:
            return f"no step changes hands; {effort}"
        return f"{moved} steps of Cambrian make the host's half; {effort}"
    if not moved:
        return f"the lineages hold no step more than they need; {effort}"
    kept = "one short generation a phase" if regime.tried_in_vain else "what they need"
    return f"the lineages keep {kept}, {moved} steps go to the host; {effort}"


def _numbers(regime: Regime) -> dict[str, float]:
    numbers = {"passes": regime.passes, "passes_limit": MANY_PASSES}
    if regime.gap_growth is not None:
        numbers |= {"gap_growth": regime.gap_growth, "gap_limit": GAP_GROWTH}
    return numbers
