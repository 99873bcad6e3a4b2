"""Telling gain from noise.

A null pair is a champion trained twice from the same weights, through the same morph path, on two
batch orders: what separates the twins means nothing. The differences are symmetric about zero by
construction, so their scale needs no mean, and a gain is judged by the t distribution with one
degree of freedom a pair.
"""

from collections.abc import Sequence
from math import fsum, sqrt

from orchestrator.student import t_quantile

# With fewer pairs the t quantile is so wide that the test accepts nothing.
MINIMUM_PAIRS = 2


def null_differences(values: Sequence[float]) -> tuple[float, ...]:
    """Independent differences from `n` runs that differ in batch order only: n - 1 of them.

    Helmert contrasts, scaled so that each has the variance of a plain difference of two runs;
    for two runs it is that difference. Subtracting one run from all others would not do: the
    differences would share its error.
    """
    contrasts = []
    for count in range(1, len(values)):
        mean = fsum(values[:count]) / count
        contrasts.append((mean - values[count]) * sqrt(2 * count / (count + 1)))
    return tuple(contrasts)


def sigma(differences: Sequence[float]) -> float | None:
    """Standard deviation of a null difference in bits per byte; None with too few pairs."""
    if len(differences) < MINIMUM_PAIRS:
        return None
    return sqrt(fsum(value * value for value in differences) / len(differences))


def gain_limit(differences: Sequence[float], *, level: float, comparisons: int) -> float | None:
    """The gain that the best of `comparisons` null challengers exceeds with probability `level`
    at most (Bonferroni); None when the noise is not known yet.
    """
    scale = sigma(differences)
    if scale is None:
        return None
    return scale * t_quantile(1 - level / max(1, comparisons), len(differences))
