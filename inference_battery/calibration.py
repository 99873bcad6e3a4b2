"""Does the model know what it knows? Expected calibration error on held-out text.

    error = sum over bins of |bin| / N |share right - mean confidence|

of the most likely token at every position, in 15 bins of equal width by its probability.

Source: Guo et al. 2017, arXiv 1706.04599.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from inference_battery.language_model import CacheT, LanguageModel

NUM_BINS, MAX_WINDOWS = 15, 16

Tokens = Sequence[int] | NDArray[np.integer]


def calibration_error(
    model: LanguageModel[CacheT], tokens: Tokens, device: str = "cpu"
) -> float | None:
    """Over up to 16 windows spread evenly; None where the text holds no window."""
    length = model.context_length
    last = len(tokens) - length - 1
    if last < 0:
        return None
    count = min(MAX_WINDOWS, len(tokens) // (length + 1))
    surplus = torch.zeros(NUM_BINS, dtype=torch.float64)
    for index in range(count):
        start = last * index // max(1, count - 1)
        read = [int(token) for token in tokens[start : start + length + 1]]
        window = torch.tensor([read], device=device)
        with torch.inference_mode():
            logits = model(window[:, :-1])[0].float()
            peak, guess = logits.max(dim=-1)
            confidence = (peak - logits.logsumexp(dim=-1)).exp().double().cpu()
        right = (guess == window[0, 1:]).double().cpu()
        bins = (confidence * NUM_BINS).long().clamp(max=NUM_BINS - 1)
        surplus.index_add_(0, bins, right - confidence)
    return float(surplus.abs().sum() / (count * length))
