"""Which of two models is better on the same text, stretch by stretch.

A finished run keeps the test loss of at most 64 stretches. Two runs whose stretches end at the same
bytes are compared in pairs without opening the test split again; stretches that end elsewhere, as
with another context or tokenizer, are joined until both end together.
"""

from collections.abc import Sequence
from math import log
from typing import Literal

import numpy as np

from orchestrator.analysis.bootstrap import LEVEL, MIN_STRETCHES, Interval, ratio
from state.base import Record

Blocks = Sequence[tuple[float, int]]
"""(nats, bytes) of consecutive stretches of one text."""


class Loss(Record):
    """A model on a text, in bits per byte."""

    bits_per_byte: float
    interval: Interval | None
    """None where the text is too short for one."""


class Difference(Record):
    """How much more bits per byte one model needs than another: positive is worse."""

    bits_per_byte: float
    interval: Interval | None
    """Of the paired difference; None where the stretches cannot be paired."""
    stretches: int
    """That end together in both."""
    shown: Literal["better", "worse", "no"]


def loss_of(blocks: Blocks) -> Loss:
    """Of one model on the whole text."""
    nats, num_bytes = _columns(blocks)
    bits = nats / log(2)
    return Loss(bits_per_byte=float(bits.sum() / num_bytes.sum()), interval=ratio(bits, num_bytes))


def difference(ours: Blocks, theirs: Blocks, num_pairs: int = 1) -> Difference:
    """Ours less theirs, of the same text; the level allows for `num_pairs` such questions at once
    (Bonferroni).

    Where too few stretches end together nothing is shown unless the two intervals lie apart.
    """
    level = 1 - (1 - LEVEL) / num_pairs
    first, second = joined(ours, theirs)
    bits = (_columns(first)[0] - _columns(second)[0]) / log(2)
    num_bytes = _columns(first)[1]
    interval = ratio(bits, num_bytes, level)
    sign = interval.sign if interval else _apart(ours, theirs, level)
    return Difference(
        bits_per_byte=float(bits.sum() / num_bytes.sum()),
        interval=interval,
        stretches=len(first),
        shown="worse" if sign > 0 else "better" if sign < 0 else "no",
    )


def joined(ours: Blocks, theirs: Blocks) -> tuple[Blocks, Blocks]:
    """Both as stretches that end at the same bytes; of the same text the last always do."""
    first, second = _ends(ours), _ends(theirs)
    assert first[-1] == second[-1], "losses of different texts"
    common = sorted(set(first) & set(second))
    return _cut(ours, common), _cut(theirs, common)


def can_be_paired(ours: Blocks, theirs: Blocks) -> bool:
    """Whether enough stretches end together for an interval of the difference."""
    return len(set(_ends(ours)) & set(_ends(theirs))) >= MIN_STRETCHES


def _apart(ours: Blocks, theirs: Blocks, level: float) -> int:
    """1 where our interval lies above theirs, -1 where it lies below."""
    first, second = (
        ratio(_columns(one)[0] / log(2), _columns(one)[1], level) for one in (ours, theirs)
    )
    if first is None or second is None:
        return 0
    return (first.low > second.high) - (first.high < second.low)


def _columns(blocks: Blocks) -> tuple["np.ndarray[tuple[int], np.dtype[np.float64]]", ...]:
    nats, num_bytes = np.array(blocks, dtype=np.float64).T
    return nats, num_bytes


def _ends(blocks: Blocks) -> list[int]:
    ends: list[int] = np.cumsum([num_bytes for _, num_bytes in blocks]).tolist()
    return ends


def _cut(blocks: Blocks, ends: Sequence[int]) -> Blocks:
    """Stretches joined so that they end at `ends`."""
    found: list[tuple[float, int]] = []
    nats, num_bytes, reached = 0.0, 0, 0
    wanted = set(ends)
    for loss, length in blocks:
        nats, num_bytes, reached = nats + loss, num_bytes + length, reached + length
        if reached in wanted:
            found.append((nats, num_bytes))
            nats, num_bytes = 0.0, 0
    return found
