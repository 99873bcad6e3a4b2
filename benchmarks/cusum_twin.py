"""The charts of trainer/instruments over thousands of replications at once.

`tests/trainer/instruments/test_cusum_calibration.py` holds them to the product's, value by value.

A value is an array [R] of R replications; sums at K drifts are [K, R], and the values of an opening
or a window are [W, R].
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.instruments.cusum import MEAN_GAIN
from trainer.instruments.cusum_baseline import (
    CORRELATION_GAIN,
    CUT,
    CUT_VARIANCE,
    LOCATION_GAIN,
    MAX_CORRELATION,
    OPENING,
    SCALE_GAIN,
)
from trainer.instruments.cusum_window import WINDOW

Array = NDArray[np.float64]
NO_SCALE = 1e-9


def cut(values: Array) -> Array:
    """At most CUT scales in either direction."""
    return np.clip(values, -CUT, CUT)


class Sums:
    """The two cumulative sums [K, R] of R signals at K drifts; never rebased."""

    def __init__(self, drifts: Sequence[float], head_start: float = 0.0) -> None:
        self.drift: Array = np.array(drifts, dtype=np.float64)[:, None]
        self.up = np.full_like(self.drift, head_start)
        self.down = self.up

    def add(self, by: Array | None) -> None:
        """One more deviation; None during an opening."""
        if by is not None:
            self.up = np.maximum(0, self.up + by - self.drift)
            self.down = np.maximum(0, self.down - by - self.drift)


class Running:
    """`cusum_baseline.deviation`; every estimate is of shape [R]."""

    location: Array
    scale: Array
    correlation: Array
    previous: Array

    def __init__(self, smallest_scale: float = NO_SCALE) -> None:
        self.smallest_scale = smallest_scale
        self.opening: list[Array] = []
        self.count = 0

    def deviation(self, value: Array) -> Array | None:
        """Of R signals in scales; None during the opening."""
        if self.count < OPENING:
            self.opening.append(value)
            self.count += 1
            if self.count == OPENING:
                self.found(np.array(self.opening))
            return None
        before = self.previous - self.location
        error = value - self.location - self.correlation * before
        own = 1 / (self.count + 1)
        gain = max(SCALE_GAIN, own)
        by = cut(error / (self.scale * (1 + np.sqrt(gain / 4))))
        pull = cut(error / self.scale)
        free = 1 - self.correlation**2
        lag = cut(before * np.sqrt(free) / self.scale)
        step = max(LOCATION_GAIN, own) * self.scale * pull / (1 - self.correlation)
        correlation = self.correlation + max(CORRELATION_GAIN, own) * pull * lag * free
        self.correlation = np.clip(correlation, 0, MAX_CORRELATION)
        growth = 1 + gain / 2 * (pull * pull / CUT_VARIANCE - 1)
        self.scale = np.maximum(self.smallest_scale, self.scale * growth)
        self.location = self.location + step
        self.previous, self.count = value, self.count + 1
        return by

    def found(self, values: Array) -> None:
        """`cusum_baseline.founded`."""
        location = np.median(values, axis=0)
        spread = np.median(abs(values - location), axis=0)
        scale = np.maximum(self.smallest_scale, 1.4826 * spread)
        for _ in range(3):
            location = location + scale * cut((values - location) / scale).mean(axis=0)
            squares = cut((values - location) / scale) ** 2
            growth = np.sqrt(squares.mean(axis=0) / CUT_VARIANCE)
            scale = np.maximum(self.smallest_scale, scale * growth)
        errors = cut((values - location) / scale)
        power = np.maximum((errors**2).sum(axis=0), 1e-300)
        products = (errors[1:] * errors[:-1]).sum(axis=0)
        self.correlation = np.clip(products / power, 0, MAX_CORRELATION)
        self.scale = np.maximum(self.smallest_scale, scale * np.sqrt(1 - self.correlation**2))
        self.location, self.previous = location, values[-1]


class Window:
    """`cusum_window.window_deviation`."""

    def __init__(self, smallest_scale: float = NO_SCALE) -> None:
        self.smallest_scale = smallest_scale
        self.values: list[Array] = []

    def deviation(self, value: Array) -> Array | None:
        """Of R signals in scales; None until the window is full."""
        last, self.values = self.values, [*self.values, value][-WINDOW:]
        if len(last) < WINDOW:
            return None
        values = np.array(last)
        changes = abs(np.diff(values, axis=0)).mean(axis=0)
        scale = np.maximum(self.smallest_scale, changes * np.sqrt(np.pi) / 2)
        return cut((value - values.mean(axis=0)) / scale)


class Raw:
    """The documents' deviation from an exponential mean."""

    def __init__(self) -> None:
        self.mean: Array | None = None

    def deviation(self, value: Array) -> Array:
        """Of R signals in their own units."""
        mean = value if self.mean is None else self.mean
        by = value - mean
        self.mean = mean + MEAN_GAIN * by
        return by


class Known:
    """Textbook chart: location 0 and scale 1 are known."""

    def deviation(self, value: Array) -> Array:
        """The value itself."""
        return value


class AsBuilt:
    """What the original ran: ten values found a baseline for good; no cut."""

    def __init__(self) -> None:
        self.opening: list[Array] = []

    def deviation(self, value: Array) -> Array | None:
        """Of R signals in deviations of the first ten values; None for those."""
        if len(self.opening) < 10:
            self.opening.append(value)
            return None
        values = np.array(self.opening)
        return np.asarray((value - values.mean(axis=0)) / values.std(axis=0))


class Deviating(Protocol):
    """A baseline of the twin."""

    def deviation(self, value: Array) -> Array | None: ...


def first_alarms(
    baseline: Deviating,
    values: Iterable[Array],
    limit: float,
    *,
    drift: float = 0.5,
    head_start: float = 0.0,
    sides: Sequence[str] = ("up",),
) -> Array:
    """Value [R] at which each replication alarms first, from 1; infinite without an alarm."""
    sums, first = Sums([drift], head_start), np.full(1, np.inf)
    for count, value in enumerate(values, 1):
        by = baseline.deviation(value)
        sums.add(by)
        if by is None:
            continue
        over = np.zeros(by.shape, dtype=bool)
        for side in sides:
            over |= (sums.up if side == "up" else sums.down)[0] > limit
        first = np.where(over & np.isinf(first), float(count), first)
    return first
