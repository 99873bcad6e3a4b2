"""How widely the magnitudes of the weights are spread: the entropy of their histogram.

The histogram has 256 equal bins from 0 to the greatest magnitude, so the entropy does not change
when all weights are scaled alike; it lies between 0 (one bin) and ln 256 = 5.55 nats. One outlier
widens every bin and lowers it.
"""

from collections.abc import Iterable
from math import isfinite

import torch
from torch import Tensor, nn

from trainer.instruments.entropy import entropy

BINS = 256


@torch.no_grad()
def weight_entropy(weights: nn.Module | Iterable[Tensor]) -> float | None:
    """Shannon entropy in nats over all elements of a model's parameters, or of `weights`.

    None where an element is not finite, or where there is none. Weights that are all zero have
    entropy 0.
    """
    parameters = weights.parameters() if isinstance(weights, nn.Module) else weights
    tensors = [tensor.detach() for tensor in parameters if tensor.numel()]
    if not tensors:
        return None
    greatest = greatest_magnitude(tensors)
    if not isfinite(greatest):
        return None
    return entropy(magnitude_counts(tensors, greatest))


def greatest_magnitude(tensors: Iterable[Tensor]) -> float:
    """The greatest magnitude of any element; NaN or infinite where an element is."""
    extremes = [torch.stack(torch.aminmax(tensor)).abs().amax().float() for tensor in tensors]
    return float(torch.stack(extremes).amax())


def magnitude_counts(tensors: Iterable[Tensor], greatest: float) -> Tensor:
    """Elements in each of the 256 bins of [0, greatest], the last one closed, int64."""
    counts = torch.zeros(BINS, dtype=torch.int64)
    for tensor in tensors:
        share = tensor.abs().float().flatten()
        if greatest:
            share = share.div_(greatest)
        # Integers, so that the sum does not depend on the order in which a GPU adds.
        bins = share.mul_(BINS).to(torch.int32).clamp_max_(BINS - 1)
        counts += torch.bincount(bins, minlength=BINS).cpu()
    return counts
