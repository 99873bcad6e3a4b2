"""Shares follow what operators have shown, and hardly move for noise."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evolution.operator_mix import DRAWN, record_outcomes, weights
from orchestrator.run_state import OperatorTally

OUTCOMES = st.lists(st.tuples(st.sampled_from(DRAWN), st.floats(-5, 5)), max_size=30)


def share(tallies: tuple[OperatorTally, ...], operator: str, floor: float = 0.04) -> float:
    return weights(tallies, floor)[[str(name) for name in DRAWN].index(operator)]


def simulate(chances: dict[str, float], generations: int, seed: int) -> list[list[float]]:
    """Shares before each generation of nine challengers; 16 % gain where nothing is said."""
    rng = np.random.default_rng(seed)
    tallies: tuple[OperatorTally, ...] = ()
    course = []
    for _ in range(generations):
        course.append(weights(tallies, 0.04))
        names = [DRAWN[index] for index in rng.choice(len(DRAWN), 9, p=course[-1])]
        gained = [rng.random() < chances.get(name, 0.16) for name in names]
        outcomes = [(name, 2.0 if good else 0.0) for name, good in zip(names, gained, strict=True)]
        tallies = record_outcomes(tallies, outcomes)
    return course


def test_without_evidence_all_operators_are_drawn_alike() -> None:
    assert weights((), 0.04) == pytest.approx([1 / len(DRAWN)] * len(DRAWN))


@given(st.lists(OUTCOMES, max_size=4), st.floats(0, 0.1))
def test_shares_add_up_and_keep_the_floor(
    generations: list[list[tuple[str, float]]], floor: float
) -> None:
    tallies: tuple[OperatorTally, ...] = ()
    for outcomes in generations:
        tallies = record_outcomes(tallies, outcomes)
    shares = weights(tallies, floor)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= min(floor, 1 / len(DRAWN)) - 1e-12


@given(OUTCOMES, st.randoms(use_true_random=False))
def test_the_order_of_outcomes_changes_nothing(
    outcomes: list[tuple[str, float]], order: Random
) -> None:
    mixed = list(outcomes)
    order.shuffle(mixed)
    before = record_outcomes((), [("compose", 2.0)])
    assert record_outcomes(before, outcomes) == record_outcomes(before, mixed)


def test_a_gain_counts_beyond_one_sigma_and_a_failure_as_none() -> None:
    outcomes = [("prune", 1.0), ("prune", 1.01), ("prune", -100.0)]
    tally = {one.operator: one for one in record_outcomes((), outcomes)}["prune"]
    assert (tally.tried, tally.gained) == (3.0, 1.0)


def test_migrants_and_random_members_are_not_counted() -> None:
    outcomes = [("migrate from lineage 1", 3.0), ("compose at random", 3.0)]
    assert record_outcomes((), outcomes) == ()
    assert sum(one.tried for one in record_outcomes((), [*outcomes, ("graft", 0.0)])) == 1


def test_a_generation_without_children_forgets_nothing() -> None:
    before = record_outcomes((), [("graft", 2.0)])
    assert record_outcomes(before, [("migrate from lineage 0", 2.0)]) == before


def test_old_evidence_fades() -> None:
    tallies = record_outcomes((), [("graft", 2.0)] * 20)
    fresh = share(tallies, "graft")
    for _ in range(100):
        tallies = record_outcomes(tallies, [("prune", 0.0)])
    assert fresh > 0.2
    assert share(tallies, "graft") == pytest.approx(share((), "graft"), abs=0.02)


def test_an_operator_that_gains_three_times_as_often_is_drawn_most() -> None:
    found = [simulate({"compose": 0.48}, 60, seed)[-1] for seed in range(20)]
    means = dict(zip(DRAWN, np.mean(found, axis=0), strict=True))
    assert means["compose"] > 1.5 * max(means[name] for name in DRAWN if name != "compose")


def test_noise_alone_moves_the_shares_little() -> None:
    shares = np.array([simulate({}, 100, seed)[20:] for seed in range(20)])
    assert np.std(shares) < 0.015
    assert np.quantile(shares.max(axis=2), 0.95) < 0.13
    assert shares.min() > 0.06
