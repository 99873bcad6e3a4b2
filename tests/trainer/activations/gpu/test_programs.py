"""Triton kernels in the interpreter against eager PyTorch in float64."""

import pytest
import torch
from hypothesis import given, settings

from state.genome import expression, parse
from state.records import Genome
from tests.trainer.activations.test_compiled import FORMULAS, X, eager, error, pulled
from tests.trainer.test_activations import GENOMES
from trainer.activations.gpu import Programs, blend, program
from trainer.activations.gpu import programs as module
from trainer.activations.gpu.kernels import kernel

# Where NumPy says so a device gives infinity, which the kernels reckon with.
pytestmark = pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
EPSILON = float(torch.finfo(torch.float32).eps)
MIXED = ("gelu", "0.5*silu(x) + 0.2*x", "gelu", "relu2", "0.7*silu(x) + 0.1*x")


def programs(*formulas: str) -> Programs:
    return Programs([program(expression(parse(formula))) for formula in formulas], "cpu")


def of_genome(genome: Genome) -> Programs:
    return Programs([program(expression(genome))], "cpu")


@pytest.mark.parametrize("formula", FORMULAS)
def test_values_and_gradients_are_as_exact_as_eager_ones(formula: str) -> None:
    genome = parse(formula)
    exact = pulled(eager(genome), X.double())
    rival = pulled(eager(genome), X)
    found = pulled(lambda x: of_genome(genome)(x[None])[0], X)
    for one, other, truth in zip(found, rival, exact, strict=True):
        assert error(one, truth) <= 12 * EPSILON + 2 * error(other, truth)


@settings(max_examples=15, deadline=None)
@given(GENOMES)
def test_any_formula_agrees_with_float64(genome: Genome) -> None:
    x = torch.linspace(-4, 4, 64)
    exact, rival = pulled(eager(genome), x.double()), pulled(eager(genome), x)
    found = pulled(lambda a: of_genome(genome)(a[None])[0], x)
    for one, other, truth in zip(found, rival, exact, strict=True):
        assert error(one, truth) <= 1e-5 + 8 * error(other, truth)


def test_each_member_gets_its_own_program_in_one_launch() -> None:
    x = torch.linspace(-3, 3, 5 * 1500).sin().mul(4).view(5, 10, 150)
    together = pulled(programs(*MIXED), x)
    for index, formula in enumerate(MIXED):
        alone = pulled(programs(formula), x[index : index + 1])
        assert torch.equal(together[0][index], alone[0][0])
        exact = eager(parse(formula))(x[index].double())
        assert error(together[0][index], exact) <= 12 * EPSILON


def test_several_kernels_give_what_one_gives() -> None:
    x = torch.linspace(-3, 3, 5 * 40).view(5, 40)
    made = [program(expression(parse(formula))) for formula in MIXED]
    whole = pulled(Programs(made, "cpu"), x)
    for together in (1, 2):
        parts = pulled(Programs(made, "cpu", together), x)
        assert all(torch.equal(one, other) for one, other in zip(parts, whole, strict=True))


def test_gates_and_their_gradients_agree_with_the_product() -> None:
    x = torch.stack([X, X.flip(0)])
    u = torch.linspace(2, -2, x.numel()).sin().view_as(x)
    formulas = ("silu", "0.3*gelu(x) + tanh(x)")
    found = pulled(programs(*formulas).gated, x, u)
    for index, formula in enumerate(formulas):
        own = eager(parse(formula))
        y = pulled(lambda a, b, f=own: f(a) * b, x[index].double(), u[index].double())
        assert error(found[0][index], y[0]) <= 20 * EPSILON
    upstream = torch.linspace(-1, 1, x.numel()).bfloat16().float().view_as(x)
    by_u = torch.stack([eager(parse(one))(x[i].double()) for i, one in enumerate(formulas)])
    assert error(found[2], by_u * upstream) <= 20 * EPSILON


@pytest.mark.parametrize("formula", ["gelu", "relu2"])
def test_bfloat16_is_the_float32_result_in_fewer_digits(formula: str) -> None:
    x = X[None].bfloat16()
    y, gradient = pulled(programs(formula), x)
    exact = pulled(programs(formula), x.float())
    assert y.dtype == gradient.dtype == torch.bfloat16
    # The interpreter cuts digits off where a device rounds.
    step = float(torch.finfo(torch.bfloat16).eps)
    assert error(y, exact[0].double()) <= step
    assert error(gradient, exact[1].double()) <= 2 * step


def test_a_blend_is_the_mean_of_both() -> None:
    old, new = (program(expression(parse(one))) for one in ("0.5*silu(x)", "sin(x) + 0.5*x"))
    blended = Programs([blend(old, new, 0.25)], "cpu")
    left, grown = (Programs([one], "cpu")(X[None]) for one in (old, new))
    assert torch.allclose(blended(X[None]), torch.lerp(left, grown, 0.25), rtol=1e-5, atol=1e-5)
    blended.move([blend(old, new, 1.0)])
    assert torch.allclose(blended(X[None]), grown, rtol=1e-6, atol=1e-6)


def test_other_constants_and_other_places_need_no_other_kernel() -> None:
    x = torch.ones(2, 3)
    programs("0.31*silu(x)", "relu")(x)
    made = kernel.cache_info().misses
    programs("relu", "0.62*silu(x)")(x)
    programs("relu", "relu", "0.4*silu(x)")(torch.ones(3, 3))
    assert kernel.cache_info().misses == made


def test_what_is_no_number_is_not_hidden() -> None:
    x = torch.tensor([[1.0, float("nan")]] * len(MIXED))
    assert programs(*MIXED)(x).isnan().tolist() == [[False, True]] * len(MIXED)


def test_nothing_gives_nothing() -> None:
    assert programs("gelu")(torch.zeros(1, 0)).shape == (1, 0)


def test_a_kernel_that_cannot_be_made_is_the_failure_of_its_members(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> None:
        raise TypeError("no such intrinsic")

    monkeypatch.setattr(module, "kernel", refused)
    with pytest.raises(RuntimeError, match="cannot compile an activation: no such intrinsic"):
        programs("gelu")(torch.ones(1, 3))
