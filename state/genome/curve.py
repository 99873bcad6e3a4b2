"""The curve of a genome: its values and slopes on points of the caller's choice.

Of a learnable activation, the curve it has before training.
"""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from state.genome.evaluation import Array, evaluate
from state.genome.learnable_curves import rational, spline
from state.genome.text import initial_coefficients, initial_expression, learnable
from state.records import Genome


def values(genome: Genome, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """f(x) in float64; of a gated genome, of its activation part. GELU is the exact (erf) form."""
    f, _ = values_and_slopes(genome, np.asarray(x, dtype=np.float64))
    return np.asarray(f, dtype=np.float64)


def slopes(genome: Genome, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """f'(x) in float64, exact; at a kink the value that torch's autograd takes."""
    _, slope = values_and_slopes(genome, np.asarray(x, dtype=np.float64))
    return np.asarray(slope, dtype=np.float64)


def values_and_slopes(genome: Genome, x: Array) -> tuple[Array, Array]:
    """f(x) and f'(x) in the dtype of x; overflow gives infinities or NaN without a warning."""
    with np.errstate(all="ignore"):
        match learnable(genome):
            case "spline":
                return spline(initial_coefficients(genome), x)
            case "rational":
                return rational(initial_coefficients(genome), x)
            case "universal" | "blend" | "learned" | None:
                return evaluate(initial_expression(genome), x)
            case kind:
                assert_never(kind)
