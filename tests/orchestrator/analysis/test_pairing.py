"""Two models on one text, in pairs."""

from itertools import pairwise
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.analysis.compare.pairing import can_be_paired, difference, joined, loss_of

BITS = np.random.default_rng(0).uniform(1, 3, size=64)


def blocks(bits: np.ndarray, num_bytes: int = 100) -> list[tuple[float, int]]:
    return [(one * log(2) * num_bytes, num_bytes) for one in bits]


def test_a_small_difference_is_shown_where_it_is_the_same_everywhere() -> None:
    gap = difference(blocks(BITS + 0.01), blocks(BITS))
    assert gap.shown == "worse"
    assert gap.interval is not None
    assert (gap.interval.low, gap.interval.high) == pytest.approx((0.01, 0.01))
    assert gap.stretches == 64
    other = difference(blocks(BITS), blocks(BITS + 0.01))
    assert other.shown == "better"
    assert other.bits_per_byte == pytest.approx(-0.01)
    # Alone, the two intervals are a hundred times as wide.
    alone = loss_of(blocks(BITS)).interval
    assert alone is not None
    assert alone.high - alone.low > 0.2


def test_noise_is_not_shown() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, size=64)
    assert difference(blocks(BITS + noise), blocks(BITS)).shown == "no"
    assert difference(blocks(BITS), blocks(BITS)).shown == "no"


def test_many_questions_ask_for_more() -> None:
    noise = np.random.default_rng(2).normal(0.03, 0.1, size=64)
    once = difference(blocks(BITS + noise), blocks(BITS))
    often = difference(blocks(BITS + noise), blocks(BITS), num_pairs=66)
    assert (once.shown, often.shown) == ("worse", "no")
    assert often.interval is not None
    assert often.interval.level == pytest.approx(1 - 0.05 / 66)


def test_stretches_that_do_not_end_together_are_not_paired() -> None:
    ours, theirs = blocks(BITS, 100), blocks(BITS[:61] + 0.01, 100) + blocks(BITS[:1], 300)
    assert can_be_paired(ours, theirs)
    coarse = [(sum(nats for nats, _ in ours), 6400)]
    assert not can_be_paired(ours, coarse)
    gap = difference(ours, coarse)
    assert (gap.interval, gap.stretches, gap.shown) == (None, 1, "no")


def test_intervals_that_lie_apart_show_it_without_pairs() -> None:
    ours = blocks(BITS, 100)
    theirs = blocks(BITS[:63] + 5, 101) + blocks(BITS[:1] + 5, 37)
    assert not can_be_paired(ours, theirs)
    gap = difference(ours, theirs)
    assert (gap.interval, gap.shown) == (None, "better")


@given(
    st.lists(st.floats(0, 10), min_size=2, max_size=60),
    st.sets(st.integers(1, 59)),
    st.sets(st.integers(1, 59)),
)
def test_joined_stretches_end_together_and_lose_nothing(
    nats: list[float], first: set[int], second: set[int]
) -> None:
    def cut(places: set[int]) -> list[tuple[float, int]]:
        edges = [0, *sorted(one for one in places if one < len(nats)), len(nats)]
        return [(sum(nats[a:b]), b - a) for a, b in pairwise(edges)]

    ours, theirs = joined(cut(first), cut(second))
    assert [length for _, length in ours] == [length for _, length in theirs]
    assert sum(one for one, _ in ours) == pytest.approx(sum(nats))
    assert [one for one, _ in ours] == pytest.approx([one for one, _ in theirs])
    common = {one for one in first & second if one < len(nats)}
    assert len(ours) == len(common) + 1
