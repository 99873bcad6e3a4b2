"""How sure is a composite, and is one better than another? A bootstrap over prompts.

Prompts are drawn with replacement, ordinary and odd ones apart; the samples of a prompt stay
together. Two reports that were asked the same are drawn alike, so their difference is paired. Needs
no torch.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference_battery.weights import COMPOSITE_VERSION, FLOOR, WEIGHTS
from state.records import BatteryReport
from state.seeds import generator

RESAMPLES, LEVEL = 1000, 0.95
MIN_PROMPTS = 8
"""Ordinary prompts below which the bootstrap says too little: with three of them one equal model in
thirty is shown to be worse by .03, with twenty none of 3,120 was.
"""

Counts = NDArray[np.float64]


class Interval(NamedTuple):
    """A value and where it may lie."""

    mean: float
    low: float
    high: float


def interval(report: BatteryReport, level: float = LEVEL, resamples: int = RESAMPLES) -> Interval:
    """The composite with its bootstrap interval."""
    drawn = _composites(report, _draws(report, resamples, 0))
    return _between(report.composite, drawn, level)


def shortfall(
    candidate: BatteryReport,
    best: BatteryReport,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """How far the candidate's composite lies below the best's; None where they do not compare."""
    if not are_comparable(candidate, best):
        return None
    same = candidate.asked == best.asked
    ours = _composites(candidate, _draws(candidate, resamples, 0))
    theirs = _composites(best, _draws(best, resamples, 0 if same else 1))
    return _between(best.composite - candidate.composite, theirs - ours, level)


def are_comparable(one: BatteryReport, other: BatteryReport) -> bool:
    """Both are of this version, with the same probes, and had enough to go by."""
    names, others = ({probe.name for probe in report.probes} for report in (one, other))
    current = one.version == other.version == COMPOSITE_VERSION
    enough = all(report.comparable and report.kinds for report in (one, other))
    return current and names == others and enough


def _draws(report: BatteryReport, resamples: int, stream: int) -> Counts:
    """How often each prompt is drawn, [resamples, prompts]; drawn alike for reports alike."""
    rng = generator(0, "battery bootstrap", stream)
    plain = np.array([kind == "plain" for kind in report.kinds])
    counts = np.zeros((resamples, len(plain)))
    for stratum in (np.flatnonzero(plain), np.flatnonzero(~plain)):
        if len(stratum):
            even = np.full(len(stratum), 1 / len(stratum))
            counts[:, stratum] = rng.multinomial(len(stratum), even, size=resamples)
    return counts


def _composites(report: BatteryReport, counts: Counts) -> Counts:
    """The composite of every resample, [resamples]."""
    total, logs = 0.0, np.zeros(len(counts))
    for probe in report.probes:
        sums, weights = (counts @ np.array(column) for column in zip(*probe.by_prompt, strict=True))
        value = np.divide(sums, weights, out=np.full(len(counts), probe.score), where=weights > 0)
        logs += WEIGHTS[probe.name] * np.log(np.maximum(value, FLOOR))
        total += WEIGHTS[probe.name]
    composites: Counts = np.exp(logs / total)
    return composites


def _between(estimate: float, drawn: Counts, level: float) -> Interval:
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high))
