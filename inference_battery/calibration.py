"""Does the model know what it knows? Expected calibration error on held-out text.

    error = sum over bins of |bin| / N |share right - mean confidence|

of the most likely token at every position, in 15 bins of equal width by its probability.

Source: Guo et al. 2017, arXiv 1706.04599.
"""

from collections.abc import Sequence

import torch

from inference_battery.language_model import CacheT, LanguageModel

NUM_BINS, MAX_WINDOWS = 15, 16


def calibration_error(
    model: LanguageModel[CacheT], tokens: Sequence[int], device: str = "cpu"
) -> float | None:
    """Over up to 16 windows spread evenly; None where the text holds no window."""
    length = model.context_length
    last = len(tokens) - length - 1
    if last < 0:
        return None
    count = min(MAX_WINDOWS, len(tokens) // (length + 1))
    starts = [last * i // max(1, count - 1) for i in range(count)]
    windows = torch.tensor(
        [list(tokens[start : start + length + 1]) for start in starts], device=device
    )
    with torch.inference_mode():
        chances = model(windows[:, :-1]).double().softmax(dim=-1)
    confidence, guess = chances.max(dim=-1)
    right = (guess == windows[:, 1:]).double().flatten()
    bins = (confidence.flatten() * NUM_BINS).long().clamp(max=NUM_BINS - 1)
    surplus = torch.zeros(NUM_BINS, dtype=torch.float64, device=right.device)
    surplus.index_add_(0, bins, right - confidence.flatten())
    return float(surplus.abs().sum() / len(right))
