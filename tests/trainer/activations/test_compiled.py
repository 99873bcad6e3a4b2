"""Compiled activations against the eager ones in float64."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from state.genome import expression, parse
from state.records import Genome
from tests.trainer.test_activations import GENOMES
from trainer.activations import activation, reference
from trainer.activations.cpu import Kernel
from trainer.activations.cpu.compiler import compiled
from trainer.activations.cpu.kernel import WORTH_SHARING

X = torch.cat([torch.linspace(-6, 6, 1001), torch.linspace(-90, 90, 300)])
HEAVY = "0.3*gelu(0.7*silu(x) + 0.2*sin(x))*tanh(x) + 0.1*abs(x)"
FORMULAS = (
    *("gelu", "silu", "relu", "relu2", "leaky_relu", "sigmoid(x)", "tanh(x)", "sin(x)", "abs(x)"),
    *("0.8*silu(x)*relu(x) + 0.2*x", HEAVY),
)
EPSILON = float(torch.finfo(torch.float32).eps)


def pulled(function: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    y = function(*leaves)
    upstream = torch.linspace(-1, 1, y.numel()).bfloat16().to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, leaves, upstream.view_as(y))]


def eager(genome: Genome) -> Callable[[Tensor], Tensor]:
    return lambda x: reference.evaluate(expression(genome), x)


def error(found: Tensor, exact: Tensor) -> float:
    return float(((found.double() - exact).abs() / exact.abs().clamp(min=1)).max())


@pytest.mark.parametrize("formula", FORMULAS)
def test_values_and_gradients_are_as_exact_as_eager_ones(formula: str) -> None:
    genome = parse(formula)
    exact = pulled(eager(genome), X.double())
    rival = pulled(eager(genome), X)
    for found, other, truth in zip(pulled(activation(genome), X), rival, exact, strict=True):
        assert error(found, truth) <= 4 * EPSILON + 2 * error(other, truth)


@settings(max_examples=60, deadline=None)
@given(GENOMES)
def test_any_formula_agrees_with_float64(genome: Genome) -> None:
    x = torch.linspace(-4, 4, 64)
    exact = pulled(eager(genome), x.double())
    rival = pulled(eager(genome), x)
    for found, other, truth in zip(pulled(activation(genome), x), rival, exact, strict=True):
        assert error(found, truth) <= 1e-5 + 8 * error(other, truth)


@pytest.mark.parametrize("formula", ["silu", "relu2", HEAVY])
def test_a_gated_layer_agrees_with_the_product(formula: str) -> None:
    genome = parse(formula)
    u = torch.linspace(2, -2, len(X)).sin()
    kernel = activation(genome)
    exact = pulled(lambda a, b: eager(genome)(a) * b, X.double(), u.double())
    for found, truth in zip(pulled(kernel.gated, X, u), exact, strict=True):
        assert error(found, truth) <= 20 * EPSILON
    assert torch.equal(kernel.gated(X, u), pulled(kernel.gated, X, u)[0])


@pytest.mark.parametrize("formula", ["gelu", "relu2"])
def test_bfloat16_is_the_float32_result_rounded(formula: str) -> None:
    x = X.bfloat16()
    y, gradient = pulled(activation(parse(formula)), x)
    exact = pulled(activation(parse(formula)), x.float())
    assert y.dtype == gradient.dtype == torch.bfloat16
    assert torch.equal(y, exact[0].bfloat16())
    step = float(torch.finfo(torch.bfloat16).eps)
    assert error(gradient, exact[1].double()) <= 2 * step


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_element_has_the_same_bits_wherever_it_stands(formula: str) -> None:
    kernel = Kernel(expression(parse(formula)))
    whole = kernel(X)
    for start, end in ((0, 1), (3, 40), (17, len(X))):
        assert torch.equal(kernel(X[start:end]), whole[start:end])
    assert torch.equal(kernel(X.view(-1, 1).expand(-1, 3)[:, 2]), whole)


@pytest.mark.parametrize("formula", ["gelu", "relu2"])
def test_threads_change_no_bit(formula: str) -> None:
    x = torch.linspace(-7, 7, 16 * WORTH_SHARING * 3 + 5)
    kernel = activation(parse(formula))
    alone = pulled(kernel, x)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        shared = pulled(kernel, x)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


@pytest.mark.parametrize("formula", FORMULAS)
def test_what_is_no_number_is_not_hidden(formula: str) -> None:
    x = torch.tensor([1.0, float("nan"), -1.0])
    for dtype in (torch.float32, torch.bfloat16):
        y = activation(parse(formula))(x.to(dtype))
        assert y.isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("formula", ["gelu", "silu", "tanh(x)", "sigmoid(x)"])
def test_far_inputs_give_the_limit(formula: str) -> None:
    x = torch.tensor([1e4, -1e4, 1e30, -1e30])
    y, gradient = pulled(activation(parse(formula)), x)
    truth = pulled(eager(parse(formula)), x.double())
    for found, limit in zip((y, gradient), truth, strict=True):
        assert torch.allclose(found.double(), limit, rtol=1e-6, atol=1e-6)


def test_other_constants_need_no_other_code() -> None:
    x = torch.linspace(-1, 1, 16)
    first = activation(parse("0.31*silu(x)*relu(x) + 0.17*x"))(x)
    made = compiled.cache_info().misses
    second = activation(parse("0.62*silu(x)*relu(x) + 0.34*x"))(x)
    assert compiled.cache_info().misses == made
    assert torch.allclose(second, 2 * first)


def test_equal_constants_are_not_taken_for_others() -> None:
    x = torch.linspace(-1, 1, 16)
    for formula in ("0.5*silu(x) + 0.5*tanh(x)", "0.5*silu(x) + 0.7*tanh(x)"):
        exact = eager(parse(formula))(x.double())
        assert torch.allclose(activation(parse(formula))(x).double(), exact, atol=1e-6)
