"""The entropy with a gradient: near the histogram's, and its derivative is the one it promises."""

import pytest
import torch
from torch import Tensor

from trainer.instruments.soft_entropy import soft_weight_entropy
from trainer.instruments.weight_entropy import BINS, weight_entropy


def drawn(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_it_is_near_the_entropy_of_the_histogram() -> None:
    weights = [drawn(40_000), 0.3 * drawn(10_000, 2)]
    assert float(soft_weight_entropy(weights)) == pytest.approx(weight_entropy(weights), rel=0.01)


def test_its_gradient_is_the_finite_difference() -> None:
    weights = drawn(300).requires_grad_()
    (gradient,) = torch.autograd.grad(soft_weight_entropy([weights]), weights)
    step, ordinary = 1e-7, int(weights.detach().abs().argmin())
    moved = [weights.detach().clone() for _ in range(2)]
    for values, sign in zip(moved, (1, -1), strict=True):
        values[ordinary] += sign * step
    above, below = (float(soft_weight_entropy([values])) for values in moved)
    assert float(gradient[ordinary]) == pytest.approx((above - below) / (2 * step), rel=1e-4)


def test_a_weight_is_drawn_towards_the_fuller_of_its_two_bins() -> None:
    spacing = 1 / (BINS - 1)
    crowd, lonely = torch.full((50,), 10 * spacing), torch.tensor([10.5 * spacing, 1.0])
    weights = torch.cat([crowd, lonely]).requires_grad_()
    soft_weight_entropy([weights]).backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None
    assert float(weights.grad[50]) > 0
    mirrored = (-weights.detach()).requires_grad_()
    soft_weight_entropy([mirrored]).backward()  # type: ignore[no-untyped-call]
    assert mirrored.grad is not None
    assert torch.equal(mirrored.grad, -weights.grad)


def test_empty_bins_and_zeros_have_a_finite_gradient() -> None:
    weights = torch.tensor([0.0, 0.0, 0.5, 1.0], requires_grad=True)
    soft_weight_entropy([weights]).backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None
    assert bool(weights.grad.isfinite().all())
    zeros = torch.zeros(4, requires_grad=True)
    assert bool(soft_weight_entropy([zeros]).isfinite())


def test_a_weight_that_is_not_finite_makes_it_nan() -> None:
    assert bool(soft_weight_entropy([torch.tensor([1.0, float("nan")])]).isnan())
