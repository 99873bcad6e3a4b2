"""The entropy of the weights' magnitudes in a form that has a gradient.

The histogram of `weight_entropy` counts each weight in one bin, so its derivative is zero. Here a
weight counts in the two bins whose centres it lies between, in proportion to its nearness. One
weight more is spread over all bins, so that the logarithm of an empty one is finite.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.instruments.weight_entropy import BINS, greatest_magnitude


def soft_weight_entropy(weights: Sequence[Tensor]) -> Tensor:
    """Shannon entropy in nats, a scalar with gradient, over all elements of `weights`.

    Centres lie at 0, 1/255, ... 1 of the greatest magnitude, which is held fixed. The derivative by
    a magnitude is ln(share of the centre below / share of the centre above) / (count * spacing).
    An element that is not finite makes it NaN.
    """
    greatest = greatest_magnitude([tensor.detach() for tensor in weights])
    spacing = greatest / (BINS - 1)
    counts = torch.full((BINS,), 1 / BINS, dtype=weights[0].dtype, device=weights[0].device)
    for tensor in weights:
        place = tensor.abs().flatten() / (spacing or 1.0)
        below = place.detach().floor().nan_to_num(0).clamp(0, BINS - 2).long()
        above_share = place - below
        counts = counts.index_add(0, below, 1 - above_share)
        counts = counts.index_add(0, below + 1, above_share)
    shares = counts / counts.sum()
    entropy: Tensor = torch.special.entr(shares).sum()
    return entropy
