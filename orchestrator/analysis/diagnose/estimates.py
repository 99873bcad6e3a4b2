"""From what was read of single tokens to means with intervals."""

from math import log

import numpy as np
from numpy.typing import NDArray

from inference_battery.calibration import NUM_BINS
from orchestrator.analysis.bootstrap import ratio, stretched
from orchestrator.analysis.diagnose.record import (
    Calibration,
    Estimate,
    KindLoss,
    Overall,
    PositionPoint,
)
from trainer.diagnostics.token_kinds import KINDS
from trainer.diagnostics.token_losses import TokenReadings

Values = NDArray[np.float64]


def mean_of(values: Values, weights: Values | None = None, scale: float = 1.0) -> Estimate:
    """Sum of values over sum of weights (1 each), times `scale`, with its interval; values in the
    order of the text.
    """
    below = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    above = np.asarray(values, dtype=np.float64) * scale
    return Estimate(
        value=float(above.sum() / below.sum()),
        interval=ratio(stretched(above), stretched(below)),
        n=len(values),
    )


def bits_per_byte(nats: Values, num_bytes: NDArray[np.int64]) -> Estimate:
    """Of tokens in the order of the text."""
    return mean_of(nats, num_bytes.astype(np.float64), 1 / log(2))


def overall(search: TokenReadings, train: TokenReadings) -> Overall:
    """Both losses."""
    return Overall(
        search=bits_per_byte(search.nats, search.num_bytes),
        train=bits_per_byte(train.nats, train.num_bytes),
    )


def by_position(read: TokenReadings, block: int) -> tuple[PositionPoint, ...]:
    """1, 2, 3 to 4, 5 to 8, ... tokens of context in a window; those that were measured."""
    edges = [1, *(2**power for power in range(1, 64) if 2**power < block), block]
    found, first = [], 1
    for last in dict.fromkeys(edges):
        taken = (read.positions >= first - 1) & (read.positions < last)
        if taken.any():
            loss = bits_per_byte(read.nats[taken], read.num_bytes[taken])
            found.append(PositionPoint(first=first, last=last, loss=loss))
        first = last + 1
    return tuple(found)


def calibration(read: TokenReadings) -> Calibration:
    """Over every token; the bins are those of the battery."""
    right = (read.guesses == read.tokens).astype(np.float64)
    bins = np.minimum((read.confidence * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    surplus = np.bincount(bins, weights=right - read.confidence, minlength=NUM_BINS)
    return Calibration(
        entropy=mean_of(read.entropy, scale=1 / log(2)),
        accuracy=mean_of(right),
        confidence=float(read.confidence.mean()),
        error=float(np.abs(surplus).sum() / len(right)),
    )


def by_kind(read: TokenReadings, kinds: NDArray[np.int8]) -> tuple[KindLoss, ...]:
    """The kinds that occur, by their share of the loss."""
    found = []
    for index, name in enumerate(KINDS):
        taken = kinds == index
        if taken.any():
            loss = KindLoss(
                kind=name,
                loss=bits_per_byte(read.nats[taken], read.num_bytes[taken]),
                byte_share=float(read.num_bytes[taken].sum() / read.num_bytes.sum()),
                loss_share=float(read.nats[taken].sum() / read.nats.sum()),
            )
            found.append(loss)
    return tuple(sorted(found, key=lambda one: -one.loss_share))
