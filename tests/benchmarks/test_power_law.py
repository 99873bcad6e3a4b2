"""The fit of a power law, and the axes that it is asked about."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scaling.grid import Found
from benchmarks.scaling.measure import laws
from benchmarks.scaling.point import Measured
from benchmarks.scaling.power_law import last_exponent, medians, power_law

SIZES = (1.0, 3.0, 10.0, 100.0)


@given(st.floats(-2, 3), st.floats(1e-3, 1e3))
def test_an_exact_law_is_found_exactly(exponent: float, factor: float) -> None:
    fit = power_law(SIZES, [factor * size**exponent for size in SIZES])
    assert (fit.low, fit.exponent, fit.high) == pytest.approx((exponent,) * 3, abs=1e-6)
    assert fit.factor == pytest.approx(factor)


def test_the_interval_holds_the_exponent_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    sizes = np.repeat(SIZES, 3)
    held = 0
    for _ in range(400):
        fit = power_law(sizes.tolist(), (sizes**0.7 * rng.lognormal(0, 0.2, len(sizes))).tolist())
        held += fit.low <= 0.7 <= fit.high
    # Four standard errors of a share of .95 in 400.
    assert abs(held / 400 - 0.95) < 0.044


@pytest.mark.parametrize(
    ("xs", "ys"), [([1, 2], [1, 2]), ([2, 2, 2], [1, 2, 3]), ([1, 2, 3], [1, 0, 2])]
)
def test_points_that_determine_no_law_are_refused(xs: list[float], ys: list[float]) -> None:
    with pytest.raises(ValueError, match="measure three or more"):
        power_law(xs, ys)


def test_a_constant_part_hides_growth_from_the_fit_and_less_from_the_last_two() -> None:
    sizes = [1.0, 10.0, 100.0, 1000.0]
    memory = [100 + size for size in sizes]
    assert power_law(sizes, memory).exponent < last_exponent(sizes, memory) < 1


def test_rounds_count_by_their_median() -> None:
    assert medians([2, 1, 2, 2], [5, 1, 3, 90]) == {1: 1, 2: 5}


def test_each_axis_gets_a_law_of_each_measure_that_it_has() -> None:
    found = [
        Found(
            axis,
            Measured(
                seconds=amount**2,
                cpu_seconds=amount,
                step_ms=5.0 if axis == "trained" else None,
                peak_mb=100 + amount,
                base_mb=100,
                amount=amount,
            ),
        )
        for axis in ("trained", "prepared")
        for amount in (1.0, 2.0, 4.0)
    ]
    rows = laws(found)
    exponents = {(row["grows with"], row["what"]): row["between the last two"] for row in rows}
    assert exponents == pytest.approx(
        {
            ("trained", "seconds"): 2,
            ("trained", "CPU seconds"): 1,
            ("trained", "ms a step"): 0,
            ("trained", "MB above the libraries"): 1,
            ("prepared", "seconds"): 2,
            ("prepared", "CPU seconds"): 1,
            ("prepared", "MB above the libraries"): 1,
        }
    )
