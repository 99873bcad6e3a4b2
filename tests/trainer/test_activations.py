"""The kernels of activations against the genome's own values and slopes."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from state.genome import (
    Add,
    Compose,
    Expression,
    Leaf,
    LeafName,
    Mul,
    Scale,
    expression,
    genome_of,
    parse,
)
from state.genome.curve import slopes, values
from state.records import Genome
from trainer.activations import activation, reference
from trainer.activations.reference import LEAVES

NAMES = st.sampled_from(get_args(LeafName))
FACTORS = st.floats(0.05, 3).map(lambda c: round(c, 3))


def combinations_of(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.builds(Scale, FACTORS, inner),
        st.builds(Add, pairs),
        st.builds(Mul, pairs),
        st.builds(Compose, NAMES, inner),
    )


def genome_or_none(tree: Expression) -> Genome | None:
    try:
        return genome_of(tree, gated=False)
    except ValueError:
        return None


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    st.builds(Leaf, NAMES), combinations_of, max_leaves=6
)
GENOMES = EXPRESSIONS.map(genome_or_none).filter(lambda genome: genome is not None)


def value_and_slope(genome: Genome, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.clone().requires_grad_()
    y = activation(genome)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach(), slope


@settings(max_examples=80, deadline=None)
@given(GENOMES)
def test_values_and_slopes_agree_with_the_genome_in_float64(genome: Genome) -> None:
    x = np.linspace(-4, 4, 41)
    x = x[x != 0]
    y, slope = value_and_slope(genome, torch.from_numpy(x))
    for found, expected in ((y, values(genome, x)), (slope, slopes(genome, x))):
        scale = np.maximum(np.abs(expected), 1e-3 * max(1.0, float(np.abs(expected).max())))
        assert np.all(np.abs(found.numpy() - expected) <= 1e-6 * scale)


@pytest.mark.parametrize(
    ("formula", "function"),
    [
        ("gelu", torch.nn.functional.gelu),
        ("silu", torch.nn.functional.silu),
        ("relu", torch.relu),
        ("swiglu", torch.nn.functional.silu),
    ],
)
def test_named_activations_are_those_of_torch(formula: str, function: object) -> None:
    x = torch.linspace(-5, 5, 101)
    assert callable(function)
    assert torch.allclose(activation(parse(formula))(x), function(x), rtol=1e-6, atol=1e-6)


def test_relu_squared_computes_relu_once() -> None:
    x = torch.linspace(-2, 2, 9, requires_grad=True)
    y = reference.evaluate(expression(parse("relu2")), x)
    assert torch.equal(y, torch.relu(x) ** 2)
    assert y.grad_fn is not None
    left, right = (node for node, _ in y.grad_fn.next_functions)
    assert left is right


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_of_the_input_is_kept(dtype: torch.dtype) -> None:
    x = torch.linspace(-3, 3, 50)
    genome = parse("0.7*silu(x)*relu(x) + 0.3*sin(tanh(x)) + -0.25*x")
    y = activation(genome)(x.to(dtype))
    assert y.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 0.05
    expected = torch.from_numpy(values(genome, x.double().numpy()))
    assert (y.double() - expected).abs().max() < tolerance * expected.abs().max()


def test_every_leaf_has_a_kernel() -> None:
    assert set(LEAVES) == set(get_args(LeafName))
