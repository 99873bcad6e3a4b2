"""How much a phase searches, by what the run has found so far."""

from orchestrator.config import RunConfig
from orchestrator.evolution.regime import SEARCH_SHARE, is_dear
from orchestrator.passes import deciding_passes, is_short_of_steps
from orchestrator.phases import YIELDING, Effort, challengers_in_vain
from orchestrator.run_state import Regime, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import current_phase
from state.records import PhaseName


def tried_in_vain(state: RunState, config: RunConfig) -> int:
    """Challengers of Primordial, which is going on or has just ended, where they are enough to end
    the search and none was accepted; else 0, as where the shares are to stay.
    """
    if current_phase(state, config) != "primordial" or deciding_passes(config) is None:
        return 0
    tried, enough = phase_of(state).num_challengers, challengers_in_vain(config)
    return tried if enough and tried >= enough and not state.counts.accepted else 0


def extensions_of(state: RunState, config: RunConfig, generation_cost: int) -> int:
    """How often a phase may go on after an acceptance; not at all where steps are short and one
    more generation takes much of the budget.
    """
    short = state.regime.kind == "compute_limited" if state.regime else is_short_of_steps(config)
    dear = is_dear(generation_cost, config.budget)
    return 0 if short and dear else config.evolution.max_extensions


def effort_of(state: RunState, config: RunConfig, phase: PhaseName) -> Effort:
    """Of the phase's search. Once it is known what the run is short of, its steps are to train
    models: the fewest challengers, and none where all of Primordial's were tried in vain.
    """
    if state.regime is None or phase not in YIELDING:
        return "full"
    goes_on = not config.evolution.idle_after or not state.regime.tried_in_vain
    return "lean" if goes_on else "none"


def effort_in_words(regime: Regime, searching: tuple[PhaseName, ...]) -> str:
    """What Cambrian and Oxidation are going to search with."""
    if regime.tried_in_vain:
        return f"no challengers, as none of the {regime.tried_in_vain} tried was accepted"
    if not searching:
        return (
            f"no challengers, as a phase of them would cost over {SEARCH_SHARE:.1%} of the budget"
        )
    if len(searching) < len(YIELDING):
        return f"the fewest challengers, and only in {searching[0]}"
    return "the fewest challengers"
