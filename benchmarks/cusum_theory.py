"""Run lengths of a one-sided CUSUM on Gaussian noise of known mean and variance."""

from math import exp

OVERSHOOT = 1.166
"""Twice the mean excess of a Gaussian random walk over a far limit."""


def run_length(limit: float, drift: float, shift: float) -> float:
    """Mean number of values until the alarm, all in standard deviations.

    Source: Siegmund, Sequential Analysis, 1985: a Brownian motion with a corrected limit.
    """
    slope, corrected = shift - drift, limit + OVERSHOOT
    if slope == 0:
        return corrected * corrected
    return (exp(-2 * slope * corrected) + 2 * slope * corrected - 1) / (2 * slope * slope)
