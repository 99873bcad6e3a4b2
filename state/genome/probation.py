"""Examines an activation before any training step is spent on it."""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from state.genome.curve import values_and_slopes
from state.genome.evaluation import Array
from state.genome.fingerprint import TOLERANCE, fingerprint, spread
from state.records import Genome

DTypeName = Literal["float32", "bfloat16"]
LIMIT = 30.0
MAX_DEGREE = 3
_FAR = 1e4
_LARGEST = {"float32": 3.4028235e38, "bfloat16": 3.3895314e38}


@lru_cache(maxsize=8192)
def probation(genome: Genome, dtype: DTypeName = "float32") -> str | None:
    """None when the genome is fit to train, else the reason on one line; cached, since a search
    that has gone on for long draws the same children again and again.

    Fit means: value and slope are finite on [-30, 30] in the training dtype, f differs from every
    constant, and |f| grows no faster than |x|^3. Learnable ones are examined as they start.
    """
    return _finite_fault(genome, dtype) or _constant_fault(genome) or _growth_fault(genome)


def _finite_fault(genome: Genome, dtype: DTypeName) -> str | None:
    x = np.linspace(-LIMIT, LIMIT, 1201, dtype=np.float32)
    if dtype == "bfloat16":
        x = _as_bfloat16(x)
    for name, y in zip(("value", "slope"), values_and_slopes(genome, x), strict=True):
        bad = ~(np.abs(y) <= _LARGEST[dtype])
        if bad.any():
            return f"{genome.formula} has no finite {name} at x = {float(x[bad][0]):.2f} in {dtype}"
    return None


def _as_bfloat16(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 numbers cut to the 8 significant bits of bfloat16."""
    bits = x.view(np.uint32) & np.uint32(0xFFFF0000)
    return bits.view(np.float32)


def _constant_fault(genome: Genome) -> str | None:
    deviation = spread(fingerprint(genome).values)
    if deviation >= TOLERANCE:
        return None
    return f"{genome.formula} is within {deviation:.1g} RMS of a constant; limit {TOLERANCE}"


def _growth_fault(genome: Genome) -> str | None:
    degree = max(_degree(genome, 1.0), _degree(genome, -1.0))
    if degree <= MAX_DEGREE + 0.05:
        return None
    return f"{genome.formula} grows like |x|^{degree:.2g}; limit {MAX_DEGREE}"


def _degree(genome: Genome, side: float) -> float:
    """Growth exponent far out on one side, from the envelopes of |f| on [X, 2X] and [4X, 8X]."""
    near = _envelope(genome, side * _FAR)
    far = _envelope(genome, side * 4 * _FAR)
    if not np.isfinite(far):
        return float("inf")
    return float(np.log2(far / near)) / 2 if near > 0 and far > 0 else 0.0


def _envelope(genome: Genome, start: float) -> float:
    x: Array = start * np.linspace(1.0, 2.0, 501)
    f, _ = values_and_slopes(genome, x)
    return float(np.abs(f).max())
