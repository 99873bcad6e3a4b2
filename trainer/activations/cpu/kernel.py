"""A compiled activation on tensors: one pass over memory forward, one backward.

Where the functions cost more than memory does, the forward pass writes the slope beside the value
and keeps it in place of x: the backward pass is a multiplication. Light formulas keep x and
compute their slope again.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from state.genome.expression import Expression
from trainer.activations.cpu.compiler import compiled
from trainer.activations.cpu.loops import LOOPS, LoopName, Precision
from trainer.activations.cpu.structure import is_light, structure
from trainer.activations.recomputed import Recomputed, RecomputedGated
from trainer.simd.lanes import LANES
from trainer.simd.parallel import in_parts

PRECISIONS: dict[torch.dtype, Precision] = {
    torch.float32: "float32",
    torch.bfloat16: "bfloat16",
}

WORTH_SHARING = 2**13
"""Sixteens of a part: below it, handing the part over takes longer than computing it."""


class Kernel:
    """One formula with its constants. It compiles what it needs when it needs it.

    Tensors are float32 or bfloat16 on the CPU; the arithmetic is float32 in both.
    """

    def __init__(self, tree: Expression) -> None:
        self.structure, constants = structure(tree)
        self.light = is_light(self.structure)
        self.constants = torch.tensor(constants, dtype=torch.float32)

    def __call__(self, x: Tensor) -> Tensor:
        """f(x)."""
        if not (torch.is_grad_enabled() and x.requires_grad):
            return self.run("value", x)[0]
        kind = Recomputed if self.light else _Heavy
        y: Tensor = kind.apply(self, x)  # type: ignore[no-untyped-call]
        return y

    def gated(self, x: Tensor, u: Tensor) -> Tensor:
        """f(x) u; both have one shape and dtype."""
        if not (torch.is_grad_enabled() and (x.requires_grad or u.requires_grad)):
            return self.run("gated_value", x, u)[0]
        kind = RecomputedGated if self.light else _HeavyGated
        y: Tensor = kind.apply(self, x, u)  # type: ignore[no-untyped-call]
        return y

    def run(self, name: LoopName, *inputs: Tensor) -> list[Tensor]:
        """What the loop writes; every tensor has the shape of the first."""
        read = [array.contiguous() for array in inputs]
        arrays = [*read, *(torch.empty_like(read[0]) for _ in range(LOOPS[name].num_outputs))]
        precision = PRECISIONS[read[0].dtype]
        code = compiled(name, self.structure, len(self.constants), precision)
        constants = self.constants.data_ptr()

        def some(first: int, count: int) -> None:
            start = first * LANES * read[0].element_size()
            code(*(array.data_ptr() + start for array in arrays), constants, count)

        in_parts(some, read[0].numel() // LANES, WORTH_SHARING)
        if rest := read[0].numel() % LANES:
            padded = [_padded(array, rest) for array in arrays]
            code(*(array.data_ptr() for array in padded), constants, 1)
            for array, tail in zip(arrays[len(read) :], padded[len(read) :], strict=True):
                array.view(-1)[-rest:] = tail[:rest]
        return arrays[len(read) :]


def _padded(array: Tensor, rest: int) -> Tensor:
    """The last elements and zeros behind them."""
    padded = array.new_zeros(LANES)
    padded[:rest] = array.view(-1)[-rest:]
    return padded


class _Heavy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, kernel: Kernel, x: Tensor) -> Tensor:
        y, slope = kernel.run("slope", x)
        ctx.save_for_backward(slope)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[None, Tensor]:
        (slope,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return None, upstream[0] * slope


class _HeavyGated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, kernel: Kernel, x: Tensor, u: Tensor) -> Tensor:
        y, *slopes = kernel.run("gated_slopes", x, u)
        ctx.save_for_backward(*slopes)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[None, Tensor, Tensor]:
        by_x, by_u = ctx.saved_tensors  # type: ignore[attr-defined]
        return None, upstream[0] * by_x, upstream[0] * by_u
