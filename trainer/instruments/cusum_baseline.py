"""What a signal's values are compared with: a robust running location, scale and correlation.

Every value is compared with the prediction that the values before it allow, so nothing has to be
known beforehand. The errors of prediction are cut at three scales; location and scale are those
at which the cut errors have mean zero and the variance of cut Gaussian noise (Huber's proposal 2
as a running estimate). What a chart adds up has therefore no drift of its own whatever the noise
looks like: spikes, skew, or zeros with a few large values.

Source: Huber, Robust Estimation of a Location Parameter, 1964; Hawkins, Self-starting CUSUM
Charts for Location and Scale, 1987, for charting while the baseline is learned.
"""

from itertools import pairwise
from math import erfc, exp, fsum, pi, sqrt
from statistics import median
from typing import Literal

from pydantic import Field

from state.base import Record

OPENING = 50
"""Values that found a baseline; the chart is silent until it has them."""
CUT = 3.0
"""Errors count as at most that many scales: no single value makes an alarm."""
LOCATION_GAIN = 0.02
"""The location forgets in 50 values: slower trends are training, not change."""
SCALE_GAIN = 0.01
CORRELATION_GAIN = 0.01
MAX_CORRELATION = 0.8
"""Whitening with more would leave nothing of a shift."""

_TAIL = erfc(CUT / sqrt(2))
CUT_VARIANCE = 1 - _TAIL - 2 * CUT * exp(-CUT * CUT / 2) / sqrt(2 * pi) + CUT * CUT * _TAIL
"""Variance of standard Gaussian noise after the cut."""


class Baseline(Record):
    """What is normal for a signal that has a value at every step."""

    kind: Literal["running"] = "running"
    opening: tuple[float, ...] = ()
    """The first values, until there are enough."""
    count: int = Field(default=0, ge=0)
    location: float = 0.0
    scale: float = Field(default=0.0, ge=0)
    """Of the errors of prediction, in units of the signal."""
    correlation: float = Field(default=0.0, ge=0, le=MAX_CORRELATION)
    """Of consecutive values: AR(1), no negative ones."""
    previous: float = 0.0


def deviation(
    baseline: Baseline, value: float, smallest_scale: float
) -> tuple[float | None, Baseline]:
    """How far `value` is from its prediction in scales, at most CUT; None during the opening.

    `smallest_scale` is the scale of a signal that does not vary, in its units.
    """
    if baseline.count < OPENING:
        return None, _collected(baseline, value, smallest_scale)
    before = baseline.previous - baseline.location
    error = value - baseline.location - baseline.correlation * before
    gain = max(SCALE_GAIN, 1 / (baseline.count + 1))
    # One standard error on the safe side: a scale taken too small multiplies false alarms.
    safe_scale = baseline.scale * (1 + sqrt(gain / 4))
    return cut(error / safe_scale), _learned(baseline, value, error, before, smallest_scale)


def cut(error: float) -> float:
    """At most CUT scales in either direction."""
    return max(-CUT, min(CUT, error))


def _learned(
    old: Baseline, value: float, error: float, before: float, smallest_scale: float
) -> Baseline:
    """The estimates after one more value; gains fall as 1/count until the memory is full."""
    pull = cut(error / old.scale)
    own = 1 / (old.count + 1)
    free = 1 - old.correlation * old.correlation
    lag = cut(before * sqrt(free) / old.scale)
    correlation = old.correlation + max(CORRELATION_GAIN, own) * pull * lag * free
    growth = 1 + max(SCALE_GAIN, own) / 2 * (pull * pull / CUT_VARIANCE - 1)
    step = max(LOCATION_GAIN, own) * old.scale * pull / (1 - old.correlation)
    return Baseline(
        count=old.count + 1,
        location=old.location + step,
        scale=max(smallest_scale, old.scale * growth),
        correlation=max(0.0, min(MAX_CORRELATION, correlation)),
        previous=value,
    )


def _collected(baseline: Baseline, value: float, smallest_scale: float) -> Baseline:
    values = (*baseline.opening, value)
    if len(values) < OPENING:
        return Baseline(opening=values, count=len(values))
    return founded(values, smallest_scale)


def founded(values: tuple[float, ...], smallest_scale: float) -> Baseline:
    """The baseline of the opening: median and median deviation, sharpened by proposal 2."""
    location = median(values)
    scale = max(smallest_scale, 1.4826 * median(abs(value - location) for value in values))
    for _ in range(3):
        location += scale * _mean([cut((value - location) / scale) for value in values])
        squares = [cut((value - location) / scale) ** 2 for value in values]
        scale = max(smallest_scale, scale * sqrt(_mean(squares) / CUT_VARIANCE))
    errors = [cut((value - location) / scale) for value in values]
    power = fsum(error * error for error in errors)
    products = fsum(a * b for a, b in pairwise(errors))
    correlation = max(0.0, min(MAX_CORRELATION, products / power)) if power else 0.0
    return Baseline(
        count=len(values),
        location=location,
        scale=max(smallest_scale, scale * sqrt(1 - correlation * correlation)),
        correlation=correlation,
        previous=values[-1],
    )


def _mean(values: list[float]) -> float:
    return fsum(values) / len(values)
