"""Inputs of the recurrences, drawn by hypothesis."""

from typing import NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor

from trainer.backbones.ssd import SSDInputs
from trainer.backbones.wkv6 import WKV6Inputs


class Shape(NamedTuple):
    """Of one call: sequences, positions, heads, two widths, a seed, and how strong decays are."""

    B: int
    T: int
    H: int
    K: int
    V: int
    seed: int
    strength: float
    documents: bool


SHAPES = st.builds(
    Shape,
    B=st.integers(1, 3),
    T=st.integers(1, 70),
    H=st.integers(1, 3),
    K=st.integers(1, 6),
    V=st.integers(1, 6),
    seed=st.integers(0, 10_000),
    strength=st.sampled_from([0.01, 0.3, 3.0]),
    documents=st.booleans(),
)
CHUNKS = st.sampled_from([1, 2, 4, 8, 32, 64])


def drawn(stream: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream, dtype=torch.float64).requires_grad_()


def log_decays(stream: torch.Generator, strength: float, *shape: int) -> Tensor:
    raw = torch.randn(*shape, generator=stream, dtype=torch.float64)
    return (-strength * raw.exp()).clamp(min=-90.0).requires_grad_()


def begins(stream: torch.Generator, shape: Shape) -> Tensor | None:
    found = torch.rand(shape.B, shape.T, generator=stream) < 0.15
    return found if shape.documents else None


def wkv6_inputs(shape: Shape) -> tuple[WKV6Inputs, Tensor]:
    stream, (B, T, H, K, V, *_) = torch.Generator().manual_seed(shape.seed), shape
    r, k, v = (drawn(stream, B, T, H, width) for width in (K, K, V))
    log_w = log_decays(stream, shape.strength, B, T, H, K)
    given = WKV6Inputs(r, k, v, log_w, drawn(stream, H, K), begins(stream, shape))
    return given, drawn(stream, B, H, K, V)


def ssd_inputs(shape: Shape) -> tuple[SSDInputs, Tensor]:
    stream, (B, T, H, P, S, *_) = torch.Generator().manual_seed(shape.seed), shape
    x, a = drawn(stream, B, T, H, P), log_decays(stream, shape.strength, B, T, H)
    b, c = drawn(stream, B, T, S), drawn(stream, B, T, S)
    return SSDInputs(x, a, b, c, begins(stream, shape)), drawn(stream, B, H, P, S)
