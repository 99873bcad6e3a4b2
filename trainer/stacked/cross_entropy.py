"""Cross-entropy by row in Triton: logits are read in their own type and never stored in float32.

Forward leaves the nats of every row and the logarithm of its sum of exponentials; backward reads
the logits again and writes their gradient.

Shapes: R rows (tokens of all members), V vocabulary.
"""

from functools import cache
from types import ModuleType

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from trainer.activations.gpu.programs import OPTIONS
from trainer.activations.gpu.written import written_module

LARGEST_BLOCK = 4096
"""Logits of a row that are held at a time."""

SOURCE = """\
import triton
import triton.language as tl


@triton.jit
def capped(at, place, inside, cap, CAPPED: tl.constexpr):
    raw = tl.load(at + place, mask=inside, other=0.0).to(tl.float32)
    if CAPPED:
        size = tl.abs(raw) / cap
        bounded = 1.0 - 2.0 / (tl.exp(size + size) + 1.0)
        raw = cap * tl.where(raw < 0.0, -bounded, bounded)
    return raw


@triton.jit
def forward(logits, targets, nats, sums, cap, columns, CAPPED: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = logits + row * columns
    most = -float("inf")
    total = 0.0
    for first in range(0, columns, BLOCK):
        place = first + tl.arange(0, BLOCK)
        inside = place < columns
        z = tl.where(inside, capped(at, place, inside, cap, CAPPED), -float("inf"))
        higher = tl.maximum(most, tl.max(z, axis=0))
        total = total * tl.exp(most - higher) + tl.sum(tl.exp(z - higher), axis=0)
        most = higher
    log_sum = most + tl.log(total)
    target = tl.load(targets + row)
    place = target + tl.arange(0, 1)
    hit = tl.sum(capped(at, place, place < columns, cap, CAPPED), axis=0)
    tl.store(sums + row, log_sum)
    tl.store(nats + row, log_sum - hit)


@triton.jit
def backward(
    logits, targets, sums, upstream, gradient, cap, columns,
    CAPPED: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    at = logits + row * columns
    log_sum = tl.load(sums + row)
    scale = tl.load(upstream + row)
    target = tl.load(targets + row)
    for first in range(0, columns, BLOCK):
        place = first + tl.arange(0, BLOCK)
        inside = place < columns
        z = capped(at, place, inside, cap, CAPPED)
        slope = tl.exp(z - log_sum) - tl.where(place == target, 1.0, 0.0)
        if CAPPED:
            slope = slope * (1.0 - (z / cap) * (z / cap))
        tl.store(gradient + row * columns + place, slope * scale, mask=inside)
"""


@cache
def kernels() -> ModuleType:
    """`forward` and `backward`."""
    return written_module(SOURCE)


def cross_entropy_by_row(logits_RV: Tensor, targets_R: Tensor, cap: float | None) -> Tensor:
    """Nats [R] in float32 of `cap * tanh(logits / cap)`, or of the logits; every row has a target.

    Only where Triton compiles for the tensor's device.
    """
    nats_R: Tensor = _ByRow.apply(logits_RV, targets_R, cap)  # type: ignore[no-untyped-call]
    return nats_R


class _ByRow(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, logits_RV: Tensor, targets_R: Tensor, cap: float | None
    ) -> Tensor:
        logits_RV, (rows, columns) = logits_RV.contiguous(), logits_RV.shape
        nats_R, sums_R = (logits_RV.new_empty(rows, dtype=torch.float32) for _ in range(2))
        sizes = (cap or 1.0, columns, cap is not None, _block(columns))
        kernels().forward[(rows,)](logits_RV, targets_R, nats_R, sums_R, *sizes, **OPTIONS)
        ctx.save_for_backward(logits_RV, targets_R, sums_R)
        ctx.sizes = sizes  # type: ignore[attr-defined]
        return nats_R

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor, None, None]:
        logits_RV, targets_R, sums_R = ctx.saved_tensors  # type: ignore[attr-defined]
        gradient_RV = torch.empty_like(logits_RV)
        kernels().backward[(len(logits_RV),)](
            *(logits_RV, targets_R, sums_R, upstream[0].float().contiguous(), gradient_RV),
            *ctx.sizes,  # type: ignore[attr-defined]
            **OPTIONS,
        )
        return gradient_RV, None, None


def _block(columns: int) -> int:
    return min(LARGEST_BLOCK, 1 << (columns - 1).bit_length())
