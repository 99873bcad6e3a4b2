"""95 % intervals of bits per byte: a bootstrap over the stretches of the text."""

import numpy as np

from state.records import Evaluation
from state.seeds import generator

LEVEL = 0.95
RESAMPLES = 2_000

Interval = tuple[float, float]


def interval(evaluation: Evaluation) -> Interval | None:
    """Of the bits per byte; None where there are too few stretches to say."""
    nats, sizes = np.array(evaluation.blocks, dtype=np.float64).reshape(-1, 2).T
    draws = _draws(len(nats))
    if draws is None:
        return None
    return _quantiles(nats[draws].sum(axis=1) / sizes[draws].sum(axis=1))


def lead(of: Evaluation, over: Evaluation) -> Interval | None:
    """Of how many bits per byte `of` is below `over`, stretch by stretch of the same text."""
    ours, theirs = (np.array(one.blocks, dtype=np.float64).reshape(-1, 2) for one in (of, over))
    draws = _draws(len(ours))
    if draws is None or ours.shape != theirs.shape or (ours[:, 1] != theirs[:, 1]).any():
        return None
    gains = (theirs[:, 0] - ours[:, 0])[draws].sum(axis=1)
    return _quantiles(gains / ours[:, 1][draws].sum(axis=1))


def _draws(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]] | None:
    """The same ones every time, so that the same run gives the same page."""
    if count < 4:
        return None
    return generator(0, "page bootstrap").integers(count, size=(RESAMPLES, count))


def _quantiles(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values / np.log(2), [tail, 1 - tail])
    return float(low), float(high)
