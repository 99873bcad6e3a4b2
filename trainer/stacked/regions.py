"""What happens between two activations, as functions of tensors alone.

Neither formula nor rate nor member is among what they are given, so they can be compiled once for
a shape. `composed` says in which form they are written: out of plain operations, which a compiler
fuses, or with the gradients that are written by hand.

Shapes: M members, B sequences, T positions, D model width, H heads, E width of a head, W inner
width, O any width.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.activations.gpu.available import why_absent
from trainer.backbones.attention import attend, attend_to
from trainer.backbones.rms_norm import EPSILON, rms_norm
from trainer.backbones.rotary import rotate, turned

RECOMPILE_LIMIT = 32
"""Forms of one region in a process; PyTorch gives up after eight."""


class Weights(NamedTuple):
    """Of a linear layer or a norm, all members' in one tensor; absent ones are None."""

    weight: Tensor | None
    bias: Tensor | None = None


class BlockWeights(NamedTuple):
    """Of a block; `w_up` is None where there is no gate."""

    attention_norm: Weights
    qkv: Weights
    out: Weights
    ffn_norm: Weights
    w_in: Weights
    w_up: Weights
    w_out: Weights


class Before(NamedTuple):
    """What precedes an activation."""

    stream: Tensor
    """[M, B, T, D] behind attention."""
    inner: Tensor
    """[M, B, T, W], what enters the activation."""
    up: Tensor | None
    """The factor of a gate."""


def before_activation(
    x_MBTD: Tensor,
    weights: BlockWeights,
    rotation: Tensor | None,
    heads: int,
    dropped: Tensor | None,
    *,
    composed: bool,
) -> Before:
    """From the residual stream through attention to what enters the activation.

    `rotation` is None in the classic recipe; `dropped` are the factors of dropout.
    """
    y_MBTD = normed(x_MBTD, weights.attention_norm, composed=composed)
    mixed_MBTD = attention(y_MBTD, weights, rotation, heads, composed=composed)
    x_MBTD = added(x_MBTD, mixed_MBTD, dropped)
    y_MBTD = normed(x_MBTD, weights.ffn_norm, composed=composed)
    up = None if weights.w_up.weight is None else linear(y_MBTD, weights.w_up)
    return Before(x_MBTD, linear(y_MBTD, weights.w_in), up)


def after_activation(
    stream_MBTD: Tensor, hidden_MBTW: Tensor, w_out: Weights, dropped: Tensor | None
) -> Tensor:
    """Back to the residual stream."""
    return added(stream_MBTD, linear(hidden_MBTW, w_out), dropped)


def added(x_MBTD: Tensor, branch_MBTD: Tensor, dropped: Tensor | None) -> Tensor:
    """The stream with what a layer adds to it."""
    return x_MBTD + (branch_MBTD if dropped is None else branch_MBTD * dropped)


def linear(x_MBTD: Tensor, weights: Weights) -> Tensor:
    """Each member's layer on its own input."""
    assert weights.weight is not None
    M, B, T, D = x_MBTD.shape
    x_MND, w_MDO = x_MBTD.reshape(M, B * T, D), weights.weight.mT
    if weights.bias is None:
        y_MNO = torch.bmm(x_MND, w_MDO)
    else:
        y_MNO = torch.baddbmm(weights.bias[:, None], x_MND, w_MDO)
    return y_MNO.view(M, B, T, -1)


def attention(
    x_MBTD: Tensor,
    weights: BlockWeights,
    rotation: Tensor | None,
    heads: int,
    *,
    composed: bool,
) -> Tensor:
    """Causal self-attention of all members' sequences at once."""
    M, B, T, D = x_MBTD.shape
    heads_NT3HE = linear(x_MBTD, weights.qkv).view(M * B, T, 3, heads, D // heads)
    qk_NT2HE, v_NT1HE = torch.split(heads_NT3HE, [2, 1], dim=2)
    if rotation is not None:
        unit = composed_rms_norm(qk_NT2HE) if composed else rms_norm(qk_NT2HE)
        table = rotation.to(unit.dtype)
        qk_NT2HE = turned(unit, *table) if composed else rotate(unit, table)
    v_NTHE = v_NT1HE.squeeze(2)
    if composed:
        q_NTHE, k_NTHE = qk_NT2HE.unbind(2)
        y_NTHE = attend_to(q_NTHE, k_NTHE.transpose(1, 2), v_NTHE.transpose(1, 2), 0)
    else:
        y_NTHE = attend(qk_NT2HE, v_NTHE)
    return linear(y_NTHE.reshape(M, B, T, D), weights.out)


def normed(x_MBTD: Tensor, weights: Weights, *, composed: bool) -> Tensor:
    """RMSNorm without gains, or LayerNorm with each member's own."""
    if weights.weight is None:
        return composed_rms_norm(x_MBTD) if composed else rms_norm(x_MBTD)
    assert weights.bias is not None
    unit = F.layer_norm(x_MBTD, x_MBTD.shape[-1:])
    return unit * weights.weight[:, None, None] + weights.bias[:, None, None]


def composed_rms_norm(x: Tensor) -> Tensor:
    """`rms_norm` out of plain operations."""
    exact = x.float()
    return (exact * (exact.square().mean(dim=-1, keepdim=True) + EPSILON).rsqrt()).to(x.dtype)


class Regions(NamedTuple):
    """The two functions as they run on a device."""

    before: Callable[..., Before]
    after: Callable[..., Tensor]
    composed: bool


@cache
def regions(device: str) -> Regions:
    """Compiled on CUDA where Triton is there, which torch's compiler needs; else as written."""
    if device != "cuda" or why_absent() is not None:
        return Regions(before_activation, after_activation, composed=False)
    # With and without gate and dropout, for one member, for several, then for any number of them.
    torch._dynamo.config.recompile_limit = max(
        RECOMPILE_LIMIT, torch._dynamo.config.recompile_limit
    )
    return Regions(
        torch.compile(before_activation, fullgraph=True),
        torch.compile(after_activation, fullgraph=True),
        composed=True,
    )
