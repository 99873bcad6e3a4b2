"""The limits keep what they promise, and the study's charts are the product's."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest

from benchmarks.cusum_signals import NOISES, Kind, noise
from benchmarks.cusum_theory import run_length
from benchmarks.cusum_twin import Deviating, Known, Raw, Running, Sums, first_alarms
from benchmarks.cusum_twin import Window as TwinWindow
from trainer.instruments.cusum import Chart, Mean, Rule, observe
from trainer.instruments.cusum_baseline import OPENING, Baseline
from trainer.instruments.cusum_calibration import (
    LIMITS,
    calibrated_threshold,
    false_alarm_rate,
)
from trainer.instruments.cusum_window import Window


@pytest.mark.parametrize("kind", list(NOISES))
def test_one_chart_keeps_five_per_cent_in_a_thousand_steps(kind: Kind) -> None:
    values = islice(noise(kind, 2000, np.random.default_rng(0)), OPENING + 1000)
    first = first_alarms(Running(), values, calibrated_threshold(1))
    assert np.isfinite(first).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_the_limit_is_not_higher_than_it_must_be() -> None:
    values = islice(noise("ar.8 t3", 2000, np.random.default_rng(0)), OPENING + 1000)
    first = first_alarms(Running(), values, calibrated_threshold(1))
    assert np.isfinite(first).mean() >= 0.05 - 3 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize("drift", [0.0, 0.1, 0.25, 0.5, 0.6, 1.0, 3.0])
def test_the_rate_of_a_limit_is_the_one_it_was_chosen_for(drift: float) -> None:
    for charts in (1, 2, 5):
        threshold = calibrated_threshold(charts, drift)
        assert false_alarm_rate(threshold, charts, drift) == pytest.approx(0.05, abs=1e-6)


def test_more_charts_need_a_higher_limit_and_a_larger_allowance_a_lower_one() -> None:
    by_charts = [calibrated_threshold(charts) for charts in range(1, 6)]
    by_drift = [calibrated_threshold(5, drift) for drift in (0.0, 0.2, *list(LIMITS)[1:])]
    assert by_charts == sorted(by_charts)
    assert by_drift == sorted(by_drift, reverse=True)


def test_the_rate_is_a_chance_that_falls_with_the_limit() -> None:
    rates = [false_alarm_rate(threshold, 5) for threshold in (0.1, 2, 5, 8, 12, 50, 1e6)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(1)
    assert 0 <= rates[-1] < 1e-9


@pytest.mark.parametrize(
    ("limit", "shift"), [(3.0, 0.0), (4.0, 0.0), (3.0, 0.5), (5.0, 0.5), (5.0, 1.0), (4.0, 2.0)]
)
def test_the_textbook_chart_runs_as_long_as_siegmund_says(limit: float, shift: float) -> None:
    expected = run_length(limit, 0.5, shift)
    rng = np.random.default_rng(1)
    values = islice(noise("iid", 6000, rng), int(12 * expected) + 50)
    first = first_alarms(Known(), (value + shift for value in values), limit)
    assert first.mean() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("twin", "baseline"),
    [(lambda: Running(0.01), Baseline()), (lambda: TwinWindow(0.01), Window()), (Raw, Mean())],
)
@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_the_studys_chart_is_the_products(
    twin: Callable[[], Deviating], baseline: Baseline | Window | Mean, correlation: float
) -> None:
    """Value by value, on noise with a shift, with a threshold that neither reaches."""
    rule = Rule(threshold=1e9, drift=0.25, smallest_scale=0.01)
    rng, value, highest = np.random.default_rng(2), 0.0, 0.0
    charts, sums, chart = twin(), Sums([0.25]), Chart(baseline=baseline)
    for step in range(400):
        value = correlation * value + float(rng.standard_t(3))
        shifted = value + 2 * (step > 250)
        sums.add(charts.deviation(np.array([shifted])))
        _, chart = observe(chart, shifted, rule)
        assert (chart.up, chart.down) == pytest.approx((sums.up[0, 0], sums.down[0, 0]), abs=1e-6)
        highest = max(highest, chart.up)
    assert highest > 3
