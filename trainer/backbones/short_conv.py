"""What Mamba-2 does before its recurrence: a causal depthwise convolution, a bias and SiLU.

Shapes: B sequences, T positions, E channels, W inputs that come before.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.backbones.conv_code import conv_compiled, fits


def short_conv(
    x_BTE: Tensor,
    past_BWE: Tensor,
    weight_EW: Tensor,
    bias_E: Tensor,
    fresh_BT: Tensor | None,
    dtype: torch.dtype,
) -> Tensor:
    """`silu(conv(x) + bias)`, the sum in the dtype of x and SiLU in `dtype`."""
    if fresh_BT is None and dtype == x_BTE.dtype and fits(x_BTE, past_BWE):
        return conv_compiled(x_BTE, past_BWE, weight_EW, bias_E)
    convolved = causal_conv(x_BTE, past_BWE, weight_EW, fresh_BT)
    return F.silu((convolved + bias_E).to(dtype))


def causal_conv(
    x_BTE: Tensor, past_BWE: Tensor, weight_EW: Tensor, fresh_BT: Tensor | None
) -> Tensor:
    """Depthwise convolution with what came before; the last weight is that of the token itself.

    `past_BWE` holds one input less than there are weights. What is of another document counts
    nothing.
    """
    width, T = weight_EW.shape[1], x_BTE.shape[1]
    long = torch.cat([past_BWE, x_BTE], dim=1)
    total = x_BTE * weight_EW[:, -1]
    begun = None
    if fresh_BT is not None:
        begun = F.pad(fresh_BT.long(), (width - 1, 0)).cumsum(dim=1)
    for back in range(1, width):
        earlier = long[:, width - 1 - back : width - 1 - back + T]
        if begun is not None:
            same = begun[:, width - 1 - back : width - 1 - back + T] == begun[:, width - 1 :]
            earlier = earlier * same[..., None]
        total = torch.addcmul(total, earlier, weight_EW[:, -1 - back])
    return total
