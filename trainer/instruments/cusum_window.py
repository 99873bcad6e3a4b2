"""The baseline of the search loss, which has a value every few hundred steps only.

A run measures it ten to a hundred times, and between most of those times it falls. A running
scale would take the fall for noise and then forget it too slowly to see the loss turn. So the
baseline is the last eight values: their mean, and the mean size of the changes between them. A
falling loss lies below its mean, however fast it falls, and cannot alarm.
"""

from itertools import pairwise
from math import fsum, pi, sqrt
from typing import Literal

from state.base import Record
from trainer.instruments.cusum_baseline import cut

WINDOW = 8


class Window(Record):
    """The last values of a signal that is measured rarely."""

    kind: Literal["window"] = "window"
    values: tuple[float, ...] = ()


def window_deviation(
    window: Window, value: float, smallest_scale: float
) -> tuple[float | None, Window]:
    """How far `value` is from the mean of the window in scales, cut; None until it is full."""
    values = window.values
    moved = Window(values=(*values, value)[-WINDOW:])
    if len(values) < WINDOW:
        return None, moved
    location = fsum(values) / WINDOW
    # The change between two values of Gaussian noise has a mean size of 2 / sqrt(pi) scales.
    changes = fsum(abs(after - before) for before, after in pairwise(values)) / (WINDOW - 1)
    scale = max(smallest_scale, changes * sqrt(pi) / 2)
    return cut((value - location) / scale), moved
