"""How a search phase ends or goes on, and what it remembers of generations without challengers."""

import pytest

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.regime import SEARCH_SHARE
from orchestrator.phases import phases_of
from orchestrator.run_state import Regime, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import current_phase
from orchestrator.stages.effort import extensions_of
from orchestrator.stages.search_decision import apply, situation
from orchestrator.transitions import decide
from state.records import Decision
from tests.memory_runs import MemoryEngine, drive
from tests.phase_ends import CONFIG, config_of


def first_of(phase: str, config: RunConfig = CONFIG) -> RunState:
    """The state at the first generation of a phase."""
    index = next(n for n, one in enumerate(phases_of(config)) if one.name == phase)
    states = drive(
        config,
        MemoryEngine(),
        until=lambda one: one.stage == "generation" and one.phase_index == index,
    )
    return states[-1]


def closed_early(state: RunState) -> RunState:
    """The state after its search has converged with most of its steps left."""
    name = current_phase(state, CONFIG)
    numbers = {"steps_left": float(books.remaining(state.ledger, name)), "generation_cost": 10.0}
    advance = Decision(phase=name, generation=9, kind="advance", reason="in phase", numbers=numbers)
    return apply(state, CONFIG, advance, ())[0]


def test_what_convergence_saves_goes_to_endosymbiosis() -> None:
    state = first_of("cambrian")
    saved = books.remaining(state.ledger, "cambrian")
    after = closed_early(state)
    gained = books.remaining(after.ledger, "endosymbiosis")
    assert gained - books.remaining(state.ledger, "endosymbiosis") == saved
    assert after.stage == "phase_end"


def test_oxidation_keeps_its_steps_for_the_decay_of_its_lineages() -> None:
    state = first_of("oxidation")
    after = closed_early(state)
    assert after.ledger == state.ledger
    assert phase_of(after).closing
    assert after.stage == "generation"


@pytest.mark.parametrize(
    ("passes", "budget", "kind"),
    [(40.0, 8000, "extend"), (6.0, 8000, "advance"), (40.0, 2900, "advance")],
    ids=["short of text", "few passes", "few steps"],
)
def test_short_of_steps_no_phase_goes_on_after_an_acceptance(
    passes: float, budget: int, kind: str
) -> None:
    config = config_of(passes, budget=budget)
    state = first_of("primordial", config)
    seen = situation(state, state, config, ())
    gaining = {"steps_left": seen.generation_cost - 1, "recent_acceptance": True}
    assert decide(seen.model_copy(update=gaining)).kind == kind


def test_short_of_steps_a_generation_that_costs_little_may_follow() -> None:
    config = config_of(6.0)
    cheap = int(SEARCH_SHARE * config.budget)
    told = first_of("cambrian", config)
    assert told.regime is not None
    for state in (told, first_of("primordial", config)):
        assert extensions_of(state, config, cheap) == config.evolution.max_extensions
        assert extensions_of(state, config, cheap + 1) == 0


def test_once_the_gap_has_said_so_text_is_short_and_a_phase_may_go_on() -> None:
    config = config_of(6.0)
    state = first_of("cambrian", config)
    regime = Regime(kind="overfit_limited", passes=6.0, gap_growth=1.0)
    memorising = state.model_copy(update={"regime": regime})
    assert extensions_of(memorising, config, config.budget) == config.evolution.max_extensions


@pytest.mark.parametrize("phase", ["primordial", "cambrian", "oxidation"])
def test_generations_without_challengers_leave_no_distance(phase: str) -> None:
    index = next(n for n, one in enumerate(phases_of(CONFIG)) if one.name == phase)
    states = drive(CONFIG, MemoryEngine())
    ended = [one for one in states if one.stage == "phase_end" and one.phase_index == index][-1]
    distances = phase_of(ended).distance_history
    assert 0 < len(distances) < len(phase_of(ended).best_history)
    assert all(distances)
