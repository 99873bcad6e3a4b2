"""How often a standardised chart alarms for nothing, from simulation.

The table is measured by benchmarks/cusum.py on one one-sided chart over the 1,000 values after
its opening: the largest of four limits, for independent Gaussian noise, an autoregression of .5,
Student's t with three degrees of freedom, and an autoregression of .8 of such a t.
docs/design/cusum.md says more.
"""

from itertools import pairwise
from math import exp, log

FAMILY_RATE = 0.05
"""Chance that any chart of a panel alarms for nothing within 1,000 stationary steps."""
RATES = (0.5, 0.2, 0.05, 0.02, 0.01, 0.005, 0.002)
"""Chance that one chart does."""
LIMITS: dict[float, tuple[float, ...]] = {
    0.0: (25.08, 29.19, 33.93, 36.7, 38.76, 40.74, 43.5),
    0.25: (8.69, 10.32, 12.33, 13.5, 14.55, 15.53, 16.85),
    0.5: (5.57, 6.63, 7.96, 8.75, 9.35, 9.91, 10.81),
    0.75: (4.18, 4.91, 5.93, 6.58, 7.04, 7.5, 7.98),
    1.0: (3.3, 4.0, 4.69, 5.24, 5.66, 6.0, 6.41),
}
"""The h that keeps each rate, by allowance k."""


def calibrated_threshold(charts: int, drift: float = 0.5) -> float:
    """The h at which `charts` one-sided charts alarm for nothing in 5 % of 1,000 steps."""
    rate = 1 - (1 - FAMILY_RATE) ** (1 / charts)
    return _at(-log(rate), [(-log(rate), h) for rate, h in zip(RATES, _limits(drift), strict=True)])


def false_alarm_rate(threshold: float, charts: int, drift: float = 0.5) -> float:
    """Chance that any of `charts` one-sided charts alarms for nothing within 1,000 steps."""
    rows = [(h, -log(rate)) for rate, h in zip(RATES, _limits(drift), strict=True)]
    rate = exp(-max(0.0, _at(threshold, rows)))
    return 1 - (1 - rate) ** charts


def _limits(drift: float) -> list[float]:
    """The column for an allowance, between two measured ones in proportion; 1 for larger ones."""
    columns = [[(k, log(limits[row])) for k, limits in LIMITS.items()] for row in range(len(RATES))]
    return [exp(_at(min(drift, max(LIMITS)), column)) for column in columns]


def _at(x: float, rows: list[tuple[float, float]]) -> float:
    """The line through the two rows around `x`; beyond the ends the last line goes on."""
    for (left, low), (right, high) in pairwise(rows):
        if x <= right or right == rows[-1][0]:
            return low + (high - low) * (x - left) / (right - left)
    raise AssertionError("a table has two rows")
