"""The compiled recurrence on tensors.

Shapes: B sequences, T positions, H heads, E width of keys and of values.
"""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from trainer.backbones.wkv6_code.program import ARRAYS, SPAN, module_of
from trainer.simd.items import PassName
from trainer.simd.lanes import LANES
from trainer.simd.machine import Code, machine_code
from trainer.simd.parallel import in_parts

MAX_WIDTH = 64


def fits(k_BTHE: Tensor, v_BTHE: Tensor) -> bool:
    """Whether there is code for it: float32 on the CPU, whole 16s, keys as wide as values."""
    _, T, _, E = k_BTHE.shape
    whole = T % SPAN == 0 and E % LANES == 0 and E <= MAX_WIDTH and v_BTHE.shape[3] == E
    return whole and k_BTHE.is_cpu and k_BTHE.dtype == torch.float32


def wkv6_compiled(
    tensors: tuple[Tensor, Tensor, Tensor, Tensor, Tensor],
    fresh_BT: Tensor | None,
    state_BHKV: Tensor,
) -> tuple[Tensor, Tensor]:
    """Outputs and the last state for r, k, v, log w [B, T, H, E] and u [H, E]."""
    r, k, v, log_w, u = tensors
    kept_BT = r.new_ones(r.shape[:2]) if fresh_BT is None else (~fresh_BT).float()
    y, state = _WKV6.apply(r, k, v, log_w.exp(), u, kept_BT, state_BHKV.mT)  # type: ignore[no-untyped-call]
    return y, state.mT


@cache
def code_of(name: PassName, width: int) -> Code:
    """Machine code for heads of a width."""
    return machine_code(module_of(name, width), name)


def run(name: PassName, tensors: Mapping[str, Tensor]) -> None:
    """Fill what the pass writes; all tensors are contiguous."""
    B, T, H, E = tensors["r"].shape
    code = code_of(name, E)

    def some(first: int, count: int) -> None:
        span = torch.empty(SPAN * E * E) if name == "backward" else torch.empty(0)
        arrays = [span if array == "span" else tensors[array] for array in ARRAYS[name]]
        code(*(array.data_ptr() for array in arrays), T, H, first, count)

    in_parts(some, B * H, at_least=max(1, 2**16 // (T * E)))


class _WKV6(torch.autograd.Function):
    """The states have a row a value here."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        r: Tensor,
        k: Tensor,
        v: Tensor,
        w: Tensor,
        u: Tensor,
        m: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        B, T, H, E = r.shape
        given = [one.contiguous() for one in (r, k, v, w, u, m)]
        behind = state.clone(memory_format=torch.contiguous_format)
        y, kept = torch.empty_like(given[0]), r.new_empty(B, H, T // SPAN, E, E)
        named = dict(zip(("r", "k", "v", "w", "u", "m"), given, strict=True))
        run("forward", {**named, "y": y, "s": behind, "kept": kept})
        ctx.save_for_backward(*given, kept)
        return y, behind

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        *given, kept = ctx.saved_tensors  # type: ignore[attr-defined]
        named = dict(zip(("r", "k", "v", "w", "u", "m"), given, strict=True))
        B, _, H, E = given[0].shape
        found = {f"d{name}": torch.empty_like(named[name]) for name in ("r", "k", "v", "w")}
        found["du"] = kept.new_zeros(B, H, E)
        found["s"] = upstream[1].clone(memory_format=torch.contiguous_format)
        run("backward", {**named, **found, "dy": upstream[0].contiguous(), "kept": kept})
        by_token = (found["dr"], found["dk"], found["dv"], found["dw"])
        return (*by_token, found["du"].sum(dim=0), None, found["s"])
