"""Tells activations apart by what they compute, whatever their formula.

A fingerprint samples f and f' at 241 points on [-6, 6], of learnable activations as they start.
Distances are root mean squares under N(0, 1), by the trapezoid rule on those points: kinks make
Gauss-Hermite rules no better.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from state.fusions import FusionKind
from state.genome.curve import slopes, values
from state.genome.learnable import LearnableKind
from state.genome.text import is_gated, learnable
from state.records import Genome

TOLERANCE = 1e-3
GRID: NDArray[np.float64] = np.linspace(-6.0, 6.0, 241)


def _normal_weights() -> NDArray[np.float64]:
    density = np.exp(-GRID * GRID / 2)
    return np.asarray(density / density.sum(), dtype=np.float64)


_WEIGHTS = _normal_weights()
ROOT_WEIGHTS = np.sqrt(_WEIGHTS)


Block = tuple[bool, LearnableKind | None, FusionKind | None]
"""What makes two blocks different that compute from the same function."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """f and f' on `GRID`, float64 and read-only; `gated` tells glu(f) from f."""

    gated: bool
    values: NDArray[np.float64]
    slopes: NDArray[np.float64]
    scale: float
    """Root mean square of `values`."""
    kind: LearnableKind | None = None
    fusion: FusionKind | None = None

    def __repr__(self) -> str:
        # Reports hash this text; that of a plain activation says nothing of kind and fusion.
        fields = f"gated={self.gated}, values={self.values!r}, slopes={self.slopes!r}"
        named = {"kind": self.kind, "fusion": self.fusion}
        told = "".join(f", {name}={value!r}" for name, value in named.items() if value)
        return f"Fingerprint({fields}{told})"

    @property
    def block(self) -> Block:
        """Whether it is gated, its learnable kind, its fusion."""
        return self.gated, self.kind, self.fusion


@lru_cache(maxsize=8192)
def fingerprint(genome: Genome) -> Fingerprint:
    """The fingerprint of a genome, cached."""
    f, slope = values(genome, GRID), slopes(genome, GRID)
    f.flags.writeable = slope.flags.writeable = False
    return Fingerprint(is_gated(genome), f, slope, rms(f), learnable(genome), genome.fusion)


def rms(f: NDArray[np.float64]) -> float:
    """Root mean square under N(0, 1) of values on `GRID`."""
    return float(np.linalg.norm(f * ROOT_WEIGHTS))


def spread(f: NDArray[np.float64]) -> float:
    """Standard deviation under N(0, 1) of values on `GRID`: the RMS distance to a constant."""
    return rms(f - float(f @ _WEIGHTS))


def distance(a: Genome, b: Genome) -> float:
    """RMS of f_a - f_b under N(0, 1) over the geometric mean of their own RMS values.

    Symmetric, and unchanged when both are scaled alike; 0 for equal functions. A gated and an
    ungated genome compute different blocks from the same f: that adds 1. So does another
    learnable kind, which may become another function, and another fusion.
    """
    one, other = fingerprint(a), fingerprint(b)
    scale = np.sqrt(one.scale * other.scale)
    return rms(one.values - other.values) / float(scale) + blocks_apart(one.block, other.block)


def blocks_apart(one: Block, other: Block) -> int:
    """In how much two blocks differ besides the function."""
    return sum(mine != theirs for mine, theirs in zip(one, other, strict=True))


def same(a: Genome, b: Genome) -> bool:
    """Whether gate, learnable kind and fusion agree, and the RMS of f_a - f_b is below 1e-3."""
    return is_known(a, (b,))


def is_known(genome: Genome, known: Iterable[Genome]) -> bool:
    """Whether any of `known` is the same as `genome`."""
    mine = fingerprint(genome)
    others = [other.values for other in map(fingerprint, known) if other.block == mine.block]
    if not others:
        return False
    differences = (np.stack(others) - mine.values) * ROOT_WEIGHTS
    return bool((np.linalg.norm(differences, axis=1) < TOLERANCE).any())
