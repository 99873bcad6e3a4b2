"""Findings from what a phase remembers: each sees its fault, and says the numbers compared."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.detectors import (
    complexity,
    consensus_stagnation,
    exhaustion,
    fusion_trap,
    punctuated,
    stagnation,
    transfer,
)
from orchestrator.detectors.evidence import Evidence
from orchestrator.detectors.panel import inspect_all

FALLEN = ((0, 2.0, 3.0), (1, 2.02, 3.0), (2, 2.03, 3.0), (3, 2.025, 3.0))
RISING = ((0, 2.3, 3.1), (1, 2.2, 3.1), (2, 2.1, 3.1), (3, 2.05, 3.1))
POOR = Evidence(
    entropy_history=(5.0, 4.99, 4.97),
    best_history=(2.0, 1.9995, 1.9992, 1.999),
    steps_history=(100, 200, 300, 400),
    lineage_histories=((0, RISING), (1, FALLEN)),
    noise_sigma=0.003,
)
MEMORISES = (0.02, -0.01)
HELPS = (0.02, 0.01)
SPENT = Evidence(draw_history=((2, 18),) * 5, accepted_history=(0,) * 5)
STILL = Evidence(
    best_history=(2.0, 1.99, 1.99, 1.985),
    steps_history=(100, 200, 300, 400),
    allotted=2000,
    distance_history=(0.5, 0.4, 0.45, 0.6),
    distance=0.6,
)


def changed(evidence: Evidence, **changes: object) -> Evidence:
    return Evidence.model_validate({**evidence.model_dump(), **changes})


def test_a_lineage_that_is_drawn_back_from_its_best_is_in_a_trap() -> None:
    finding = fusion_trap.inspect(POOR)
    assert finding is not None
    assert finding.value == pytest.approx(0.02)
    assert (finding.limit, finding.lineage) == (0.003, 1)
    assert "lineage 1 has been at least 0.0200 bits per byte behind its own best" in finding.reason


@pytest.mark.parametrize(
    "change",
    [
        {"lineage_histories": ((0, RISING),)},
        {"lineage_histories": ((1, FALLEN[:3]),)},
        {"lineage_histories": ((1, (*FALLEN, (4, 1.99, 3.0))),)},
        {"lineage_histories": ()},
        {"entropy_history": ()},
        {"noise_sigma": 0.03},
    ],
    ids=["learns", "two generations", "back at its best", "nobody", "no fusion", "noise"],
)
def test_a_lineage_near_its_best_or_without_fusion_is_in_none(change: dict[str, object]) -> None:
    assert fusion_trap.inspect(changed(POOR, **change)) is None


def test_without_noise_a_thousandth_is_what_counts() -> None:
    unknown = fusion_trap.inspect(changed(POOR, noise_sigma=None))
    assert unknown is not None
    assert unknown.limit == pytest.approx(0.001999)


def test_large_graphs_that_only_fit_the_training_text_are_too_complex() -> None:
    finding = complexity.inspect(Evidence(complex_history=(MEMORISES,) * 17 + (HELPS,) * 7))
    assert finding is not None
    assert (finding.value, finding.limit) == (17, 17)
    assert finding.reason.startswith("17 of the last 24 large graphs")


@pytest.mark.parametrize("other", [HELPS, (-0.02, -0.01), (-0.02, 0.01), (0.0, -0.01), (0.02, 0.0)])
def test_large_graphs_that_do_not_do_both_count_for_the_graph(other: tuple[float, float]) -> None:
    mixed = (MEMORISES,) * 16 + (other,) * 8
    assert complexity.inspect(Evidence(complex_history=mixed)) is None


def test_old_and_few_graphs_prove_nothing() -> None:
    assert complexity.inspect(Evidence(complex_history=(MEMORISES,) * 7)) is None
    assert complexity.inspect(Evidence(complex_history=(MEMORISES,) * 8)) is not None
    past = (MEMORISES,) * 40 + (HELPS,) * 12
    assert complexity.inspect(Evidence(complex_history=past)) is None


@pytest.mark.parametrize("pairs", range(8, 25))
def test_the_sign_test_has_the_level_that_it_says(pairs: int) -> None:
    limit = complexity.least_significant(pairs)
    tail = sum(Fraction(comb(pairs, count), 2**pairs) for count in range(limit, pairs + 1))
    assert tail <= Fraction(1, 20) < tail + Fraction(comb(pairs, limit - 1), 2**pairs)


def test_jumps_that_are_not_won_back_are_transfer_interference() -> None:
    finding = transfer.inspect(Evidence(transfer_history=((6, 0), (1, 1), (0, 0), (2, 1))))
    assert finding is not None
    assert (finding.value, finding.limit) == (2 / 3, 0.5)
    assert finding.reason.startswith("2 of 3 challengers")


@pytest.mark.parametrize("history", [((1, 1), (1, 1)), ((2, 1), (2, 1)), ((9, 9), (2, 0), (2, 0))])
def test_few_jumps_or_half_of_them_are_none(history: tuple[tuple[int, int], ...]) -> None:
    assert transfer.inspect(Evidence(transfer_history=(*history, (0, 0)))) is None


def test_a_search_that_draws_what_it_knows_is_exhausted() -> None:
    finding = exhaustion.inspect(SPENT)
    assert finding is not None
    assert (finding.value, finding.limit, finding.severity) == (0.9, 0.8, 0.0)
    assert finding.reason == "nothing accepted in 5 generations and 90 of 100 draws known"


@pytest.mark.parametrize(
    "change",
    [
        {"accepted_history": (0, 0, 1, 0, 0)},
        {"draw_history": ((4, 16),) * 5},
        {"draw_history": ((2, 18),) * 4},
        {"draw_history": ((0, 0),) * 5},
    ],
    ids=["accepts", "half are new", "too few", "draws nothing"],
)
def test_a_search_that_finds_something_is_not_exhausted(change: dict[str, object]) -> None:
    assert exhaustion.inspect(changed(SPENT, **change)) is None


def test_an_acceptance_long_ago_does_not_count() -> None:
    assert exhaustion.inspect(changed(SPENT, accepted_history=(3, *(0,) * 5))) is not None


def test_standing_still_with_genomes_far_apart_is_a_punctuated_equilibrium() -> None:
    finding = punctuated.inspect(STILL)
    assert finding is not None
    assert (finding.value, finding.limit, finding.severity) == (0.6, 0.475, 0.0)
    assert "0.600 is above the phase's median 0.475" in finding.reason


def test_without_stagnation_or_distance_there_is_no_punctuated_equilibrium() -> None:
    moving = changed(STILL, best_history=(2.4, 2.2, 2.0, 1.9))
    assert stagnation.inspect(moving) is None
    assert punctuated.inspect(moving) is None
    assert punctuated.inspect(changed(STILL, distance=0.475)) is None
    assert punctuated.inspect(changed(STILL, distance=None)) is None


def test_locked_lineages_that_get_nowhere_stagnate_together() -> None:
    finding = consensus_stagnation.inspect(changed(POOR, locked=True))
    assert finding is not None
    assert finding.severity == 0
    assert "gained 0.0010 bits per byte in 3 generations, under 0.0030" in finding.reason
    assert consensus_stagnation.inspect(POOR) is None


def test_locked_lineages_that_gain_a_percent_do_not_stagnate() -> None:
    gaining = changed(POOR, locked=True, best_history=(2.0, 1.99, 1.985, 1.98))
    assert consensus_stagnation.inspect(gaining) is None
    assert consensus_stagnation.inspect(changed(gaining, noise_sigma=None)) is None


def test_without_noise_a_twentieth_of_a_percent_is_what_locked_lineages_must_gain() -> None:
    unknown = changed(POOR, locked=True, noise_sigma=None)
    more = changed(unknown, best_history=(2.0, 2.0, 2.0, 1.9989))
    assert consensus_stagnation.inspect(more) is None
    less = changed(unknown, best_history=(2.0, 2.0, 2.0, 1.9991))
    finding = consensus_stagnation.inspect(less)
    assert finding is not None
    assert finding.limit == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("fusion_trap", POOR),
        ("complexity", Evidence(complex_history=(MEMORISES,) * 8)),
        ("transfer", Evidence(transfer_history=((3, 2),))),
        ("exhaustion", SPENT),
        ("punctuated", STILL),
        ("consensus_stagnation", changed(POOR, locked=True)),
    ],
)
def test_a_finding_has_the_name_of_its_detector(name: str, evidence: Evidence) -> None:
    assert name in {finding.detector for finding in inspect_all(evidence)}


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), max_size=40),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=9),
)
def test_counts_agree_with_their_reasons(
    gains: list[tuple[float, float]], drawn: list[tuple[int, int]]
) -> None:
    jumped = tuple((max(pair), min(pair)) for pair in drawn)
    too_complex = complexity.inspect(Evidence(complex_history=tuple(gains)))
    if too_complex is not None:
        assert too_complex.value >= too_complex.limit
        assert too_complex.reason.startswith(f"{too_complex.value:.0f} of the last")
        assert f"; {too_complex.limit:.0f} are too many" in too_complex.reason
    lost = transfer.inspect(Evidence(transfer_history=jumped))
    spent = exhaustion.inspect(Evidence(draw_history=tuple(drawn), accepted_history=(0,) * 9))
    for finding in (lost, spent):
        assert finding is None or finding.limit < finding.value <= 1
