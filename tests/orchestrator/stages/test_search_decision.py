"""How a search phase ends, and what it remembers of generations without challengers."""

import pytest

from orchestrator import ledger as books
from orchestrator.phases import phases_of
from orchestrator.run_state import RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import current_phase
from orchestrator.stages.search_decision import apply
from state.records import Decision
from tests.memory_runs import MemoryEngine, drive
from tests.phase_ends import CONFIG


def first_of(phase: str) -> RunState:
    """The state at the first generation of a phase."""
    index = next(n for n, one in enumerate(phases_of(CONFIG)) if one.name == phase)
    states = drive(
        CONFIG,
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


@pytest.mark.parametrize("phase", ["primordial", "cambrian", "oxidation"])
def test_generations_without_challengers_leave_no_distance(phase: str) -> None:
    index = next(n for n, one in enumerate(phases_of(CONFIG)) if one.name == phase)
    states = drive(CONFIG, MemoryEngine())
    ended = [one for one in states if one.stage == "phase_end" and one.phase_index == index][-1]
    distances = phase_of(ended).distance_history
    assert 0 < len(distances) < len(phase_of(ended).best_history)
    assert all(distances)
