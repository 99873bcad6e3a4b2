"""The cubic B-spline of a layer: only x is stored, value and slope are computed from one table.

The table holds the coefficients of 1, r, r^2 and r^3 in every piece of [-6, 6], r from 0 to 1
within a piece; beyond the ends the spline goes on as a straight line.

Shapes: x is [...]; the table is [4, NUM_PIECES]; N elements of x in one row.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from state.genome.learnable_curves import BASIS, LIMIT, NUM_PIECES, PIECE


def spline(points: Tensor, x: Tensor) -> Tensor:
    """The spline with these 16 control points at every element of x, in the dtype of both."""
    y: Tensor = _Pieces.apply(pieces(points), x)  # type: ignore[no-untyped-call]
    return y


def pieces(points: Tensor) -> Tensor:
    """The table of a spline."""
    windows = torch.stack([points[k : k + NUM_PIECES] for k in range(4)])
    basis = points.new_tensor(BASIS)
    # Sums and not a matrix product: it is too small to be counted as one.
    return (basis[:, :, None] * windows[:, None, :]).sum(dim=0)


class _Pieces(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, table: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(table, x)
        index_N, r_N, beyond_N = _located(x)
        a, b, c, d = (row.index_select(0, index_N) for row in table.unbind())
        bent_N = a + r_N * (b + r_N * (c + r_N * d))
        y_N = bent_N + beyond_N * _slope(r_N, b, c, d)
        return y_N.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor, Tensor]:
        table, x = ctx.saved_tensors  # type: ignore[attr-defined]
        index_N, r_N, beyond_N = _located(x)
        _, b, c, d = (row.index_select(0, index_N) for row in table.unbind())
        gradient_N = upstream[0].flatten()
        table_gradient = _table_gradient(gradient_N, index_N, r_N, beyond_N)
        return table_gradient, (gradient_N * _slope(r_N, b, c, d)).view_as(x)


def _located(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The piece of every element, its place in the piece, and how far it lies beyond the ends."""
    x_N = x.flatten()
    inside_N = x_N.clamp(-LIMIT, LIMIT)
    place_N = (inside_N + LIMIT) / PIECE
    # What is not a number has no piece: it takes the first one and remains what it is.
    floor_N = place_N.floor().clamp_(max=NUM_PIECES - 1).nan_to_num_(nan=0.0)
    return floor_N.long(), place_N - floor_N, x_N - inside_N


def _slope(r: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return (b + r * (2 * c + 3 * r * d)) / PIECE


def _table_gradient(gradient_N: Tensor, index_N: Tensor, r_N: Tensor, beyond_N: Tensor) -> Tensor:
    """Gradient [4, NUM_PIECES], summed in float64."""
    sums = gradient_N.new_zeros((4, NUM_PIECES), dtype=torch.float64)
    power_N = gradient_N
    for row in sums.unbind():
        row.index_add_(0, index_N, power_N.double())
        power_N = power_N * r_N
    left, right = ((gradient_N * beyond_N.clamp(*side)).sum() for side in ((None, 0), (0, None)))
    # The lines: slope b / PIECE of the first piece, (b + 2 c + 3 d) / PIECE of the last.
    sums[1, 0] += left.double() / PIECE
    sums[:, -1] += right.double() / PIECE * torch.arange(4, device=sums.device)
    return sums.to(gradient_N.dtype)
