"""Planted problems: what the formula says, and what a search makes of it."""

import pytest

from benchmarks.planted import Problem, Run, compared, configured, searched, shown
from benchmarks.planted_text import is_hit
from state.genome import parse


def test_the_planted_activation_loses_nothing_and_others_by_their_distance() -> None:
    problem = Problem(parse("silu"), slope=0.1, debt=False)
    near, far = problem.loss(parse("gelu")), problem.loss(parse("relu2"))
    assert problem.loss(parse("silu(x)")) == 0
    assert 0 < near < far


@pytest.fixture(scope="module")
def easy() -> Run:
    """Large differences, and a change costs nothing."""
    return searched(Problem(parse("relu"), slope=2.0, debt=False), configured(0, 6000, "evolved"))


def test_a_search_comes_nearer_to_what_is_far_better(easy: Run) -> None:
    start = Problem(parse("relu"), slope=2.0, debt=False).loss(parse("gelu"))
    assert easy.loss < start
    assert easy.accepted >= easy.rightly >= 1


def test_a_search_and_random_draws_are_compared_at_equal_evaluations() -> None:
    row = compared(Problem(parse("relu"), slope=0.05, debt=True), seeds=1, budget=4000)
    ours, theirs = row["evolved"], row["random"]
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    evaluated = [float(str(one["evaluated"])) for one in (ours, theirs)]
    assert evaluated[0] == pytest.approx(evaluated[1], rel=0.3)
    assert shown(row).startswith("| 4000 | relu(x) | 0.05 | yes |")


@pytest.mark.parametrize(
    ("formula", "hit"), [("relu(x)*relu(x)", True), ("glu(gelu(x))", True), ("gelu(x)", False)]
)
def test_gates_and_relu_squared_count_as_found(formula: str, hit: bool) -> None:
    assert is_hit(formula) == hit
