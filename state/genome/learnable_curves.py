"""Values and slopes of the families that no expression tree can hold, in numpy.

Spline: uniform cubic B-spline over 13 pieces of [-6, 6], with the line of its end beyond them.
Rational: (a0 + a1 x + a2 x^2 + a3 x^3) / (1 + |b1 x + b2 x^2|), whose denominator is never below
1; the slope of |q| at q = 0 counts as 0, which is what torch takes.

Shapes: x and the results are [...], computed in the dtype of x.

Source of the rational form: A. Molina et al., "Pade Activation Units" (2020), the safe variant.
"""

import numpy as np
from numpy.typing import NDArray

from state.genome.evaluation import Array

LIMIT = 6.0
"""The spline covers [-LIMIT, LIMIT]."""
NUM_POINTS = 16
NUM_PIECES = NUM_POINTS - 3
PIECE = 2 * LIMIT / NUM_PIECES
"""Width of a piece."""
BASIS = (
    (1 / 6, -1 / 2, 1 / 2, -1 / 6),
    (2 / 3, 0.0, -1.0, 1 / 2),
    (1 / 6, 1 / 2, 1 / 2, -1 / 2),
    (0.0, 0.0, 0.0, 1 / 6),
)
"""What each of the four control points around a piece adds to 1, r, r^2 and r^3 in it."""


def spline(points: tuple[float, ...], x: Array) -> tuple[Array, Array]:
    """Value and slope of the spline with these 16 control points."""
    inside = np.clip(x, -LIMIT, LIMIT)
    place = (inside + LIMIT) / PIECE
    index = np.minimum(place.astype(np.int64), NUM_PIECES - 1)
    r = place - index.astype(x.dtype)
    a, b, c, d = np.moveaxis(pieces(points).astype(x.dtype)[index], -1, 0)
    slope = (b + r * (2 * c + 3 * d * r)) / PIECE
    return a + r * (b + r * (c + r * d)) + (x - inside) * slope, slope


def pieces(points: tuple[float, ...]) -> NDArray[np.float64]:
    """Coefficients [NUM_PIECES, 4] of 1, r, r^2 and r^3 in each piece, r from 0 to 1."""
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(points), 4)
    return np.asarray(windows @ np.asarray(BASIS), dtype=np.float64)


def rational(coefficients: tuple[float, ...], x: Array) -> tuple[Array, Array]:
    """Value and slope of the rational function with the coefficients a0 to a3, b1, b2."""
    a0, a1, a2, a3, b1, b2 = coefficients
    above = a0 + x * (a1 + x * (a2 + x * a3))
    inner = x * (b1 + x * b2)
    below = 1 + np.abs(inner)
    above_slope = a1 + x * (2 * a2 + x * 3 * a3)
    below_slope = np.sign(inner) * (b1 + 2 * b2 * x)
    value = above / below
    return value, (above_slope - value * below_slope) / below
