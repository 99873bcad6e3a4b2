"""The compiled window on tensors.

Shapes: B sequences, T positions, H heads, P values of a head, S width of the state.
"""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from trainer.backbones.attention.head import BLOCK_ROWS
from trainer.backbones.ssd_code.program import ARRAYS, module_of
from trainer.simd.items import PassName
from trainer.simd.lanes import LANES
from trainer.simd.machine import Code, machine_code
from trainer.simd.parallel import in_parts


def fits(x_BTHP: Tensor) -> bool:
    """Whether there is code for it: float32 on the CPU, whole 16s."""
    whole = x_BTHP.shape[1] % LANES == x_BTHP.shape[3] % LANES == 0
    return whole and x_BTHP.is_cpu and x_BTHP.dtype == torch.float32


def within(x_BTHP: Tensor, upto_BTH: Tensor, b_BTS: Tensor, c_BTS: Tensor) -> Tensor:
    """What tokens read of those before them and of themselves, [B, T, H, P].

    `upto_BTH` is float64: logarithms of decays, summed up from the first token on.
    """
    y: Tensor = _Within.apply(x_BTHP, upto_BTH, c_BTS @ b_BTS.mT)  # type: ignore[no-untyped-call]
    return y


@cache
def code_of(name: PassName, width: int) -> Code:
    """Machine code for heads of a width."""
    return machine_code(module_of(name, width), name)


def run(name: PassName, tensors: Mapping[str, Tensor]) -> None:
    """Fill what the pass writes; all tensors are contiguous."""
    B, T, H, P = tensors["x"].shape
    code = code_of(name, P)

    def some(first: int, count: int) -> None:
        scratch = torch.empty((P + BLOCK_ROWS) * T)
        arrays = (*(tensors[array] for array in ARRAYS[name]), scratch)
        code(*(array.data_ptr() for array in arrays), T, H, first, count)

    in_parts(some, B, at_least=max(1, 2**18 // (T * T * H)))


class _Within(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, upto_BTH: Tensor, g: Tensor) -> Tensor:
        high = upto_BTH.float()
        u_BH2T = torch.stack([high, (upto_BTH - high).float()], dim=1).permute(0, 3, 1, 2)
        given = {"x": x.contiguous(), "g": g, "u": u_BH2T.contiguous()}
        y = torch.empty_like(given["x"])
        run("forward", {**given, "y": y})
        ctx.save_for_backward(*given.values())
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, dy: Tensor) -> tuple[Tensor, ...]:
        x, g, u = ctx.saved_tensors  # type: ignore[attr-defined]
        found = {"dx": torch.empty_like(x), "dg": torch.zeros_like(g)}
        found["du"] = torch.zeros_like(u[:, :, 0])
        run("backward", {"x": x, "g": g, "u": u, "dy": dy.contiguous(), **found})
        return found["dx"], found["du"].mT.double(), found["dg"]
