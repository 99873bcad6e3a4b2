"""Cross-entropy of capped logits with its gradient, in one pass over the raw logits.

The cap bounds the logits, so no maximum need be subtracted and one tanh and one exp per element
serve value and gradient alike. Rows are taken in groups that stay in the cache.

Shapes: N tokens, V vocabulary.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F  # noqa: N812

ELEMENTS_AT_A_TIME = {"cpu": 2**17, "cuda": 2**28}
MAX_CAP = 60.0
"""With a larger one the sum of exponentials may leave float32."""


def capped_cross_entropy(raw_NV: Tensor, targets_N: Tensor, cap: float) -> Tensor:
    """Mean nats of `cap * tanh(raw / cap)` for float32 logits; every token has a target."""
    if cap > MAX_CAP:
        return F.cross_entropy(cap * torch.tanh(raw_NV / cap), targets_N)
    nats: Tensor = _CappedCrossEntropy.apply(raw_NV, targets_N, cap)  # type: ignore[no-untyped-call]
    return nats


class _CappedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, raw_NV: Tensor, targets_N: Tensor, cap: float) -> Tensor:
        gradient_NV, nats = torch.empty_like(raw_NV), raw_NV.new_zeros(())
        rows = max(1, ELEMENTS_AT_A_TIME[raw_NV.device.type] // raw_NV.shape[1])
        for first in range(0, len(raw_NV), rows):
            group = slice(first, first + rows)
            nats += _write_gradient(raw_NV[group], targets_N[group, None], cap, gradient_NV[group])
        ctx.save_for_backward(gradient_NV.div_(len(raw_NV)))
        return nats / len(raw_NV)

    @staticmethod
    def backward(ctx: FunctionCtx, *upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient_NV,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient_NV * upstream[0], None, None


def _write_gradient(raw: Tensor, targets: Tensor, cap: float, gradient: Tensor) -> Tensor:
    """Summed nats of a group of rows; the gradient of that sum goes to `gradient`."""
    bounded = torch.div(raw, cap).tanh_()
    logits = torch.mul(bounded, cap)
    hit = logits.gather(1, targets)
    torch.exp(logits, out=gradient)
    total = gradient.sum(dim=1, keepdim=True)
    gradient.div_(total).scatter_add_(1, targets, torch.full_like(hit, -1.0))
    gradient.mul_(bounded.square_().neg_().add_(1))
    return (total.log() - hit).sum()
