"""Intervals over stretches of text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.analysis.bootstrap import MIN_STRETCHES, Interval, ratio, stretched

RNG = np.random.default_rng(0)


def test_the_interval_is_as_wide_as_theory_says() -> None:
    values = RNG.normal(2.0, 0.5, size=64)
    found = ratio(values, np.ones(64))
    assert found is not None
    assert found.mean == pytest.approx(values.mean())
    error = values.std() / 8
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_stretches_weigh_by_their_bytes() -> None:
    weights = RNG.uniform(1, 9, size=32)
    found = ratio(3 * weights, weights)
    assert found is not None
    assert (found.low, found.mean, found.high) == pytest.approx((3, 3, 3))
    assert found.sign == 1


def test_a_higher_level_is_wider() -> None:
    values = RNG.normal(size=40)
    usual, sure = ratio(values, np.ones(40)), ratio(values, np.ones(40), level=0.999)
    assert usual is not None
    assert sure is not None
    assert sure.low < usual.low < usual.high < sure.high


def test_too_few_stretches_say_nothing() -> None:
    assert ratio([1.0] * (MIN_STRETCHES - 1), [1.0] * (MIN_STRETCHES - 1)) is None
    assert ratio([1.0] * MIN_STRETCHES, [1.0] * MIN_STRETCHES) is not None


@pytest.mark.parametrize(("low", "high", "sign"), [(1, 2, 1), (-2, -1, -1), (-1, 1, 0), (0, 1, 0)])
def test_a_sign_is_shown_where_zero_is_outside(low: float, high: float, sign: int) -> None:
    assert Interval(mean=0.5, low=low, high=high).sign == sign


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=300))
def test_stretches_keep_the_sum(values: list[float]) -> None:
    found = stretched(np.array(values))
    assert len(found) == min(64, len(values))
    assert found.sum() == pytest.approx(sum(values), abs=1e-9)
