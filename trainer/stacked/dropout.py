"""Dropout of a stack: each member draws from a generator of its own, in the order it would alone.

Shapes: M members, B sequences, T positions, D model width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class StackedDropout:
    """The factors of dropout of one step."""

    def __init__(
        self, probabilities: Sequence[float], seeds: Sequence[int], device: torch.device
    ) -> None:
        self.probabilities = list(probabilities)
        self.generators: list[torch.Generator] = []
        if any(probabilities):
            self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

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
