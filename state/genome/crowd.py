"""Genomes side by side: telling another one from all of them is one pass over an array."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from state.genome.fingerprint import (
    GRID,
    ROOT_WEIGHTS,
    TOLERANCE,
    Fingerprint,
    blocks_apart,
    fingerprint,
    rms,
)
from state.records import Genome

Floats = NDArray[np.float64]


class Crowd:
    """What was seen so far. Answers are those of `is_known` and of `distance` for each genome."""

    def __init__(self, genomes: Iterable[Genome] = ()) -> None:
        self._prints = [fingerprint(genome) for genome in genomes]
        self._scales = np.array([rms(one.values) for one in self._prints])
        values = [one.values for one in self._prints]
        self._values = np.stack(values) if values else np.empty((0, len(GRID)))

    def add(self, genome: Genome) -> None:
        """Take another one in."""
        one = fingerprint(genome)
        self._prints.append(one)
        self._scales = np.append(self._scales, rms(one.values))
        self._values = np.vstack([self._values, one.values])

    def knows(self, genome: Genome) -> bool:
        """Whether any of them is the same as `genome`."""
        mine = fingerprint(genome)
        near = self._differences(mine) < TOLERANCE
        return any(self._prints[index].block == mine.block for index in np.flatnonzero(near))

    def nearest(self, genome: Genome) -> float:
        """Distance of `genome` to the one that is nearest to it; infinite where there is none."""
        mine = fingerprint(genome)
        distances = self._differences(mine) / np.sqrt(rms(mine.values) * self._scales)
        apart = [blocks_apart(mine, one) for one in self._prints]
        return float(np.min(distances + np.array(apart), initial=np.inf))

    def _differences(self, mine: Fingerprint) -> Floats:
        """RMS of each of them less `mine`."""
        norms: Floats = np.linalg.norm((self._values - mine.values) * ROOT_WEIGHTS, axis=1)
        return norms
