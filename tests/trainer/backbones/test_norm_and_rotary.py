"""The gradients that are written by hand, against autograd and PyTorch's own."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.rms_norm import rms_norm
from trainer.backbones.rotary import rotate, rotation_table


def noise(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(7)).to(dtype)


@pytest.mark.parametrize("shape", [(5, 8), (2, 3, 16), (2, 4, 2, 3, 6)])
def test_rms_norm_is_pytorchs_with_its_gradient(shape: tuple[int, ...]) -> None:
    x = noise(*shape, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(rms_norm, (x,))
    expected = F.rms_norm(x, (shape[-1],), eps=torch.finfo(torch.float32).eps)
    torch.testing.assert_close(rms_norm(x), expected)


def test_a_row_of_zeros_stays_zero_and_passes_a_finite_gradient() -> None:
    x = torch.zeros(2, 8, requires_grad=True)
    y = rms_norm(x)
    torch.autograd.backward(y.sum())
    assert torch.equal(y, torch.zeros(2, 8))
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_bfloat16_is_normalised_in_float32() -> None:
    x = noise(3, 64, dtype=torch.bfloat16)
    assert torch.equal(rms_norm(x), rms_norm(x.float()).bfloat16())


def test_a_row_that_is_no_number_is_not_hidden() -> None:
    x = torch.tensor([[1.0, float("nan")], [1.0, 2.0]])
    assert rms_norm(x).isnan().tolist() == [[True, True], [False, False]]


def test_rotation_is_that_of_complex_numbers_with_its_gradient() -> None:
    x, table = noise(2, 5, 2, 3, 8, dtype=torch.float64), rotation_table(5, 8).double()
    left, right = x.chunk(2, dim=-1)
    cos, sin = table[0, ..., :4], table[1, ..., 4:]
    turned = torch.complex(left, right) * torch.complex(cos, sin)
    torch.testing.assert_close(rotate(x, table), torch.cat([turned.real, turned.imag], dim=-1))
    assert torch.autograd.gradcheck(lambda y: rotate(y, table), (x.requires_grad_(),))


def test_only_the_distance_of_two_positions_matters() -> None:
    table = rotation_table(12, 16)
    x = noise(1, 1, 2, 1, 16).expand(1, 12, 2, 1, 16)
    query, key = rotate(x, table).unbind(dim=2)
    products = (query[0, :, 0] @ key[0, :, 0].T).double()
    for distance in range(-11, 12):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-4, atol=1e-5)
