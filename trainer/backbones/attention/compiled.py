"""The compiled attention on tensors.

Shapes: B sequences, T positions, H heads, E width of a head.
"""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from trainer.backbones.attention.head import BLOCK_ROWS
from trainer.backbones.attention.program import module_of
from trainer.simd.items import PassName
from trainer.simd.lanes import LANES
from trainer.simd.machine import Code, machine_code
from trainer.simd.parallel import in_parts

CACHED_FLOATS = 2**16
"""Keys of one head beyond which the blocks no longer stay in the cache."""


def fits(qk_BT2HE: Tensor) -> bool:
    """Whether there is code for it: float32 on the CPU, whole 16s."""
    _, T, _, _, E = qk_BT2HE.shape
    whole = T % LANES == 0 and E % LANES == 0
    return whole and qk_BT2HE.is_cpu and qk_BT2HE.dtype == torch.float32 and T * E <= CACHED_FLOATS


def attention(qk_BT2HE: Tensor, v_BTHE: Tensor) -> Tensor:
    """Causal attention [B, T, H, E]; elements of a row lie side by side."""
    y: Tensor = _Attention.apply(qk_BT2HE, v_BTHE)  # type: ignore[no-untyped-call]
    return y


@cache
def code_of(name: PassName, width: int) -> Code:
    """Machine code for heads of a width."""
    return machine_code(module_of(name, width), name)


def run(name: PassName, tensors: Sequence[Tensor], stats: Tensor) -> None:
    """Fill what the pass writes."""
    B, T, H, E = tensors[0].shape
    code = code_of(name, E)
    strides = torch.tensor([[t.stride(0), t.stride(1), t.stride(2)] for t in tensors])

    def some(first: int, count: int) -> None:
        scratch = torch.empty((2 * E + 2 * BLOCK_ROWS) * T)
        arrays = (*tensors, stats, scratch, strides)
        code(*(array.data_ptr() for array in arrays), T, H, first, count)

    in_parts(some, B * H, at_least=max(1, 2**18 // (T * T)))


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, qk: Tensor, v: Tensor) -> Tensor:
        B, T, _, H, _ = qk.shape
        o, stats = (
            torch.empty_like(v, memory_format=torch.contiguous_format),
            qk.new_empty(B, H, T, 2),
        )
        run("forward", (*qk.unbind(2), v, o), stats)
        ctx.save_for_backward(qk, v, o, stats)
        return o

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor, Tensor]:
        qk, v, o, stats = ctx.saved_tensors  # type: ignore[attr-defined]
        dqk, dv = qk.new_empty(qk.shape), v.new_empty(v.shape)
        do = upstream[0].contiguous()
        run("backward", (*qk.unbind(2), v, o, do, *dqk.unbind(2), dv), stats)
        return dqk, dv
