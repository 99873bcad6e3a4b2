"""The curve of a genome: its values and slopes on points of the caller's choice."""

import numpy as np
from numpy.typing import NDArray

from state.genome.evaluation import evaluate
from state.genome.text import expression
from state.records import Genome


def values(genome: Genome, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """f(x) in float64; of a gated genome, of its activation part. GELU is the exact (erf) form."""
    f, _ = evaluate(expression(genome), np.asarray(x, dtype=np.float64))
    return np.asarray(f, dtype=np.float64)


def slopes(genome: Genome, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """f'(x) in float64, exact; at a kink the value that torch's autograd takes."""
    _, slope = evaluate(expression(genome), np.asarray(x, dtype=np.float64))
    return np.asarray(slope, dtype=np.float64)
