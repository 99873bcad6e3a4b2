"""Each mutation operator does to a graph what its name says, with constants in its range."""

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from state.genome import DEFAULT_LEAVES, OPERATORS, WIDER_LEAVES, LeafName, Operator
from state.genome.expression import (
    Add,
    Compose,
    Expression,
    Leaf,
    Mul,
    Scale,
    X,
    num_nodes,
    replace,
    subtrees,
)
from state.genome.mutation import mutate
from state.genome.operators import GATES, apply_operator, blend, graft
from state.genome.text import expression, genome_of, is_gated
from state.records import Genome
from state.seeds import generator

SEEDS = st.integers(0, 2**32)
FACTORS = st.integers(-300, 300).filter(bool).map(lambda n: n / 100)


def combinations_of(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.builds(Scale, FACTORS, inner),
        st.builds(Add, pairs),
        st.builds(Mul, pairs),
        st.builds(Compose, st.sampled_from(WIDER_LEAVES), inner),
    )


TYPED = st.recursive(
    st.sampled_from([Leaf(name) for name in WIDER_LEAVES]), combinations_of, max_leaves=5
)


@st.composite
def genomes(draw: st.DrawFn) -> Genome:
    try:
        return genome_of(draw(TYPED))
    except ValueError:
        reject()


GENOMES = genomes()
TREES = GENOMES.map(expression)


def applied(
    operator: Operator, tree: Expression, seed: int, leaves: tuple[LeafName, ...] = DEFAULT_LEAVES
) -> Expression | None:
    return apply_operator(operator, tree, generator(seed, operator), leaves)


@given(TREES, SEEDS)
@settings(deadline=None)
def test_a_residual_is_a_convex_sum_with_x(tree: Expression, seed: int) -> None:
    child = applied("inject_residual", tree, seed)
    assert isinstance(child, Add)
    f, x = child.terms
    assert isinstance(f, Scale)
    assert isinstance(x, Scale)
    assert (f.inner, x.inner) == (tree, X)
    assert 0.6 <= f.factor <= 0.9
    assert f.factor + x.factor == pytest.approx(1, abs=1e-12)


@given(TREES, SEEDS)
@settings(deadline=None)
def test_a_gate_is_a_product_with_silu_relu_or_gelu(tree: Expression, seed: int) -> None:
    child = applied("inject_gate", tree, seed)
    assert child in [Mul((tree, Leaf(gate))) for gate in GATES]
    assert GATES == ("silu", "relu", "gelu")


@given(TREES, SEEDS)
@settings(deadline=None)
def test_an_added_term_is_a_leaf_with_a_small_weight(tree: Expression, seed: int) -> None:
    child = applied("add_term", tree, seed)
    assert isinstance(child, Add)
    f, term = child.terms
    assert f == tree
    assert isinstance(term, Scale)
    assert 0.05 <= term.factor <= 0.3
    assert term.inner in [Leaf(name) for name in DEFAULT_LEAVES]


@given(TREES, SEEDS)
@settings(deadline=None)
def test_a_swap_exchanges_one_name_and_nothing_else(tree: Expression, seed: int) -> None:
    child = applied("swap_leaf", tree, seed)
    assert child is not None
    after = dict(subtrees(child))
    renamed = [
        (path, node)
        for path, node in subtrees(tree)
        if isinstance(node, Leaf | Compose) and _name(after[path]) != _name(node)
    ]
    assert len(renamed) == 1
    path, _ = renamed[0]
    assert replace(tree, path, after[path]) == child
    assert _name(after[path]) in DEFAULT_LEAVES


def _name(node: Expression) -> str:
    assert isinstance(node, Leaf | Compose)
    return node.name if isinstance(node, Leaf) else node.outer


def test_a_swap_reaches_the_root_and_every_leaf() -> None:
    tree = Compose("silu", Add((Leaf("tanh"), Leaf("gelu"))))
    seen = {applied("swap_leaf", tree, seed) for seed in range(200)}
    assert any(isinstance(child, Compose) and child.outer != "silu" for child in seen)
    for index, old in enumerate((Leaf("tanh"), Leaf("gelu"))):
        assert any(dict(subtrees(child))[0, index] != old for child in seen if child)


@given(TREES, SEEDS)
@settings(deadline=None)
def test_a_perturbed_constant_moves_by_a_fifth_at_most(tree: Expression, seed: int) -> None:
    child = applied("perturb_constant", tree, seed)
    assert child is not None
    before = [node.factor for _, node in subtrees(tree) if isinstance(node, Scale)]
    after = [node.factor for _, node in subtrees(child) if isinstance(node, Scale)]
    if not before:
        before = [1.0]
    assert len(before) == len(after)
    moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(moved) <= 1
    assert all(
        0.8 - 1e-3 <= abs(b / a) <= 1.2 + 1e-3 or abs(abs(a) - abs(b)) <= 1e-3 for a, b in moved
    )


@given(TREES, SEEDS)
@settings(deadline=None)
def test_a_pruned_graph_is_smaller(tree: Expression, seed: int) -> None:
    child = applied("prune", tree, seed)
    if child is None:
        assert not any(isinstance(node, Add | Mul | Compose) for _, node in subtrees(tree))
    else:
        assert num_nodes(child) < num_nodes(tree)


@given(TREES, SEEDS)
@settings(deadline=None)
def test_a_composition_calls_a_leaf_on_the_whole_graph(tree: Expression, seed: int) -> None:
    child = applied("compose", tree, seed)
    assert child in [Compose(name, tree) for name in DEFAULT_LEAVES]


@given(GENOMES, SEEDS)
@settings(deadline=None)
def test_toggling_keeps_the_graph_and_turns_the_gate(genome: Genome, seed: int) -> None:
    mutation = mutate(
        genome,
        generator(seed),
        operators=("toggle_gated",),
        leaves=DEFAULT_LEAVES,
        max_depth=20,
        max_nodes=64,
    )
    if mutation is not None:
        assert is_gated(mutation.genome)
        assert expression(mutation.genome) == expression(genome)


@given(TREES, TREES, SEEDS)
@settings(deadline=None)
def test_a_graft_puts_a_branch_of_the_donor_in_the_place_of_a_branch(
    tree: Expression, donor: Expression, seed: int
) -> None:
    child = graft(tree, donor, generator(seed))
    branches = {branch for _, branch in subtrees(donor)}
    assert any(
        replace(tree, path, branch) == child for path, _ in subtrees(tree) for branch in branches
    )


@given(TREES, TREES, st.integers(30, 70))
@settings(deadline=None)
def test_a_blend_has_weights_that_add_up_to_one(
    tree: Expression, other: Expression, percent: int
) -> None:
    share = percent / 100
    assert blend(tree, other, share) == Add((Scale(share, tree), Scale(round(1 - share, 2), other)))


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_is_a_function_of_its_generator(operator: Operator) -> None:
    tree = Add((Scale(0.5, Leaf("silu")), Compose("tanh", Leaf("gelu"))))
    for seed in range(20):
        assert applied(operator, tree, seed) == applied(operator, tree, seed)
    drawn = {applied(operator, tree, seed) for seed in range(40)}
    assert (len(drawn) == 1) == (operator == "toggle_gated")


@pytest.mark.parametrize("low_high", [("inject_residual", 0.6, 0.9), ("add_term", 0.05, 0.3)])
def test_constants_fill_their_range(low_high: tuple[Operator, float, float]) -> None:
    operator, low, high = low_high
    drawn = []
    for seed in range(400):
        child = applied(operator, Leaf("tanh"), seed)
        assert isinstance(child, Add)
        drawn += [t.factor for t in child.terms if isinstance(t, Scale) and low <= t.factor <= high]
    assert min(drawn) <= low + 0.01
    assert max(drawn) >= high - 0.01
    assert np.mean(drawn) == pytest.approx((low + high) / 2, abs=0.02)
