"""Dropout of a stack: each member draws from a generator of its own, in the order it would alone.

Shapes: M members, B sequences, T positions, D model width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class StackedDropout:
    """The factors of dropout, step by step; the generators stay, for what was recorded."""

    def __init__(self, members: int, device: torch.device) -> None:
        self.generators = [torch.Generator(device) for _ in range(members)]
        self.probabilities = [0.0] * members

    def begin_step(self, probabilities: Sequence[float], seeds: Sequence[int]) -> None:
        """The members' probabilities and where their streams begin."""
        self.probabilities = list(probabilities)
        if any(probabilities):
            for generator, seed in zip(self.generators, seeds, strict=True):
                generator.manual_seed(seed)

    def factors(self, like_MBTD: Tensor) -> Tensor | None:
        """0 or `1 / (1 - p)`, the next of every member's stream; None where no member drops."""
        if not any(self.probabilities):
            return None
        factors_MBTD = torch.ones_like(like_MBTD)
        streams = zip(factors_MBTD, self.probabilities, self.generators, strict=True)
        for factors_BTD, probability, generator in streams:
            if probability:
                factors_BTD.bernoulli_(1 - probability, generator=generator).div_(1 - probability)
        return factors_MBTD
