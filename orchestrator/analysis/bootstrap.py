"""How sure is a mean over text? A bootstrap over consecutive stretches of it.

Neighbouring windows are correlated, stretches of some thousand bytes much less, so that stretches
are drawn with replacement and not tokens or windows. An interval is about other text of the same
kind, not about other seeds.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from state.base import Record
from state.seeds import generator

LEVEL = 0.95
RESAMPLES = 20_000
MIN_STRETCHES = 16
"""Fewer say too little: with eight, an interval of 95 % holds the truth nine times in ten."""
MAX_STRETCHES = 64

Values = NDArray[np.float64]


class Interval(Record):
    """A value and where it may lie."""

    mean: float
    low: float
    high: float
    level: float = LEVEL

    @property
    def sign(self) -> int:
        """1 or -1 where 0 is shown to be no possible value, else 0."""
        return (self.low > 0) - (self.high < 0)


def ratio(
    sums: Sequence[float] | Values, weights: Sequence[float] | Values, level: float = LEVEL
) -> Interval | None:
    """Sum of `sums` / sum of `weights` over stretches; None where they are too few.

    A paired difference is the ratio of the stretches' differences.
    """
    above, below = np.asarray(sums, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    assert above.shape == below.shape
    if len(above) < MIN_STRETCHES:
        return None
    counts = _counts(len(above))
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (counts @ above) / (counts @ below)
    # A resample without any weight has no ratio; where there are stretches enough none is.
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    mean = float(above.sum() / below.sum())
    return Interval(mean=mean, low=float(low), high=float(high), level=level)


def stretched(values: Values, num: int = MAX_STRETCHES) -> Values:
    """Sums of consecutive stretches, as equal as they can be, of values in the text's order."""
    cuts = np.array_split(np.asarray(values, dtype=np.float64), min(num, len(values)))
    return np.array([cut.sum() for cut in cuts])


@lru_cache(maxsize=4)
def _counts(num: int) -> Values:
    """How often each stretch is drawn, [resamples, stretches]; alike wherever there are as many."""
    rng = generator(0, "stretch bootstrap", num)
    return rng.multinomial(num, np.full(num, 1 / num), size=RESAMPLES).astype(np.float64)
