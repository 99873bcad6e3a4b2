"""The limit above which a run's CUSUM charts alarm, as its engine has it.

A run that does not say which limit it uses has the calibrated one: five one-sided charts that alarm
for nothing in 5 % of 1,000 stationary steps. The engine takes it from its table of simulated
rates; here stand the two rows of it between which five charts lie.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import exp, log

from pydantic import JsonValue

ORIGINAL_LIMIT = 2.0
"""Of the original chart, in the units of each signal."""
_RATE = 1 - 0.95 ** (1 / 5)
_ROWS = (
    (0.02, {0.0: 36.7, 0.25: 13.5, 0.5: 8.75, 0.75: 6.58, 1.0: 5.24}),
    (0.01, {0.0: 38.76, 0.25: 14.55, 0.5: 9.35, 0.75: 7.04, 1.0: 5.66}),
)
"""Rate of false alarms of one chart, and the limit that keeps it by allowance."""


def cusum_limit(config: Mapping[str, JsonValue]) -> float | None:
    """The limit of a `symbio_config`, its keys spelt either way; None for one that has none."""
    original = _value(config, "chart", "chart") == "original"
    given = _value(config, "cusum_threshold", "cusumThreshold")
    if _is_number(given):
        return float(given)  # type: ignore[arg-type]
    drift = _value(config, "cusum_drift", "cusumDrift")
    if not _is_number(drift):
        return None
    return ORIGINAL_LIMIT if original else _calibrated(float(drift))  # type: ignore[arg-type]


def _calibrated(drift: float) -> float:
    (rate, limits), (lower_rate, higher) = _ROWS
    left, right = -log(rate), -log(lower_rate)
    share = (-log(_RATE) - left) / (right - left)
    low, high = _between(limits, drift), _between(higher, drift)
    return low + share * (high - low)


def _between(limits: Mapping[float, float], drift: float) -> float:
    """By proportion of the logarithms; beyond the largest allowance its own."""
    drift = min(drift, max(limits))
    for left, right in pairwise(sorted(limits)):
        if left <= drift <= right:
            share = (drift - left) / (right - left)
            return exp(log(limits[left]) + share * (log(limits[right]) - log(limits[left])))
    return limits[min(limits)]


def _value(config: Mapping[str, JsonValue], *names: str) -> JsonValue:
    return next((config[name] for name in names if config.get(name) is not None), None)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
