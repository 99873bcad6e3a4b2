"""Canonical forms: the same function, one form however it was grouped, never another function."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from state.genome import LEAF_NAMES, Add, Compose, Expression, Leaf, Mul, Scale, parse
from state.genome.algebra import canonical
from state.genome.evaluation import evaluate
from state.genome.expression import children, num_nodes, subtrees, with_children
from state.genome.formatting import format_expression
from state.genome.parsing import parse_formula

X_GRID = np.linspace(-3.0, 3.0, 61)
CONSTANTS = st.integers(-300, 300).map(lambda hundredths: hundredths / 100)
LEAVES = st.sampled_from(LEAF_NAMES).map(Leaf)


def grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Scale, CONSTANTS, inner),
        st.builds(Add, parts),
        st.builds(Mul, parts),
        st.builds(Compose, st.sampled_from(LEAF_NAMES), inner),
    )


TREES: st.SearchStrategy[Expression] = st.recursive(LEAVES, grown, max_leaves=6)


def canonical_or_skip(tree: Expression) -> Expression:
    try:
        return canonical(tree)
    except ValueError:
        assume(False)
        raise


def magnitude(tree: Expression) -> NDArray[np.float64]:
    """Bound without cancellation; constants below 1 count as 1, as they keep six decimals only."""
    match tree:
        case Scale(factor, inner):
            return max(abs(factor), 1.0) * magnitude(inner)
        case Add(parts):
            return np.asarray(np.sum([magnitude(part) for part in parts], axis=0))
        case Mul(parts):
            return np.asarray(np.prod([magnitude(part) for part in parts], axis=0))
        case Leaf("square"):
            return X_GRID * X_GRID
        case Compose("square", inner):
            return magnitude(inner) ** 2
        case Compose(_, inner):
            return 1 + magnitude(inner)
        case Leaf():
            return 1 + np.abs(X_GRID)


def shuffled(tree: Expression, rng: np.random.Generator) -> Expression:
    parts = tuple(shuffled(child, rng) for child in children(tree))
    if isinstance(tree, Add | Mul):
        parts = tuple(parts[index] for index in rng.permutation(len(parts)))
    return with_children(tree, parts)


def paired(tree: Expression) -> Expression:
    """The same tree with sums and products of two operands only."""
    parts = tuple(paired(child) for child in children(tree))
    if isinstance(tree, Add | Mul) and len(parts) > 2:
        first = with_children(tree, parts[:-1])
        return with_children(tree, (paired(first), parts[-1]))
    return with_children(tree, parts)


@given(TREES)
@settings(max_examples=400, deadline=None)
def test_a_canonical_form_has_the_same_values(tree: Expression) -> None:
    form = canonical_or_skip(tree)
    f, _ = evaluate(tree, X_GRID)
    g, _ = evaluate(form, X_GRID)
    assert (np.abs(f - g) <= 2e-3 * magnitude(tree)).all()


@given(TREES)
@settings(max_examples=400, deadline=None)
def test_a_canonical_form_is_its_own_canonical_form(tree: Expression) -> None:
    form = canonical_or_skip(tree)
    assert canonical(form) == form


@given(TREES, st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_the_order_of_operands_does_not_show(tree: Expression, seed: int) -> None:
    form = canonical_or_skip(tree)
    assert canonical(shuffled(tree, np.random.default_rng(seed))) == form


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_the_text_of_a_canonical_form_reads_back_as_the_same_tree(tree: Expression) -> None:
    form = canonical_or_skip(tree)
    typed = parse_formula(format_expression(form))
    assert not typed.gated
    assert typed.kind is None
    assert canonical(typed.tree) == form


@given(TREES)
@settings(max_examples=200, deadline=None)
def test_a_canonical_form_keeps_its_promises(tree: Expression) -> None:
    form = canonical_or_skip(tree)
    for _, node in subtrees(form):
        assert node != Leaf("square")
        assert not isinstance(node, Scale) or not isinstance(node.inner, Scale | Add)
        assert not isinstance(node, Compose) or node.outer not in ("identity", "square")
        assert not isinstance(node, Add | Mul) or len(children(node)) >= 2
        assert not isinstance(node, Mul) or not any(
            isinstance(p, Mul | Scale) for p in node.factors
        )
        assert not isinstance(node, Add) or not any(isinstance(p, Add) for p in node.terms)
    assert num_nodes(form) <= 64


EXACT_CASES = {
    "x*silu(x)": "x*silu(x)",
    "identity(x)*x": "x*x",
    "relu(x) + 0.25*relu(x)": "1.25*relu(x)",
    "0.1*x + 0.2*x - 0.3*x + tanh(x)": "tanh(x)",
    "2*(3*silu(x))": "6*silu(x)",
    "0.5*(silu(x) + x) + 0.5*x": "0.5*silu(x) + x",
    "(silu(x)*relu(x))*gelu(x)": "gelu(x)*relu(x)*silu(x)",
    "x + silu(x)*relu(x)": "relu(x)*silu(x) + x",
    "silu(identity(x))": "silu(x)",
    "square(square(x))": "x*x*x*x",
    "square(silu(x) + x)": "(silu(x) + x)*(silu(x) + x)",
    "relu(relu(x))": "relu(x)",
    "abs(abs(x))": "abs(x)",
    "relu(abs(x))": "abs(x)",
    "abs(-silu(x))": "abs(silu(x))",
    "leaky_relu(sigmoid(x))": "sigmoid(x)",
    "leaky_relu(-2*relu(x))": "-0.02*relu(x)",
    "relu(-relu(x)) + x": "x",
    "relu(leaky_relu(x))": "relu(x)",
    "relu(leaky_relu(leaky_relu(x)))": "relu(x)",
    "relu(-x)": "relu(-x)",
    "relu(2*silu(x))": "2*relu(silu(x))",
    "relu(2*silu(x) - 2*x)": "2*relu(silu(x) - x)",
    "silu(2*x)": "silu(2*x)",
    "tanh(-2*x)": "-tanh(2*x)",
    "sin(-x)": "-sin(x)",
    "abs(x)*abs(x)": "x*x",
    "x*relu(x)": "relu(x)*relu(x)",
    "abs(x)*relu(x)": "relu(x)*relu(x)",
    "relu(x - tanh(x))*(x - tanh(x))": "-relu(-tanh(x) + x)*(tanh(x) - x)",
    "(x - silu(x))*relu(x)": "-relu(x)*(silu(x) - x)",
    "(2*x + 2*silu(x))*relu(x)": "2*relu(x)*(silu(x) + x)",
    "0.123456*silu(x)": "0.1235*silu(x)",
    "123456*silu(x)": "123500*silu(x)",
}


@pytest.mark.parametrize(("typed", "expected"), EXACT_CASES.items())
def test_a_rewrite_gives_the_expected_form(typed: str, expected: str) -> None:
    assert parse(typed).formula == expected


@given(TREES)
@settings(max_examples=200, deadline=None)
def test_grouping_operands_in_pairs_does_not_show(tree: Expression) -> None:
    assume(all(abs(n.factor) >= 0.01 for _, n in subtrees(tree) if isinstance(n, Scale)))
    form = canonical_or_skip(tree)
    assert canonical(paired(tree)) == form


@pytest.mark.parametrize("typed", ["x - x", "0*silu(x)", "relu(-abs(x))", "tanh(x - x)"])
def test_the_zero_function_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="zero everywhere; use an activation that varies"):
        parse(typed)
