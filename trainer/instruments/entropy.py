"""Shannon entropy of counts."""

import torch
from torch import Tensor


def entropy(counts: Tensor) -> float:
    """Entropy in nats of the distribution that `counts` are proportional to; not all are zero."""
    share = counts.double() / counts.sum()
    return float(torch.special.entr(share).sum())
