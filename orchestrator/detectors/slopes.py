"""Whether a model's search loss rises, told from noise, while its training loss falls."""

from collections.abc import Sequence
from math import fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

from orchestrator.detectors.evidence import History
from orchestrator.student import t_quantile

WINDOW = 5
LEVEL = 0.05
"""How often a flat noisy series may seem to rise, shared among the models looked at."""
_PLACES = tuple(place - (WINDOW - 1) / 2 for place in range(WINDOW))
_SPREAD = fsum(place * place for place in _PLACES)


class Trend(NamedTuple):
    """Least-squares slopes over the last five evaluations."""

    search: float
    """Bits per byte an evaluation."""
    train: float
    """Nats per token an evaluation."""
    error: float
    """Standard error of `search`, from what the line leaves over."""


def trend(history: History) -> Trend | None:
    """Slopes of the last evaluations; None where there are fewer than five or one has no
    training loss.
    """
    recent = history[-WINDOW:]
    search = [bits for _, bits, _ in recent]
    train = [loss for _, _, loss in recent if loss is not None]
    if len(train) < WINDOW:
        return None
    slope = _slope(search)
    return Trend(search=slope, train=_slope(train), error=_error(search, slope))


def least_rise(found: Trend, *, models: int = 1, noise_sigma: float | None = None) -> float:
    """The slope of the search loss that is no noise any more, in bits per byte an evaluation.

    Student's t for three degrees of freedom. Five values may lie on a line by chance, so where
    the noise is known the slope must also stand out of what a single run's noise
    (sigma / sqrt 2, as sigma is that of a difference) makes of five values.
    """
    level = LEVEL / models
    limit = found.error * t_quantile(1 - level, WINDOW - 2)
    if noise_sigma is None:
        return limit
    expected = noise_sigma / sqrt(2) / sqrt(_SPREAD)
    return max(limit, expected * NormalDist().inv_cdf(1 - level))


def overfits(found: Trend, limit: float) -> bool:
    """The search loss rises by more than `limit` while the training loss falls."""
    return found.search > limit and found.train < 0


def _slope(values: Sequence[float]) -> float:
    return fsum(place * value for place, value in zip(_PLACES, values, strict=True)) / _SPREAD


def _error(values: Sequence[float], slope: float) -> float:
    mean = fsum(values) / WINDOW
    rests = (value - mean - slope * place for place, value in zip(_PLACES, values, strict=True))
    return sqrt(fsum(rest * rest for rest in rests) / (WINDOW - 2) / _SPREAD)
