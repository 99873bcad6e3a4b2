"""Compiled attention against PyTorch's in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.attention import attend
from trainer.backbones.attention.compiled import attention, fits

SHAPES = [(2, 16, 1, 16), (1, 48, 3, 32), (3, 32, 2, 48), (2, 64, 2, 64)]
EPSILON = float(torch.finfo(torch.float32).eps)


def inputs(shape: tuple[int, int, int, int], size: float = 1.0) -> tuple[Tensor, Tensor]:
    """Queries and keys, and values."""
    B, T, H, E = shape
    drawn = torch.randn(B, T, 3, H, E, generator=torch.Generator().manual_seed(T + E))
    return size * drawn[:, :, :2], size * drawn[:, :, 2]


def by_definition(qk: Tensor, v: Tensor) -> Tensor:
    q, k, v = (tensor.transpose(1, 2) for tensor in (*qk.unbind(2), v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)


def pulled(function: Callable[..., Tensor], *given: Tensor) -> list[Tensor]:
    leaves = [tensor.clone().requires_grad_() for tensor in given]
    y = function(*leaves)
    upstream = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return [y.detach(), *torch.autograd.grad(y, leaves, upstream)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [0.1, 1.0, 6.0])
def test_outputs_and_gradients_are_as_exact_as_pytorchs(
    shape: tuple[int, int, int, int], size: float
) -> None:
    given = inputs(shape, size)
    assert fits(given[0])
    exact = pulled(by_definition, *(tensor.double() for tensor in given))
    rival = pulled(by_definition, *given)
    for found, other, truth in zip(pulled(attention, *given), rival, exact, strict=True):
        scale = max(1.0, float(truth.abs().max()))
        allowed = 20 * EPSILON * scale + 4 * float((other - truth).abs().max())
        assert float((found - truth).abs().max()) <= allowed


def test_no_position_sees_a_later_one() -> None:
    qk, v = inputs((1, 64, 2, 16))
    whole = attention(qk, v)
    for end in (16, 32, 48):
        assert torch.equal(attention(qk[:, :end], v[:, :end]), whole[:, :end])


def test_threads_change_no_bit() -> None:
    given = inputs((6, 64, 16, 16))
    alone = pulled(attention, *given)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        shared = pulled(attention, *given)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_what_is_no_number_is_not_hidden() -> None:
    qk, v = inputs((1, 32, 1, 16))
    qk[0, 20, 0, 0, 3] = float("nan")
    assert attention(qk, v)[0, :, 0, 0].isnan().nonzero().flatten().tolist() == [20]


@pytest.mark.parametrize("shape", [(2, 17, 2, 16), (2, 16, 2, 12), (1, 8, 1, 8)])
def test_shapes_without_code_are_computed_too(shape: tuple[int, int, int, int]) -> None:
    given = inputs(shape)
    assert not fits(given[0])
    torch.testing.assert_close(attend(*given), by_definition(*given))


def test_bfloat16_is_the_float32_result_rounded() -> None:
    qk, v = (tensor.bfloat16() for tensor in inputs((2, 32, 2, 16)))
    assert torch.equal(attend(qk, v), attend(qk.float(), v.float()).bfloat16())
