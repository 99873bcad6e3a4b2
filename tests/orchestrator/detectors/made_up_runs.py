"""Made-up runs, with a fault or without, as the detectors see them generation by generation.

The noise is that of real runs: null differences have a sigma of .003 bits per byte, a generation's
training loss varies by .02 nats, and a healthy lineage gains .02 to .05 bits a generation.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.detectors.evidence import Evidence, History
from orchestrator.evolution.noise import sigma

Floats = NDArray[np.floating[Any]]
Noise = Callable[[np.random.Generator, int], Floats]
"""Values of unit variance, one a generation."""

SIGMA = 0.003
PAIRS = 6
"""Null pairs from which a run knows its sigma."""
TRAIN_NOISE = 0.02
TRAIN_FALL = 0.05
STEPS = 200
"""Of a generation."""


def independent(rng: np.random.Generator, count: int) -> Floats:
    """Gaussian, nothing of it stays in the weights."""
    return rng.normal(size=count)


def lasting(rng: np.random.Generator, count: int) -> Floats:
    """Gaussian, half of a deviation is still there a generation later."""
    values = rng.normal(size=count)
    for place in range(1, count):
        values[place] = 0.5 * values[place - 1] + np.sqrt(0.75) * values[place]
    return values


def spiky(rng: np.random.Generator, count: int) -> Floats:
    """Student's t with three degrees of freedom."""
    return np.asarray(rng.standard_t(3, count) / np.sqrt(3))


def wandering(rng: np.random.Generator, count: int) -> Floats:
    """A random walk: all of a deviation stays."""
    return np.cumsum(rng.normal(size=count))


def estimated_sigma(rng: np.random.Generator) -> float:
    """What the null pairs of a run make of the noise."""
    value = sigma(rng.normal(0, SIGMA, PAIRS).tolist())
    assert value is not None
    return value


def history(rng: np.random.Generator, bits: Floats, noise: Noise = independent) -> History:
    """A model whose search bits per byte follow `bits` while its training loss falls."""
    count = len(bits)
    search = 2 + bits + SIGMA / np.sqrt(2) * noise(rng, count)
    train = 4 - TRAIN_FALL * np.arange(count) + rng.normal(0, TRAIN_NOISE, count)
    return tuple(
        (age, float(one), float(other))
        for age, (one, other) in enumerate(zip(search, train, strict=True))
    )


def hosts(past: History) -> Iterator[Evidence]:
    """A single model after each of its evaluations from the fifth on."""
    for end in range(5, len(past) + 1):
        yield Evidence(host_history=past[:end])


def lineages(pasts: tuple[History, ...], noise_sigma: float) -> Iterator[Evidence]:
    """Lineages after each generation from the fifth on, the oscillators locked."""
    best = np.minimum.accumulate(
        [min(bits for _, bits, _ in row) for row in zip(*pasts, strict=True)]
    )
    for end in range(5, len(pasts[0]) + 1):
        yield Evidence(
            lineage_histories=tuple((index, past[:end]) for index, past in enumerate(pasts)),
            best_history=tuple(best[:end].tolist()),
            steps_history=tuple(STEPS * (age + 1) for age in range(end)),
            allotted=STEPS * len(pasts[0]),
            noise_sigma=noise_sigma,
            locked=True,
        )


def large_graphs(
    rng: np.random.Generator, train: float, search: float, generations: int, each: int = 2
) -> Iterator[Evidence]:
    """Challengers of three lineages with mean gains in sigmas of the noise.

    Half of a gain's variance is the champion's, which its challengers share.
    """
    pairs: list[tuple[float, float]] = []
    for _ in range(generations):
        for _ in range(3):
            shared, own = rng.normal(size=2), rng.normal(size=(each, 2))
            gains = (train, search) + np.sqrt(0.5) * (shared + own)
            pairs += [(float(one), float(other)) for one, other in gains]
        yield Evidence(complex_history=tuple(pairs))


def jumps(rng: np.random.Generator, each: int, lost: float, generations: int) -> Iterator[Evidence]:
    """`each` jumps a generation, of which a share `lost` is not won back."""
    past: list[tuple[int, int]] = []
    for _ in range(generations):
        past.append((each, int(rng.binomial(each, lost))))
        yield Evidence(transfer_history=tuple(past))


def tapering(rng: np.random.Generator, gain: float, generations: int) -> Iterator[Evidence]:
    """Three locked lineages that gain `gain` bits per byte a generation."""
    bits = -gain * np.arange(generations)
    pasts = tuple(history(rng, bits) for _ in range(3))
    yield from lineages(pasts, estimated_sigma(rng))
