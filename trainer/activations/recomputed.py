"""Functions whose backward pass computes them again from what they read.

What computes them runs loops by name: `value` and `pull`, `gated_value` and `gated_pull`.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

LoopName: TypeAlias = Literal["value", "pull", "gated_value", "gated_pull"]


class Runs(Protocol):
    """Compiled loops over a formula."""

    def run(self, name: LoopName, *inputs: Tensor) -> list[Tensor]:
        """What the loop writes; every tensor has the shape of the first."""
        ...


def value(kernel: Runs, x: Tensor) -> Tensor:
    """f(x)."""
    if not (torch.is_grad_enabled() and x.requires_grad):
        return kernel.run("value", x)[0]
    y: Tensor = Recomputed.apply(kernel, x)  # type: ignore[no-untyped-call]
    return y


def gated_value(kernel: Runs, x: Tensor, u: Tensor) -> Tensor:
    """f(x) u; both have one shape and dtype."""
    if not (torch.is_grad_enabled() and (x.requires_grad or u.requires_grad)):
        return kernel.run("gated_value", x, u)[0]
    y: Tensor = RecomputedGated.apply(kernel, x, u)  # type: ignore[no-untyped-call]
    return y


class Recomputed(torch.autograd.Function):
    """f(x) with x kept."""

    LOOPS: Sequence[LoopName] = ("value", "pull")

    @classmethod
    def forward(cls, ctx: FunctionCtx, kernel: Runs, *inputs: Tensor) -> Tensor:
        """The first loop."""
        ctx.kernel = kernel  # type: ignore[attr-defined]
        ctx.save_for_backward(*inputs)
        return kernel.run(cls.LOOPS[0], *inputs)[0]

    @classmethod
    @once_differentiable
    def backward(cls, ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The second, of the inputs and the upstream gradient."""
        kernel, inputs = ctx.kernel, ctx.saved_tensors  # type: ignore[attr-defined]
        return (None, *kernel.run(cls.LOOPS[1], *inputs, upstream[0]))


class RecomputedGated(Recomputed):
    """f(x) u with both kept."""

    LOOPS = ("gated_value", "gated_pull")
