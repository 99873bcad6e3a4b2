"""What several sets of constants of one formula have in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.genome import genome_of, parse, retune, size, skeleton
from state.genome.skeleton import with_constants
from state.genome.text import initial_expression

FORMULAS = (
    "gelu",
    "0.8*silu(x)*relu(x) + 0.2*x",
    "relu(x) + x",
    "0.3*tanh(0.5*x + 0.2*silu(x)) - x*relu(x)",
    "glu(0.7*silu(x))",
    "learned(0.5*silu(x) + x)",
)
FACTORS = st.integers(-150, 150).filter(lambda n: n not in (-100, 0, 100)).map(lambda n: n / 100)


@pytest.mark.parametrize("formula", FORMULAS)
def test_its_own_constants_give_the_genome_back(formula: str) -> None:
    genome = parse(formula)
    tree = with_constants(initial_expression(genome), skeleton(genome).constants)
    assert genome_of(tree) == genome_of(initial_expression(genome))


def test_constants_are_read_from_left_to_right() -> None:
    assert skeleton(parse("0.8*silu(x)*relu(x) + 0.2*x")).constants == (0.8, 0.2)


def test_a_formula_without_constants_has_a_one_at_each_term() -> None:
    assert skeleton(parse("relu(x) + x")).constants == (1.0, 1.0)
    assert skeleton(parse("relu(x) + x")).text == skeleton(parse("0.4*relu(x) - 2*x")).text


def test_gate_and_learned_constants_make_another_skeleton() -> None:
    texts = [
        skeleton(parse(one)).text
        for one in ("0.5*silu(x)", "glu(0.5*silu(x))", "learned(0.5*silu(x))")
    ]
    assert len(set(texts)) == 3


@given(first=FACTORS, second=FACTORS)
def test_new_constants_leave_the_skeleton(first: float, second: float) -> None:
    parent = parse("0.8*silu(x)*relu(x) + 0.2*x")
    child = retune(parent, (first, second), max_depth=5, max_nodes=12)
    if (first, second) == (0.8, 0.2):
        assert child is None
        return
    assert child is not None
    assert skeleton(child.genome).text == skeleton(parent).text
    assert skeleton(child.genome).constants == (first, second)
    assert child.parents == (parent.formula,)


def test_a_constant_within_a_composition_is_reached_below_another() -> None:
    parent = parse("0.3*tanh(0.5*x + 0.2*silu(x)) + 0.1*x")
    found = skeleton(parent)
    new = [round(value + 0.05, 3) for value in found.constants]
    child = retune(parent, new, max_depth=9, max_nodes=20)
    assert child is not None
    assert skeleton(child.genome).constants == tuple(new)


def test_a_retuned_child_obeys_limits_and_probation() -> None:
    parent = parse("0.8*silu(x)*relu(x) + 0.2*x")
    assert size(parent).nodes == 7
    assert retune(parent, (0.5, 0.5), max_depth=5, max_nodes=6) is None
    assert retune(parent, (0.0, 0.0), max_depth=5, max_nodes=12) is None
    assert retune(parent, (0.8001, 0.2), max_depth=5, max_nodes=12) is None
