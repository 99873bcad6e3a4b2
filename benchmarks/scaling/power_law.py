"""A power law through measured points."""

from collections.abc import Sequence
from math import log
from statistics import median

import numpy as np
from scipy import stats

from state.base import Record

CONFIDENCE = 0.95


class PowerLaw(Record):
    """y = factor * x ** exponent, fitted to the logarithms by least squares."""

    exponent: float
    low: float
    """Of the 95 % interval of the exponent."""
    high: float
    factor: float
    points: int

    def __str__(self) -> str:
        return f"{self.exponent:.2f} ({self.low:.2f} to {self.high:.2f})"


def power_law(xs: Sequence[float], ys: Sequence[float]) -> PowerLaw:
    """The exponent with its interval by Student's t; points are taken as independent.

    Raises:
        ValueError: there are not three points, one is not positive, or all have one x.
    """
    if len(xs) < 3 or len(set(xs)) < 2 or min(*xs, *ys) <= 0:
        raise ValueError(
            f"{len(xs)} points of {len(set(xs))} sizes give no power law with an interval; "
            "measure three or more, all above zero"
        )
    u, v = np.log(xs), np.log(ys)
    spread = float(((u - u.mean()) ** 2).sum())
    exponent = float(((u - u.mean()) * (v - v.mean())).sum()) / spread
    left = v - v.mean() - exponent * (u - u.mean())
    error = float(left @ left / (len(xs) - 2) / spread) ** 0.5
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(xs) - 2)) * error
    return PowerLaw(
        exponent=exponent,
        low=exponent - reach,
        high=exponent + reach,
        factor=float(np.exp(v.mean() - exponent * u.mean())),
        points=len(xs),
    )


def medians(xs: Sequence[float], ys: Sequence[float]) -> dict[float, float]:
    """Median y of each x, x ascending."""
    found: dict[float, list[float]] = {}
    for x, y in sorted(zip(xs, ys, strict=True)):
        found.setdefault(x, []).append(y)
    return {x: median(values) for x, values in found.items()}


def last_exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The exponent between the medians of the two largest x: where a constant part counts least."""
    (x1, y1), (x2, y2) = list(medians(xs, ys).items())[-2:]
    return log(y2 / y1) / log(x2 / x1)
