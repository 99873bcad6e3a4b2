"""The ledger: exact, never overdrawn."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.phases import SIX_PHASES, fit_search, generation_cost, shares_of

SHARES = shares_of(RunConfig())


@given(st.integers(60, 200_000))
def test_allotments_sum_to_the_budget_and_are_within_one_step_of_the_shares(budget: int) -> None:
    parts = books.allot(budget, SHARES)
    assert sum(parts.values()) == budget
    assert all(abs(parts[name] - budget * share / 100) < 1 for name, share in SHARES.items())


def test_the_shares_are_those_of_the_six_phases() -> None:
    assert books.allot(50_000, SHARES) == {
        "abiogenesis": 2000,
        "primordial": 8000,
        "cambrian": 12000,
        "oxidation": 8000,
        "endosymbiosis": 15000,
        "homeostasis": 5000,
    }


@given(st.integers(60, 10_000), st.data())
def test_what_is_reserved_and_not_run_is_refunded(budget: int, data: st.DataObject) -> None:
    ledger = books.open_ledger(budget, SHARES, ())
    free = books.remaining(ledger, "cambrian")
    reserved = data.draw(st.integers(0, free))
    run = data.draw(st.integers(0, reserved))
    ledger = books.settle(books.reserve(ledger, "cambrian", reserved), "cambrian", run)
    assert books.remaining(ledger, "cambrian") == free - run
    assert books.spent(ledger) == run


def test_a_transfer_moves_steps_and_makes_none() -> None:
    ledger = books.open_ledger(2000, SHARES, ())
    moved = books.transfer(ledger, "endosymbiosis", "cambrian", 100)
    assert sum(line.allotted for line in moved.lines) == 2000
    assert books.remaining(moved, "cambrian") == books.remaining(ledger, "cambrian") + 100


@given(st.integers(60, 60_000), st.integers(2, 4))
def test_a_search_phase_that_keeps_its_challengers_holds_three_generations(
    budget: int, lineages: int
) -> None:
    config = RunConfig(budget=budget)
    parts = books.allot(budget, SHARES)
    for phase in SIX_PHASES:
        if phase.kind != "search":
            continue
        fit = fit_search(phase, config.evolution, parts[phase.name], lineages)
        assert fit.steps_per_candidate >= 1
        if fit.null_pairs == 0:
            assert "without challengers" in fit.note
            continue
        assert fit.population >= max(4, lineages + 1)
        assert fit.steps_per_candidate >= 10
        plain = generation_cost(
            population=fit.population, steps=fit.steps_per_candidate, pairs=0, confirmations=0
        )
        assert 3 * plain + 2 * fit.null_pairs * fit.steps_per_candidate <= parts[phase.name]


def test_population_shrinks_before_the_candidates_do() -> None:
    cambrian = SIX_PHASES[2]
    fit = fit_search(cambrian, RunConfig().evolution, 1600, 3)
    assert fit.population < 12
    assert fit.steps_per_candidate == 35
    assert fit.note == "cambrian has 1600 steps: population 12 -> 11"
