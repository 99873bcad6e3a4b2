"""A configuration that changes between two generations: what a fork does to a state."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.intervention import with_settings
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from orchestrator.settings import Settings
from state.records import Ledger, LedgerLine, PhaseName


def apply_change(
    config: RunConfig, state: RunState, settings: Settings
) -> tuple[RunConfig, RunState]:
    """The run with other settings, at a place where nothing is reserved.

    Raises:
        ValueError: a setting breaks a rule, or the budget does not reach the phases that are left.
    """
    assert state.work is None
    changed = with_settings(config, settings)
    ledger = state.ledger
    if changed.budget != config.budget:
        ledger = _reallotted(config, state, changed.budget)
    if (changed.budget, changed.control) != (config.budget, config.control):
        arms = (LedgerLine(phase="control", allotted=changed.budget) for _ in changed.control)
        ledger = ledger.model_copy(update={"control": tuple(arms)})
    return changed, state.model_copy(update={"ledger": ledger})


def _reallotted(config: RunConfig, state: RunState, budget: int) -> Ledger:
    """The phases from the present one on share what is left as they shared it before."""
    shares = free_steps(config, state)
    spent = state.ledger.budget - sum(shares.values())
    least = spent + _least(shares)
    if not shares or budget < least:
        raise ValueError(
            f"budget = {budget}: {spent} steps are spent at this point and every phase that is "
            f"left needs one; give {least} or more"
        )
    parts = books.allot(budget - spent, shares)
    lines = tuple(
        line.model_copy(update={"allotted": line.settled + parts[line.phase]})
        if line.phase in parts
        else line
        for line in state.ledger.lines
    )
    return state.ledger.model_copy(update={"budget": budget, "lines": lines})


def free_steps(config: RunConfig, state: RunState) -> dict[PhaseName, int]:
    """Steps that are not spent, by phase, from the present phase on; phases without any are out."""
    ahead = [phase.name for phase in phases_of(config)][state.phase_index :]
    free = {name: books.remaining(state.ledger, name) for name in ahead}
    return {name: steps for name, steps in free.items() if steps}


def _least(shares: dict[PhaseName, int]) -> int:
    """Fewest steps of which each share gets one."""
    steps = len(shares)
    while shares and not all(books.allot(steps, shares).values()):
        steps += 1
    return steps
