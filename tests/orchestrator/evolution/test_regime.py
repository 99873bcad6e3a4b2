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
    DECAY_SHARE,
    GAP_GROWTH,
    MANY_PASSES,
    gap_growth,
    kept_steps,
    regime_of,
    shifted,
)
from orchestrator.phases import challengers_in_vain, fit_search, phases_of, shares_of
from orchestrator.run_state import LineageState, Regime
from state.records import Evaluation
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


@given(st.integers(500, 200_000), st.integers(2, 4), st.integers(0, 5000))
def test_the_phases_that_give_keep_what_their_search_and_their_decay_need(
    budget: int, num_lineages: int, age: int
) -> None:
    config = config_of(5.0, budget=budget)
    ledger = books.open_ledger(budget, shares_of(config), ())
    kept = kept_steps(config, ledger, [age] * num_lineages)
    for phase in phases_of(config)[2:4]:
        given_up = books.remaining(ledger, phase.name) - kept[phase.name]
        assert given_up >= 0
        before = fit_search(
            phase, config.evolution, books.remaining(ledger, phase.name), num_lineages
        )
        if not given_up:
            continue
        after = fit_search(phase, config.evolution, kept[phase.name], num_lineages, effort="lean")
        assert after.steps_per_candidate == before.steps_per_candidate
        assert after.null_pairs >= 2
        assert after.population == max(4, num_lineages + 1)
        if phase.name == "oxidation":
            own = (kept[phase.name] - after.null_pairs * after.steps_per_candidate) // (
                after.population
            )
            assert own >= DECAY_SHARE * age / (1 - DECAY_SHARE) - after.steps_per_candidate


@given(
    st.integers(60, 200_000),
    st.integers(0, 3000),
    st.sampled_from(["compute_limited", "overfit_limited"]),
    st.sampled_from([0, 12]),
)
def test_a_shift_makes_no_steps_and_takes_none(
    budget: int, age: int, kind: Literal["compute_limited", "overfit_limited"], tried: int
) -> None:
    config = config_of(5.0, budget=budget)
    ledger = books.open_ledger(budget, shares_of(config), ())
    old = LineageState(index=0, genome=GELU, init_seed=0, age_steps=age)
    regime = Regime(kind=kind, passes=5.0, tried_in_vain=tried)
    after, moved = shifted(config, ledger, [old, old, old], regime)
    assert sum(line.allotted for line in after.lines) == budget
    gained = [
        books.remaining(after, name) - books.remaining(ledger, name)
        for name in ("endosymbiosis", "homeostasis")
    ]
    assert sum(gained) == moved
    assert abs(gained[0] - 3 * gained[1]) <= 3
    assert books.line(after, "primordial") == books.line(ledger, "primordial")


@given(st.integers(1000, 200_000), st.integers(0, 3000))
def test_short_of_text_the_host_has_half_or_cambrian_what_it_needs(budget: int, age: int) -> None:
    config = config_of(40.0, budget=budget)
    ledger = books.open_ledger(budget, shares_of(config), ())
    old = LineageState(index=0, genome=GELU, init_seed=0, age_steps=age)
    regime = Regime(kind="overfit_limited", passes=40.0)
    after, _ = shifted(config, ledger, [old, old, old], regime)
    host = sum(books.line(after, name).allotted for name in ("endosymbiosis", "homeostasis"))
    least = kept_steps(config, ledger, [age] * 3)["cambrian"]
    assert books.remaining(after, "cambrian") >= least
    assert host == ceil(budget / 2) or books.remaining(after, "cambrian") == least
    assert books.line(after, "oxidation") == books.line(ledger, "oxidation")


def test_a_phase_without_challengers_has_nothing_to_give() -> None:
    config = config_of(5.0, budget=300)
    ledger = books.open_ledger(300, shares_of(config), ())
    assert kept_steps(config, ledger, [10, 10, 10]) == {"cambrian": 72, "oxidation": 48}


@given(st.integers(500, 200_000), st.integers(2, 4))
def test_short_of_steps_a_search_in_vain_leaves_the_lineages_one_short_generation(
    budget: int, num_lineages: int
) -> None:
    config = config_of(5.0, budget=budget)
    ledger = books.open_ledger(budget, shares_of(config), ())
    old = LineageState(index=0, genome=GELU, init_seed=0, age_steps=100)
    regime = Regime(kind="compute_limited", passes=5.0, tried_in_vain=12)
    after, _ = shifted(config, ledger, [old] * num_lineages, regime)
    for phase in phases_of(config)[2:4]:
        steps = books.remaining(after, phase.name)
        fit = fit_search(phase, config.evolution, steps, num_lineages, effort="none")
        assert steps == num_lineages * config.evolution.min_steps_per_candidate
        assert fit.steps_per_candidate == config.evolution.min_steps_per_candidate


@pytest.mark.parametrize(
    ("budget", "evolution", "enough"),
    [
        (2_000, {}, 12),
        (12_000, {}, 12),
        (50_000, {}, 50),
        (50_000, {"idle_share": 0.0}, 12),
        (50_000, {"idle_after": 60}, 60),
        (50_000, {"idle_after": 0}, 0),
    ],
)
def test_a_search_is_in_vain_by_number_and_by_cost(
    budget: int, evolution: dict[str, float], enough: int
) -> None:
    config = config_of(5.0, budget=budget, evolution=evolution)
    assert challengers_in_vain(config) == enough
