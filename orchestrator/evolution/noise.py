"""Telling gain from noise.

There are two noises. A null pair is a champion trained twice from the same weights, through the
same morph path, on two batch orders: what separates the twins is how far a model moves by its order
alone. A challenger reads its champion's batches, so most of that cancels in its gain, the more the
closer the two functions are and the shorter they train. A replicate pair measures it: a champion
and one challenger, as they were drawn, on a second order.

Differences are symmetric about zero by construction, so their scale needs no mean, and a gain is
judged by the t distribution with one degree of freedom a pair.
"""

from collections.abc import Sequence
from math import fsum, hypot, sqrt

from orchestrator.student import t_quantile

# With fewer pairs the t quantile is so wide that the test accepts nothing.
MINIMUM_PAIRS = 2
LEAST_GAIN = 1e-4
"""Bits per byte below which no gain is worth a change, however sure it is: challengers that differ
by a thousandth gain a millionth, order after order.
"""
CLOSEST = 0.1
"""Distance that is added, in squares, to that of two functions; see `reach`."""
CLOSEST_STEPS = 50
"""Steps up to which it stays so; it grows with their square, as small differences do that training
amplifies. docs/design/noise.md has the measurement.
"""


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


def reach(distance: float, steps: int) -> float:
    """How far the noise of a gain reaches: it is proportional to this.

    Args:
        distance: of the challenger's function from the champion's.
        steps: that both trained.
    """
    return hypot(distance, CLOSEST * max(1.0, steps / CLOSEST_STEPS) ** 2)


def replicate_difference(first: float, second: float, reached: float) -> float:
    """What separates the gains of one challenger on two batch orders, with the variance of a
    single gain, in bits per byte for a reach of 1.
    """
    return (first - second) / (sqrt(2) * reached)


def sigma(differences: Sequence[float]) -> float | None:
    """Standard deviation of a difference in bits per byte; None with too few pairs."""
    if len(differences) < MINIMUM_PAIRS:
        return None
    return sqrt(fsum(value * value for value in differences) / len(differences))


def gain_limit(differences: Sequence[float], *, level: float, comparisons: int) -> float | None:
    """The gain that the best of `comparisons` challengers that are no better exceeds with
    probability `level` at most (Bonferroni), in the unit of the differences; None when the noise
    is not known yet.
    """
    scale = sigma(differences)
    if scale is None:
        return None
    return scale * t_quantile(1 - level / max(1, comparisons), len(differences))
