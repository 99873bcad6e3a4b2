"""The weights of the composite, from what it should say of known texts.

Of every training: a checkpoint with a lower loss ranks above one with a higher, people above the
checkpoints, every fake below the checkpoint at 30 % of the steps. The loss is the logistic one of
the differences in log composite, a mean over pairs of each of the three kinds, with a pull towards
equal weights, and no weight below MIN_WEIGHT: a probe that no source fails today stands guard all
the same.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.battery.judge import Judged, Verdicts
from inference_battery.score import PROBES
from inference_battery.weights import FLOOR

Array = NDArray[np.float64]

MIN_WEIGHT, PULL, SHARPNESS = 0.04, 0.5, 60.0
NOTABLE = 0.01
"""Bits per byte between two checkpoints that must be told apart."""
FLOOR_SHARE = 0.3
"""Of the steps: the checkpoint that every fake must rank below."""


class Pairs(NamedTuple):
    """log probes of the better less those of the worse, [pairs, probes], of each kind."""

    checkpoints: Array
    people: Array
    fakes: Array


def fit(found: Iterable[Verdicts]) -> dict[str, float]:
    """Weights that add up to 1."""
    kinds = [np.concatenate(some) for some in zip(*(pairs(one) for one in found), strict=True)]
    count = len(PROBES)
    free = 1 - MIN_WEIGHT * count

    def weights(raw: Array) -> Array:
        scaled = np.exp(raw - raw.max())
        found: Array = MIN_WEIGHT + free * scaled / scaled.sum()
        return found

    def loss(raw: Array) -> float:
        chosen = weights(raw)
        missed = sum(np.logaddexp(0, -SHARPNESS * (some @ chosen)).mean() for some in kinds)
        return float(missed + PULL * ((chosen - 1 / count) ** 2).sum())

    best = minimize(loss, np.zeros(count), method="L-BFGS-B")
    return {name: float(w) for name, w in zip(PROBES, weights(best.x), strict=True)}


def pairs(found: Verdicts) -> Pairs:
    """What the composite should say of one training, at both sizes of the battery."""
    checkpoints, floor = found.checkpoints, floor_checkpoint(found)
    better = [
        (one, other)
        for one in checkpoints
        for other in checkpoints
        if bits(one) < bits(other) - NOTABLE
    ]
    return Pairs(
        checkpoints=_differences(better),
        people=_differences([(found.people, one) for one in checkpoints]),
        fakes=_differences([(floor, fake) for fake in found.fakes]),
    )


def floor_checkpoint(found: Verdicts) -> Judged:
    """The last one at no more than 30 % of the steps: less than the share, so harder for it."""
    last = max(one.step or 0 for one in found.checkpoints)
    return [one for one in found.checkpoints if (one.step or 0) <= FLOOR_SHARE * last][-1]


def bits(one: Judged) -> float:
    """Test bits per byte of a checkpoint."""
    assert one.test_bits_per_byte is not None
    return one.test_bits_per_byte


def _differences(ordered: Sequence[tuple[Judged, Judged]]) -> Array:
    whole = [_logs(one.probes) - _logs(other.probes) for one, other in ordered]
    gates = [_logs(one.gate_probes) - _logs(other.gate_probes) for one, other in ordered]
    return np.array(whole + gates).reshape(-1, len(PROBES))


def _logs(probes: dict[str, float]) -> Array:
    found: Array = np.log([max(probes[name], FLOOR) for name in PROBES])
    return found
