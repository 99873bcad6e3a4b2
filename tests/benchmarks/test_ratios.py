"""Ratios of blocks: what they must not depend on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.speed.ratios import cpu_ratio, speed_ratio, spread, steps_per_second, time_ratio
from benchmarks.speed.serving import Block

POSITIVE = st.floats(0.01, 100)
SERIES = st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=9)


def blocks(step_seconds: list[float], steps: int = 4) -> list[Block]:
    return [
        Block(steps=steps, seconds=steps * one, cpu_seconds=2 * steps * one, loss=1.0)
        for one in step_seconds
    ]


@given(SERIES, POSITIVE, st.integers(1, 50))
def test_what_a_round_meets_and_how_many_steps_it_has_cancel(
    series: list[tuple[float, float]], slowness: float, steps: int
) -> None:
    ours, others = (list(one) for one in zip(*series, strict=True))
    plain = time_ratio(blocks(ours), blocks(others))
    slowed = time_ratio(
        blocks([slowness * one for one in ours], steps), blocks([slowness * one for one in others])
    )
    assert slowed.median == pytest.approx(plain.median)
    assert slowed.low == pytest.approx(plain.low)


@given(st.lists(POSITIVE, min_size=1, max_size=9), POSITIVE)
def test_a_constant_factor_is_found_whatever_the_rounds_are_like(
    others: list[float], factor: float
) -> None:
    ours = [factor * one for one in others]
    for ratio in (time_ratio, cpu_ratio):
        found = ratio(blocks(ours), blocks(others))
        assert (found.low, found.median, found.high) == pytest.approx((factor,) * 3)
    assert speed_ratio(blocks(ours), blocks(others)).median == pytest.approx(1 / factor)


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_no_more_than_a_quarter_lies_beyond_a_quartile(values: list[float]) -> None:
    found = spread(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    # And the one value next to the place that a quartile stands at.
    quarter = (found.count - 1) / 4 + 1
    assert sum(one < found.low for one in values) <= quarter
    assert sum(one > found.high for one in values) <= quarter


def test_one_disturbed_block_moves_no_median() -> None:
    calm, disturbed = [0.5] * 7, [0.5] * 6 + [50.0]
    assert steps_per_second(blocks(disturbed)) == steps_per_second(blocks(calm)) == 2.0
    assert time_ratio(blocks(disturbed), blocks(calm)).median == 1.0


def test_rounds_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        time_ratio(blocks([1.0]), blocks([1.0, 1.0]))
