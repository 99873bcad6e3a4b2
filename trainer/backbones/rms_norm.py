"""RMSNorm without gains, with a gradient of few passes over memory.

The gradient of y = x s, s the inverse root mean square, is s (g - y mean(g y)); kept are y and s.

Shapes: the last axis is normalised; everything before it is rows.

Source: B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (2019).
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

EPSILON = torch.finfo(torch.float32).eps


def rms_norm(x: Tensor) -> Tensor:
    """Every row at root mean square 1; computed in float32 or better, in the dtype of x."""
    y: Tensor = _RMSNorm.apply(x)  # type: ignore[no-untyped-call]
    return y


class RMSNorm(nn.Module):
    """`rms_norm` as a layer; it has no parameters."""

    def forward(self, x: Tensor) -> Tensor:
        """The rows of x, normalised."""
        return rms_norm(x)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        precision = torch.promote_types(x.dtype, torch.float32)
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=precision)
        scale = norm.square_().div_(x.shape[-1]).add_(EPSILON).rsqrt_()
        y: Tensor = (x * scale).to(x.dtype)
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> Tensor:
        y, scale = ctx.saved_tensors  # type: ignore[attr-defined]
        (gradient,) = upstream
        along = torch.linalg.vecdot(gradient.to(scale.dtype), y.to(scale.dtype)).unsqueeze(-1)
        across = torch.addcmul(gradient.to(scale.dtype), y.to(scale.dtype), along / -y.shape[-1])
        result: Tensor = across.mul_(scale).to(gradient.dtype)
        return result
