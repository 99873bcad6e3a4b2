"""The compiled convolution on tensors.

Shapes: B sequences, T positions, E channels, W inputs that come before.
"""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from trainer.backbones.conv_code.program import ARRAYS, BIAS, module_of
from trainer.backbones.shapes import CONV_WIDTH
from trainer.simd.items import PassName
from trainer.simd.lanes import LANES
from trainer.simd.machine import Code, machine_code
from trainer.simd.parallel import in_parts


def fits(x_BTE: Tensor, past_BWE: Tensor) -> bool:
    """Whether there is code for it: float32 on the CPU, whole 16s, no gradient for the past."""
    _, T, E = x_BTE.shape
    whole = T >= CONV_WIDTH and E % LANES == 0
    plain = x_BTE.dtype == past_BWE.dtype == torch.float32 and x_BTE.is_cpu
    return whole and plain and not past_BWE.requires_grad


def conv_compiled(x_BTE: Tensor, past_BWE: Tensor, weight_EW: Tensor, bias_E: Tensor) -> Tensor:
    """`silu(conv(x) + bias)`; the last weight is that of the token itself."""
    found: Tensor = _ConvSiLU.apply(x_BTE, past_BWE, weight_EW, bias_E)  # type: ignore[no-untyped-call]
    return found


@cache
def code_of(name: PassName) -> Code:
    """Machine code, whatever the width."""
    return machine_code(module_of(name), name)


def run(name: PassName, tensors: Mapping[str, Tensor]) -> None:
    """Fill what the pass writes."""
    B, T, E = tensors["x"].shape
    code, pointers = code_of(name), [tensors[array].data_ptr() for array in ARRAYS[name]]
    stride = tensors["x"].stride(1)

    def some(first: int, count: int) -> None:
        code(*pointers, T, E, stride, first, count)

    in_parts(some, B * E // LANES, at_least=max(1, 2**16 // (T * LANES)))


def _with_rows(x_BTE: Tensor) -> Tensor:
    """With channels side by side and all rows equally far apart; a slice of channels is."""
    fine = x_BTE.stride(2) == 1 and x_BTE.stride(0) == x_BTE.shape[1] * x_BTE.stride(1)
    return x_BTE if fine else x_BTE.contiguous()


class _ConvSiLU(torch.autograd.Function):
    """Keeps the slope of SiLU in place of its input."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, x_BTE: Tensor, past_BWE: Tensor, weight_EW: Tensor, bias_E: Tensor
    ) -> Tensor:
        weights = torch.cat([weight_EW.mT, bias_E[None]])
        given = {"x": _with_rows(x_BTE), "past": past_BWE.contiguous(), "weights": weights}
        y, slope = (x_BTE.new_empty(x_BTE.shape) for _ in range(2))
        run("forward", {**given, "y": y, "slope": slope})
        ctx.save_for_backward(*given.values(), slope)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, dy_BTE: Tensor) -> tuple[Tensor | None, ...]:
        x, past, weights, slope = ctx.saved_tensors  # type: ignore[attr-defined]
        given = {"x": x, "past": past, "weights": weights, "slope": slope}
        dx = torch.empty_like(slope)
        sums = slope.new_empty(len(slope), CONV_WIDTH + 1, slope.shape[2])
        run("backward", {**given, "dy": dy_BTE.contiguous(), "dx": dx, "sums": sums})
        total = sums.sum(dim=0)
        return dx, None, total[:BIAS].mT, total[BIAS]
