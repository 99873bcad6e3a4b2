"""Genomes side by side: telling another one from all of them is one product with a matrix."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from state.genome.fingerprint import (
    GRID,
    ROOT_WEIGHTS,
    TOLERANCE,
    Block,
    Fingerprint,
    blocks_apart,
    fingerprint,
)
from state.records import Genome

Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""Of a square that a product gave, relative to the squares it was made of; far more than it is."""


class Crowd:
    """What was seen so far. Answers are those of `is_known` and of `distance` for each genome.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab says, up to rounding, which of them could decide an answer; only
    those, nearly always one or two, are looked at one by one.
    """

    def __init__(self, genomes: Iterable[Genome] = ()) -> None:
        prints = [fingerprint(genome) for genome in genomes]
        self._kinds: dict[Block, int] = {}
        """Each block that occurs, by which number."""
        self._blocks = np.array([self._number(one) for one in prints], dtype=np.intp)
        self._scales = np.array([one.scale for one in prints])
        values = [one.values for one in prints]
        self._values = np.concatenate(values or [np.empty(0)]).reshape(-1, len(GRID))

    def add(self, genome: Genome) -> None:
        """Take another one in."""
        one = fingerprint(genome)
        self._blocks = np.append(self._blocks, self._number(one))
        self._scales = np.append(self._scales, one.scale)
        self._values = np.vstack([self._values, one.values])

    def knows(self, genome: Genome) -> bool:
        """Whether any of them is the same as `genome`."""
        mine = fingerprint(genome)
        squares, errors = self._squares(mine)
        near = np.flatnonzero(squares - errors < TOLERANCE**2)
        same = near[self._differences(mine, near) < TOLERANCE]
        return bool((self._blocks[same] == self._kinds.get(mine.block)).any())

    def nearest(self, genome: Genome) -> float:
        """Distance of `genome` to the one that is nearest to it; infinite where there is none."""
        mine = fingerprint(genome)
        squares, errors = self._squares(mine)
        by_kind = [blocks_apart(mine.block, block) for block in self._kinds]
        apart = np.array(by_kind, dtype=np.intp)[self._blocks]
        scales = np.sqrt(mine.scale * self._scales)
        least = np.sqrt(np.maximum(squares - errors, 0.0)) / scales + apart
        most = np.sqrt(np.maximum(squares + errors, 0.0)) / scales + apart
        # NaN decides too: it is not farther.
        near = np.flatnonzero(~(least > np.min(most, initial=np.inf)))
        distances = self._differences(mine, near) / scales[near] + apart[near]
        return float(np.min(distances, initial=np.inf))

    def _number(self, one: Fingerprint) -> int:
        return self._kinds.setdefault(one.block, len(self._kinds))

    def _squares(self, mine: Fingerprint) -> tuple[Floats, Floats]:
        """Of the RMS of each of them less `mine`, and how far that may be from the truth."""
        own = self._scales**2 + mine.scale**2
        return own - 2 * (self._values @ (mine.values * ROOT_WEIGHTS**2)), ROUNDING * own

    def _differences(self, mine: Fingerprint, some: NDArray[np.intp]) -> Floats:
        """RMS of each of `some` less `mine`."""
        rests = (self._values[some] - mine.values) * ROOT_WEIGHTS
        norms: Floats = np.linalg.norm(rests, axis=1)
        return norms
