"""The convolution of Mamba-2: torch's own, split anywhere, and compiled for the CPU."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.backbones.conv_code import conv_compiled, fits
from trainer.backbones.short_conv import causal_conv, short_conv


def drawn(length: int, channels: int, seed: int, num_sequences: int = 2) -> list[Tensor]:
    """Inputs beside four other channels, what came before, weights and bias."""
    stream = torch.Generator().manual_seed(seed)
    shapes = [(num_sequences, length, channels + 4), (num_sequences, 3, channels), (channels, 4)]
    return [torch.randn(shape, generator=stream) for shape in [*shapes, (channels,)]]


def with_gradients(tensors: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Outputs, and gradients of all but what came before, under one upstream gradient."""
    wide, past, weight, bias = (one.to(dtype) for one in tensors)
    leaves = [one.requires_grad_() for one in (wide, weight, bias)]
    y = short_conv(wide[..., 4:], past, weight, bias, None, dtype)
    upstream = torch.randn(y.shape, generator=torch.Generator().manual_seed(9)).to(dtype)
    return [y, *torch.autograd.grad(y, leaves, upstream)]


@settings(max_examples=30, deadline=None)
@given(length=st.integers(1, 20), split=st.integers(0, 20), seed=st.integers(0, 99))
def test_the_convolution_is_torchs_own_and_may_be_split(length: int, split: int, seed: int) -> None:
    x, past, weight, _ = drawn(length, 5, seed)
    x = x[..., 4:]
    long = torch.cat([past, x], dim=1)
    expected = torch.nn.functional.conv1d(long.mT, weight[:, None], groups=5).mT
    torch.testing.assert_close(causal_conv(x, past, weight, None), expected)
    split = min(split, length)
    halves = [
        causal_conv(x[:, :split], past, weight, None),
        causal_conv(x[:, split:], long[:, split : split + 3], weight, None),
    ]
    torch.testing.assert_close(torch.cat(halves, dim=1), expected)


@settings(max_examples=40, deadline=None)
@given(length=st.integers(4, 40), sixteens=st.integers(1, 5), seed=st.integers(0, 99))
def test_compiled_code_has_the_values_and_gradients_of_float64(
    length: int, sixteens: int, seed: int
) -> None:
    tensors = drawn(length, 16 * sixteens, seed)
    assert fits(tensors[0][..., 4:], tensors[1])
    exact = with_gradients(tensors, torch.float64)
    for one, other in zip(with_gradients(tensors, torch.float32), exact, strict=True):
        assert float((one.double() - other).abs().max().detach()) < 1e-6 * float(
            other.abs().max().detach()
        )


def test_compiled_code_may_be_split_and_reads_any_layout() -> None:
    wide, past, weight, bias = drawn(24, 32, seed=3)
    x = wide[..., 4:]
    whole = conv_compiled(x, past, weight, bias)
    halves = [
        conv_compiled(x[:, :10], past, weight, bias),
        conv_compiled(x[:, 10:], x[:, 7:10], weight, bias),
    ]
    assert torch.equal(torch.cat(halves, dim=1), whole)
    turned = x.transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(conv_compiled(turned, past, weight, bias), whole)


def test_any_number_of_threads_has_the_same_bits() -> None:
    tensors = drawn(64, 96, seed=5, num_sequences=32)
    alone = with_gradients(tensors, torch.float32)
    torch.set_num_threads(2)
    shared = with_gradients(tensors, torch.float32)
    torch.set_num_threads(1)
    assert all(torch.equal(one, other) for one, other in zip(alone, shared, strict=True))


def test_what_is_no_number_or_large_stays_so() -> None:
    wide, past, weight, bias = drawn(8, 16, seed=1)
    wide[0, 5, 4], wide[1, 2, 5] = float("nan"), 1e30
    y = conv_compiled(wide[..., 4:], past, weight, bias)
    eager = torch.nn.functional.silu(causal_conv(wide[..., 4:], past, weight, None) + bias)
    torch.testing.assert_close(y, eager, equal_nan=True)
    assert y.isnan().sum() == 3


@pytest.mark.parametrize("case", ["short", "odd width", "bfloat16", "past with gradient"])
def test_what_has_no_code_is_computed_by_torch(case: str) -> None:
    wide, past, weight, bias = drawn(
        3 if case == "short" else 8, 17 if case == "odd width" else 16, seed=2
    )
    dtype = torch.bfloat16 if case == "bfloat16" else torch.float32
    past = past.to(dtype).requires_grad_(case == "past with gradient")
    x, weight, bias = (one.to(dtype) for one in (wide[..., 4:], weight, bias))
    assert not fits(x, past)
    y = short_conv(x, past, weight, bias, None, torch.float32)
    sums = causal_conv(x, past, weight, None) + bias
    torch.testing.assert_close(y, torch.nn.functional.silu(sums.float()))
