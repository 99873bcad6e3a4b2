"""Rotary positions.

Shapes: B sequences, T positions, H heads, E width of a head.

Source: J. Su et al., "RoFormer" (2021), halves instead of neighbours paired.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

ROTARY_BASE = 10_000.0


def rotation_table(block: int, width: int) -> Tensor:
    """Cosines and sines [2, block, 1, 1, E]; the sines of the first half are negative."""
    frequencies = ROTARY_BASE ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(block, dtype=torch.float64), frequencies)
    cos, sin = angles.cos(), angles.sin()
    table = torch.stack([torch.cat([cos, cos], dim=1), torch.cat([-sin, sin], dim=1)])
    return table.float()[:, :, None, None, :]


def rotate(x_BT2HE: Tensor, table: Tensor) -> Tensor:
    """Queries and keys turned by the angles of their positions."""
    rotated: Tensor = _Rotate.apply(x_BT2HE, table.to(x_BT2HE.dtype))  # type: ignore[no-untyped-call]
    return rotated


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, table: Tensor) -> Tensor:
        ctx.save_for_backward(table)
        return turned(x, *table)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor, None]:
        """The gradient turns back."""
        (table,) = ctx.saved_tensors  # type: ignore[attr-defined]
        cos, sin = table
        return turned(upstream[0], cos, -sin), None


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The rotation out of plain operations."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)
