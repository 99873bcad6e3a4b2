"""Short of steps or short of text: what the run can know where Primordial ends, and what moves."""

from collections.abc import Sequence
from math import ceil, exp, log
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.regime import (
    GAP_GROWTH,
    SEARCH_SHARE,
    gap_growth,
    least_steps,
    regime_of,
    searches_on,
    shifted,
)
from orchestrator.passes import MANY_PASSES, MANY_STEPS, is_short_of_steps
from orchestrator.phases import YIELDING, challengers_in_vain, fit_search, phases_of, shares_of
from orchestrator.run_state import LineageState, Regime
from state.records import Evaluation, Ledger, PhaseName
from tests.builders import (
    BLOCK_BYTES,
    GELU,
    NUM_BLOCKS,
    make_config,
    make_evaluation,
)
from tests.memory_runs import MemoryEngine, drive
from tests.phase_ends import config_of


def lineage(searched: Sequence[float], trained: Sequence[float | None]) -> LineageState:
    """Losses in nats per token; a token of the builders has two bytes."""
    bits = [nats / 2 / log(2) for nats in searched]
    return LineageState(
        index=0,
        genome=GELU,
        init_seed=0,
        evaluation=make_evaluation(bits[-1]),
        bits_history=tuple(bits),
        train_history=tuple(trained),
    )


def memorising(by: float, offset: float = 0.0) -> LineageState:
    """Search stands still while training falls by `by` from one half to the other."""
    return lineage([3.0] * 9, [3.0 - offset] * 5 + [3.0 - offset - by] * 4)


# ---- the signs


def test_the_builders_tokens_have_two_bytes() -> None:
    measured: Evaluation = make_evaluation(2.0)
    assert measured.num_bytes / measured.tokens == 2
    assert measured.num_bytes == BLOCK_BYTES * NUM_BLOCKS


@given(st.floats(0.05, 200))
def test_a_budget_that_passes_over_the_text_often_is_short_of_text(passes: float) -> None:
    regime = regime_of(config_of(passes), [])
    assert regime is not None
    often = regime.passes >= MANY_PASSES
    assert regime.kind == ("overfit_limited" if often else "compute_limited")
    assert regime.passes == pytest.approx(passes, rel=0.01)


def test_a_gap_that_has_grown_is_a_sign_whatever_the_passes() -> None:
    few = config_of(2.0)
    for grown, wanted in ((0.5, "compute_limited"), (1.5, "overfit_limited")):
        regime = regime_of(few, [memorising(grown * GAP_GROWTH)])
        assert regime is not None
        assert regime.kind == wanted
        assert regime.gap_growth == pytest.approx(grown * GAP_GROWTH)


@pytest.mark.parametrize(
    ("budget", "kind"),
    [(MANY_STEPS - 1, "compute_limited"), (MANY_STEPS, "overfit_limited")],
)
def test_lineages_of_a_small_budget_are_too_young_to_teach_however_often_it_reads(
    budget: int, kind: str
) -> None:
    for passes, lineages in ((40.0, []), (2.0, [memorising(1.0)])):
        config = config_of(passes, budget=budget)
        regime = regime_of(config, lineages)
        assert regime is not None
        assert regime.kind == kind
        assert is_short_of_steps(config) == (passes < MANY_PASSES or budget < MANY_STEPS)


@given(st.floats(-1, 1), st.floats(-0.5, 0.5))
def test_texts_that_differ_are_no_growth(offset: float, by: float) -> None:
    assert gap_growth([memorising(by, offset)]) == pytest.approx(by, abs=1e-9)


def test_a_loss_that_falls_fast_is_no_growth() -> None:
    """The training loss is older than the search loss: of the middle of the second half."""
    falling = [3 + exp(-n / 3) for n in range(12)]
    as_old = [3 + exp(-(n - 0.25) / 3) for n in range(12)]
    growth = gap_growth([lineage(falling, as_old)])
    assert growth is not None
    assert abs(growth) < GAP_GROWTH / 10
    raw = [now - then for now, then in zip(falling, as_old, strict=True)]
    assert sum(raw[6:]) / 6 - sum(raw[1:6]) / 5 > 2 * abs(growth)


def test_the_growth_is_the_mean_of_the_lineages_that_live() -> None:
    dead = memorising(5.0).model_copy(update={"alive": False})
    young = lineage([3.0, 2.9], [3.0, 2.9])
    silent = lineage([3.0] * 9, [None] * 9)
    assert gap_growth([memorising(0.1), memorising(0.3), dead, young, silent]) == pytest.approx(0.2)
    assert gap_growth([dead, young, silent]) is None


@pytest.mark.parametrize(
    "config",
    [
        config_of(5.0, budget=2000, preset="original"),
        config_of(5.0, budget=2000, evolution={"shift_shares": False}),
        make_config(),
    ],
    ids=["original", "switched off", "unknown text"],
)
def test_shares_that_are_to_stay_are_not_asked_about(config: RunConfig) -> None:
    assert regime_of(config, [memorising(1.0)]) is None
    states = drive(config, MemoryEngine())
    assert states[-1].regime is None
    assert books.line(states[-1].ledger, "cambrian").allotted == config.budget * 24 // 100


# ---- what moves


def opened(config: RunConfig) -> Ledger:
    return books.open_ledger(config.budget, shares_of(config), ())


SHORT_OF_STEPS = Regime(kind="compute_limited", passes=5.0)


@given(st.integers(500, 400_000), st.integers(2, 4))
def test_short_of_steps_a_phase_searches_on_where_that_costs_little_of_the_budget(
    budget: int, num_lineages: int
) -> None:
    config = config_of(5.0, budget=budget)
    ledger = opened(config)
    after, _, searching = shifted(config, ledger, num_lineages, SHORT_OF_STEPS)
    for phase in phases_of(config)[2:4]:
        left = books.remaining(after, phase.name)
        fit = fit_search(phase, config.evolution, left, num_lineages, effort="lean")
        assert (fit.null_pairs > 0) == (phase.name in searching)
        if phase.name in searching:
            assert left <= SEARCH_SHARE * budget
            assert (fit.population, fit.null_pairs >= 2) == (max(4, num_lineages + 1), True)
            assert fit.steps_per_candidate == phase.steps_per_candidate
        else:
            assert left == num_lineages * config.evolution.min_steps_per_candidate


@pytest.mark.parametrize(
    ("budget", "searching"),
    [(2000, ()), (25_000, ()), (25_200, ("cambrian",)), (36_000, YIELDING), (50_000, YIELDING)],
)
def test_which_budgets_pay_for_a_search_that_goes_on(
    budget: int, searching: tuple[PhaseName, ...]
) -> None:
    config = config_of(5.0, budget=budget)
    assert shifted(config, opened(config), 3, SHORT_OF_STEPS).searching == searching


@pytest.mark.parametrize(
    ("kind", "tried", "goes_on"),
    [
        ("overfit_limited", 0, True),
        ("overfit_limited", 12, False),
        ("compute_limited", 0, False),
        ("compute_limited", 12, False),
    ],
)
def test_a_dear_search_goes_on_where_text_is_short_and_something_was_found(
    kind: Literal["compute_limited", "overfit_limited"], tried: int, goes_on: bool
) -> None:
    regime = Regime(kind=kind, passes=5.0, tried_in_vain=tried)
    assert searches_on(opened(config_of(5.0, budget=1000)), 100, regime) == goes_on


@given(
    st.integers(60, 200_000),
    st.sampled_from(["compute_limited", "overfit_limited"]),
    st.sampled_from([0, 12]),
)
def test_a_shift_makes_no_steps_and_takes_none(
    budget: int, kind: Literal["compute_limited", "overfit_limited"], tried: int
) -> None:
    config = config_of(5.0, budget=budget)
    ledger = opened(config)
    regime = Regime(kind=kind, passes=5.0, tried_in_vain=tried)
    after, moved, _ = shifted(config, ledger, 3, regime)
    assert sum(line.allotted for line in after.lines) == budget
    gained = [
        books.remaining(after, name) - books.remaining(ledger, name)
        for name in ("endosymbiosis", "homeostasis")
    ]
    assert sum(gained) == moved
    assert abs(gained[0] - 3 * gained[1]) <= 3
    assert books.line(after, "primordial") == books.line(ledger, "primordial")


@given(st.integers(1000, 200_000))
def test_short_of_text_the_host_has_half_or_cambrian_what_it_needs(budget: int) -> None:
    config = config_of(40.0, budget=budget)
    ledger = opened(config)
    regime = Regime(kind="overfit_limited", passes=40.0)
    after, _, _ = shifted(config, ledger, 3, regime)
    host = sum(books.line(after, name).allotted for name in ("endosymbiosis", "homeostasis"))
    least = least_steps(config, ledger, 3, "cambrian")
    assert books.remaining(after, "cambrian") >= least
    assert host == ceil(budget / 2) or books.remaining(after, "cambrian") == least
    assert books.line(after, "oxidation") == books.line(ledger, "oxidation")


@pytest.mark.parametrize(
    ("kind", "kept"), [("overfit_limited", [72, 48]), ("compute_limited", [30, 30])]
)
def test_what_a_phase_without_challengers_gives(
    kind: Literal["compute_limited", "overfit_limited"], kept: list[int]
) -> None:
    config = config_of(5.0, budget=300)
    regime = Regime(kind=kind, passes=5.0)
    after, _, _ = shifted(config, opened(config), 3, regime)
    assert [books.remaining(after, name) for name in YIELDING] == kept


@given(st.integers(500, 200_000), st.integers(2, 4))
def test_short_of_steps_a_search_in_vain_leaves_the_lineages_one_short_generation(
    budget: int, num_lineages: int
) -> None:
    config = config_of(5.0, budget=budget)
    regime = SHORT_OF_STEPS.model_copy(update={"tried_in_vain": 12})
    after, _, searching = shifted(config, opened(config), num_lineages, regime)
    assert not searching
    for phase in phases_of(config)[2:4]:
        steps = books.remaining(after, phase.name)
        fit = fit_search(phase, config.evolution, steps, num_lineages, effort="none")
        assert steps == num_lineages * config.evolution.min_steps_per_candidate
        assert fit.steps_per_candidate == config.evolution.min_steps_per_candidate


@pytest.mark.parametrize(
    ("budget", "evolution", "enough"),
    [
        (2_000, {}, 6),
        (12_000, {}, 6),
        (50_000, {}, 25),
        (50_000, {"idle_share": 0.0}, 6),
        (50_000, {"idle_after": 60}, 60),
        (50_000, {"idle_after": 0}, 0),
    ],
)
def test_a_search_is_in_vain_by_number_and_by_cost(
    budget: int, evolution: dict[str, float], enough: int
) -> None:
    config = config_of(5.0, budget=budget, evolution=evolution)
    assert challengers_in_vain(config) == enough
