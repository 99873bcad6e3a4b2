"""How much a phase searches, by what the run has found so far."""

from orchestrator.config import RunConfig
from orchestrator.phases import YIELDING, Effort
from orchestrator.run_state import RunState
from state.records import PhaseName


def effort_of(state: RunState, config: RunConfig, phase: PhaseName) -> Effort:
    """Of the phase's search. Once it is known what the run is short of, its steps are to train
    models: the fewest challengers, and none where all before them were tried in vain.
    """
    if state.regime is None or phase not in YIELDING:
        return "full"
    enough, counts = config.evolution.idle_after, state.counts
    in_vain = not counts.accepted and counts.evaluated >= enough > 0
    return "none" if in_vain else "lean"


def effort_in_words(state: RunState, config: RunConfig) -> str:
    """What Cambrian and Oxidation are going to search with, once a run's regime is known."""
    if effort_of(state, config, "cambrian") == "none":
        return f"no challengers, as none of the {state.counts.evaluated} tried was accepted"
    return "the fewest challengers"
