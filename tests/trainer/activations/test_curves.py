"""Trained activations in float64 against formulas of their own, values and every gradient."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.special import expit, ndtr

from state.genome import initial_coefficients, parse
from state.genome.curve import slopes, values
from trainer.activations import Curve, activation
from trainer.activations.learnable import function

Array = NDArray[np.float64]
Reference = Callable[[Array, Array], tuple[Array, Array, list[Array]]]
"""Coefficients [P, W] or [P] and x [N, W] to value, slope, and derivative by each coefficient."""

WIDTH = 6
LEARNED = "learned(0.8*silu(x)*tanh(-1.5*x) + 0.2*x)"


def universal(c: Array, x: Array) -> tuple[Array, Array, list[Array]]:
    s = expit(x)
    return c[0] * x * s + c[1] * x, c[0] * (s + x * s * (1 - s)) + c[1], [x * s, x]


def blend(c: Array, x: Array) -> tuple[Array, Array, list[Array]]:
    s, density = expit(x), np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    basis = [x * s, np.maximum(x, 0), x * ndtr(x), x, x**2]
    by_x = [s + x * s * (1 - s), (x > 0) * 1.0, ndtr(x) + x * density, np.ones_like(x), 2 * x]
    value = sum((ck * f for ck, f in zip(c, basis, strict=True)), np.zeros_like(x))
    slope = sum((ck * f for ck, f in zip(c, by_x, strict=True)), np.zeros_like(x))
    return value, slope, basis


def spline(c: Array, x: Array) -> tuple[Array, Array, list[Array]]:
    def curve(points: Array) -> tuple[Array, Array]:
        knots = -6 + 12 / 13 * (np.arange(20) - 3)
        bent = BSpline(knots, points, 3)
        inside = np.clip(x, -6, 6 - 1e-13)
        slope = bent.derivative()(inside)
        return bent(inside) + (x - inside) * slope, slope

    return *curve(c), [curve(one)[0] for one in np.eye(16)]


def rational(c: Array, x: Array) -> tuple[Array, Array, list[Array]]:
    above, inner = np.polyval(c[3::-1], x), np.polyval([c[5], c[4], 0], x)
    below, sign = 1 + np.abs(inner), np.sign(inner)
    slope = np.polyval(np.polyder(c[3::-1]), x) / below
    slope -= above / below**2 * sign * np.polyval([2 * c[5], c[4]], x)
    by_above = [x**k / below for k in range(4)]
    return above / below, slope, by_above + [-above / below**2 * sign * x**k for k in (1, 2)]


def learned(c: Array, x: Array) -> tuple[Array, Array, list[Array]]:
    # -0.8*silu(x)*tanh(1.5*x) + 0.2*x: the sign leaves the odd tanh.
    assert initial_coefficients(parse(LEARNED)) == (-0.8, 1.5, 0.2)
    a, b, d = c
    s, t = expit(x), np.tanh(b * x)
    silu, bent = x * s, 1 - t * t
    slope = a * ((s + x * s * (1 - s)) * t + silu * b * bent) + d
    return a * silu * t + d * x, slope, [silu * t, a * silu * x * bent, x]


REFERENCES: dict[str, Reference] = {
    "universal": universal,
    "blend": blend,
    "spline": spline,
    "rational": rational,
    LEARNED: learned,
}


def trained(formula: str) -> tuple[Curve, torch.Tensor]:
    """A curve that has left its start, in float64, and points on both sides of every border."""
    stream = torch.Generator().manual_seed(3)
    curve = Curve(parse(formula), WIDTH).double()
    with torch.no_grad():
        curve.bias.copy_(torch.randn(curve.bias.shape, generator=stream) * 0.3)
    return curve, torch.linspace(-9.03, 9.01, 31 * WIDTH, dtype=torch.float64).view(31, WIDTH)


@pytest.mark.parametrize("formula", REFERENCES)
def test_values_and_gradients_agree_with_the_formula_in_float64(formula: str) -> None:
    curve, x = trained(formula)
    x.requires_grad_()
    y = curve(x)
    upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(4)).double()
    by_x, by_bias = torch.autograd.grad((y * upstream).sum(), [x, curve.bias])
    value, slope, by_each = REFERENCES[formula](
        curve.coefficients.detach().numpy(), x.detach().numpy()
    )
    expected = [(upstream.numpy() * one).sum(axis=0) for one in by_each]
    if curve.bias.ndim == 1:
        expected = [one.sum() for one in expected]
    assert y.detach().numpy() == pytest.approx(value, rel=1e-6, abs=1e-12)
    assert by_x.numpy() == pytest.approx(upstream.numpy() * slope, rel=1e-6, abs=1e-12)
    assert by_bias.numpy() == pytest.approx(np.stack(expected), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("formula", REFERENCES)
def test_gradients_are_the_limits_of_differences(formula: str) -> None:
    curve, x = trained(formula)
    inputs = (curve.coefficients.detach().requires_grad_(), x[::3].clone().requires_grad_())
    assert torch.autograd.gradcheck(function(parse(formula)), inputs)


@pytest.mark.parametrize("formula", REFERENCES)
def test_an_untrained_curve_is_the_one_of_its_genome(formula: str) -> None:
    curve = Curve(parse(formula), 1).double()
    x = np.concatenate([np.linspace(-12, 12, 97), [-6.0, 6.0]])
    points = torch.from_numpy(x)[:, None].requires_grad_()
    y = curve(points)
    (slope,) = torch.autograd.grad(y.sum(), points)
    for found, expected in ((y, values(parse(formula), x)), (slope, slopes(parse(formula), x))):
        # The start is float32.
        assert found.detach().numpy()[:, 0] == pytest.approx(expected, rel=1e-6, abs=2e-6)


@pytest.mark.parametrize("formula", REFERENCES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_dtype_of_the_input_is_kept(formula: str, dtype: torch.dtype) -> None:
    curve = Curve(parse(formula), WIDTH)
    x = torch.linspace(-5, 5, 7 * WIDTH).view(7, WIDTH).to(dtype)
    y = curve(x)
    assert y.dtype == dtype
    y.sum().backward()
    assert curve.bias.grad is not None
    assert curve.bias.grad.dtype == torch.float32
    expected = values(parse(formula), x.double().numpy())
    tolerance = 2e-6 if dtype == torch.float32 else 2**-8
    assert y.detach().double().numpy() == pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("formula", REFERENCES)
def test_what_is_not_finite_stays_so_and_breaks_nothing(formula: str) -> None:
    curve = Curve(parse(formula), 3)
    x = torch.tensor([[1.0, float("nan"), 2.0]], requires_grad=True)
    y = curve(x)
    y.sum().backward()
    assert torch.isnan(y).tolist() == [[False, True, False]]


@pytest.mark.parametrize("formula", REFERENCES)
def test_a_curve_has_one_parameter_that_starts_at_zero(formula: str) -> None:
    curve = Curve(parse(formula), WIDTH)
    assert list(curve.state_dict()) == ["bias"]
    assert not curve.bias.any()
    start = torch.tensor(initial_coefficients(parse(formula)))
    assert torch.equal(curve.coefficients.reshape(len(start), -1)[:, 0], start)


def test_neurons_differ_where_they_have_coefficients_of_their_own() -> None:
    curve = Curve(parse("universal"), 2)
    with torch.no_grad():
        curve.bias[:, 1] = torch.tensor([-1.0, 1.0])
    x = torch.full((1, 2), 3.0)
    assert curve(x).tolist() == [[pytest.approx(float(3 * expit(3.0))), 3.0]]


def test_the_gradient_of_a_spline_is_summed_in_float64() -> None:
    curve, x = Curve(parse("spline"), 1), torch.linspace(-5, 5, 200_000)[:, None]
    curve(x).sum().backward()
    exact = Curve(parse("spline"), 1).double()
    exact(x.double()).sum().backward()
    assert curve.bias.grad is not None
    assert exact.bias.grad is not None
    assert torch.allclose(curve.bias.grad.double(), exact.bias.grad, rtol=1e-5)


def test_a_plain_genome_trains_nothing_and_a_learnable_one_is_no_plain_function() -> None:
    with pytest.raises(ValueError, match=r"gelu\(x\) has nothing to train; give a learnable"):
        function(parse("gelu"))
    with pytest.raises(ValueError, match=r"'universal\(x\)' has trained coefficients"):
        activation(parse("universal"))
