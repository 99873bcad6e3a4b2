"""How sure is a difference of two arms? A bootstrap over seeds and stretches of text.

Every seed reads the same text, so the two are crossed: a resample draws seeds, and for all of them
the same stretches. With n seeds the bootstrap sees (n - 1) / n of their variance, which is put
right; with one seed the interval speaks of other text alone.
"""

from collections.abc import Sequence
from math import log, sqrt

import numpy as np

from benchmarks.pays.figures import Values
from orchestrator.analysis.bootstrap import LEVEL, MIN_STRETCHES, RESAMPLES, Interval
from state.seeds import generator


def paired(ours: Sequence[Values], theirs: Sequence[Values], *, relative: bool) -> Interval:
    """Of how much more bits per byte we need, or of its share of theirs; below 0 we are better.

    Args:
        ours: of each seed, [stretch, (nats, bytes)].
        theirs: of the same seeds, over the same stretches.
        relative: as a share of theirs.

    Raises:
        ValueError: the stretches are not the same, or too few.
    """
    mine, others = np.stack(ours), np.stack(theirs)
    num_seeds, num_stretches, _ = mine.shape
    if mine.shape != others.shape or (mine[:, :, 1] != others[:, :, 1]).any():
        raise ValueError("the arms were not measured on the same stretches of one text")
    if num_stretches < MIN_STRETCHES:
        raise ValueError(f"{num_stretches} stretches are too few; {MIN_STRETCHES} are needed")
    gaps, base = mine[:, :, 0] - others[:, :, 0], others[:, :, 0 if relative else 1]
    unit = 1.0 if relative else log(2)
    rng = generator(0, "pays bootstrap", num_seeds, num_stretches)
    seeds = rng.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), size=RESAMPLES)
    texts = rng.multinomial(num_stretches, np.full(num_stretches, 1 / num_stretches), RESAMPLES)
    mean = float(gaps.sum() / base.sum()) / unit
    # Every seed with the text as it is, and all seeds with other text: the variances add up.
    of_seeds = (seeds @ gaps.sum(axis=1)) / (seeds @ base.sum(axis=1)) / unit - mean
    of_both = ((seeds @ gaps) * texts).sum(axis=1) / ((seeds @ base) * texts).sum(axis=1) / unit
    if num_seeds > 1:
        of_both = of_both + (sqrt(num_seeds / (num_seeds - 1)) - 1) * of_seeds
    low, high = np.quantile(of_both, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean=mean, low=float(low), high=float(high))
