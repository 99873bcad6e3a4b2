"""One chart: it is silent on noise, trends and spikes, and sees what changes for good."""

from collections.abc import Iterable
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.instruments.cusum import Chart, Mean, Reading, Rule, observe, rebased
from trainer.instruments.cusum_baseline import OPENING, Baseline
from trainer.instruments.cusum_calibration import calibrated_threshold
from trainer.instruments.cusum_window import WINDOW, Window

RULE = Rule(threshold=calibrated_threshold(1), drift=0.5, smallest_scale=0.01)
DOCUMENTS = Rule(threshold=2.0, drift=0.5)
NEW = Chart(baseline=Baseline())
RARE = Chart(baseline=Window())


def noise(seed: int, count: int = 1000, correlation: float = 0.0) -> list[float]:
    rng = np.random.default_rng(seed)
    values = [float(rng.standard_normal())]
    for fresh in rng.standard_normal(count - 1):
        values.append(correlation * values[-1] + (1 - correlation**2) ** 0.5 * float(fresh))
    return values


def after(chart: Chart, values: Iterable[float], rule: Rule = RULE) -> Chart:
    for value in values:
        _, chart = observe(chart, value, rule)
    return chart


def alarms(
    values: Iterable[float | None], rule: Rule = RULE, chart: Chart = NEW
) -> list[tuple[int, str]]:
    """(index, direction) of every alarm."""
    found = []
    for index, value in enumerate(values):
        reading, chart = observe(chart, value, rule)
        found += [(index, name) for name in ("rises", "falls") if getattr(reading, name)]
    return found


def test_the_documents_form_is_their_formula() -> None:
    chart, values = Chart(baseline=Mean()), [4.0, 5.0, 6.0, 6.0, 1.0]
    mean, up, down = 4.0, 0.0, 0.0
    for value in values:
        up = max(0.0, up + (value - mean) - 0.5)
        down = max(0.0, down - (value - mean) - 0.5)
        mean += 0.01 * (value - mean)
        reading, chart = observe(chart, value, DOCUMENTS)
        assert (reading.up, reading.down) == pytest.approx((up, down))
        assert (reading.rises, reading.falls) == (up > 2, down > 2)
    assert (chart.up > 0, chart.down > 2) == (False, True)


def test_the_documents_chart_goes_on_after_an_alarm() -> None:
    _, chart = observe(Chart(baseline=Mean(value=0.0), up=1.0), 9.0, DOCUMENTS)
    assert chart.up == pytest.approx(9.5)
    assert rebased(chart, 2.0) == chart


def test_the_originals_monitor_alarms_on_half_of_pure_noise_and_this_chart_does_not() -> None:
    """Ten values were its baseline for good, and it subtracted no allowance."""
    alarmed, ours = 0, 0
    for seed in range(30):
        values = noise(seed)
        baseline, total = np.array(values[:10]), 0.0
        for value in values[10:]:
            total = max(0.0, total + (value - baseline.mean()) / baseline.std())
            alarmed += total > 4
        ours += len(alarms(values))
    assert 0.45 < alarmed / 30_000 < 0.75
    assert ours <= 2


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_correlated_noise_raises_few_alarms(correlation: float) -> None:
    """A chart that took the values for independent would alarm in nearly every run."""
    runs = [alarms(noise(seed, correlation=correlation)) for seed in range(40)]
    assert sum(map(bool, runs)) <= 8


def test_the_correlation_is_learned() -> None:
    baseline = after(NEW, noise(0, 1500, 0.6)).baseline
    assert isinstance(baseline, Baseline)
    assert baseline.correlation == pytest.approx(0.6, abs=0.2)


@pytest.mark.parametrize("constant", [0.0, -3.5, 100.0])
def test_a_constant_signal_is_silent_and_its_change_is_not(constant: float) -> None:
    values = [constant] * 300
    assert alarms(values) == []
    changed = [*values, *([constant + 1.0] * 20)]
    assert alarms(changed)[0] == (303, "rises")


def test_a_change_below_the_smallest_scale_is_none() -> None:
    assert alarms([0.0] * 300 + [0.004] * 1000) == []


def test_a_signal_that_is_mostly_zero_is_silent() -> None:
    """Clipping now and then: the median and its deviation are zero."""
    rng = np.random.default_rng(3)
    values = [float(x) for x in rng.uniform(5, 40, 3000) * (rng.random(3000) < 0.2)]
    assert (
        alarms(values, RULE._replace(smallest_scale=1.0, threshold=calibrated_threshold(5))) == []
    )


@pytest.mark.parametrize("direction", [1, -1])
def test_a_shift_of_three_sigmas_is_seen_within_ten_values(direction: int) -> None:
    name = "rises" if direction > 0 else "falls"
    for seed in range(20):
        values = noise(seed, 320)
        shifted = values[:300] + [value + 3 * direction for value in values[300:]]
        index, found = alarms(shifted)[0]
        assert (found, 300 <= index < 310) == (name, True)


@pytest.mark.parametrize("spike", [50.0, 1e6, 1e99, -1e99])
def test_one_value_is_no_change_however_large(spike: float) -> None:
    values = noise(4, 600)
    values[300] = spike
    assert alarms(values) == []


def test_a_slow_trend_is_training_and_a_step_on_top_of_it_is_not() -> None:
    trend = [value - 0.004 * index for index, value in enumerate(noise(5, 2000))]
    assert alarms(trend) == []
    stepped = trend[:1500] + [value + 4 for value in trend[1500:]]
    index, found = alarms(stepped)[0]
    assert (found, 1500 <= index < 1510) == ("rises", True)


def test_a_fast_drift_is_seen() -> None:
    drifting = [value + 0.03 * max(0, i - 300) for i, value in enumerate(noise(6, 500))]
    assert alarms(drifting)[0][1] == "rises"


@pytest.mark.parametrize("absent", [None, nan, inf, -inf, 1e200])
@pytest.mark.parametrize("chart", [NEW, RARE, Chart(baseline=Mean()), after(NEW, noise(7, 400))])
def test_what_is_no_value_leaves_the_state_untouched(chart: Chart, absent: float | None) -> None:
    reading, same = observe(chart, absent, RULE)
    assert same is chart
    assert reading == Reading(chart.up, chart.down, rises=False, falls=False)


def test_no_alarm_comes_from_a_missing_value_while_the_sum_is_high() -> None:
    high = Chart(baseline=Mean(value=0.0), up=99.0)
    assert not observe(high, nan, DOCUMENTS)[0].rises


def test_a_shift_is_seen_through_missing_values() -> None:
    values: list[float | None] = [*noise(8, 300), *(3 + value for value in noise(9, 30))]
    values[10:320:7] = [nan] * len(values[10:320:7])
    assert 300 <= alarms(values)[0][0] < 315


def test_nothing_alarms_before_the_baseline_means_something() -> None:
    wild = [10.0**index for index in range(OPENING)]
    assert alarms(wild) == []


def test_an_alarm_founds_a_new_baseline_with_a_head_start() -> None:
    chart, reading = after(NEW, noise(10, 300)), Reading(0, 0)
    while not reading.rises:
        reading, chart = observe(chart, 6.0, RULE)
    assert reading.up > RULE.threshold
    assert chart == Chart(baseline=Baseline(), up=RULE.threshold / 2, down=RULE.threshold / 2)
    new_level = [6 + value for value in noise(11, 500)]
    assert alarms(new_level, chart=chart) == []


def test_a_change_for_the_better_founds_a_new_baseline_and_is_no_alarm() -> None:
    """The worse level that was usual before is then a change."""
    rule = RULE._replace(alarming=("down",))
    better, worse = [9 + value for value in noise(15, 100)], noise(16, 20)
    values = [*noise(17, 300), *better, *worse]
    index, found = alarms(values, rule)[0]
    assert (found, 400 <= index < 410) == ("falls", True)


def test_the_head_start_halves_what_the_next_change_needs() -> None:
    change = [0.0] * OPENING + [1.0] * 20
    (late, _), *_ = alarms(change)
    (soon, _), *_ = alarms(change, chart=rebased(NEW, RULE.threshold))
    assert soon - OPENING < late - OPENING


def test_a_falling_loss_is_silent_however_it_falls_and_turning_up_is_seen() -> None:
    falling = [3 + 2 * 0.9**index for index in range(40)]
    rule = RULE._replace(smallest_scale=0.002, alarming=("up",))
    assert alarms(falling, rule, RARE) == []
    turning = falling + [falling[-1] + 0.03 * index for index in range(1, 15)]
    index, found = alarms(turning, rule, RARE)[0]
    assert (found, 40 <= index < 50) == ("rises", True)


def test_a_rare_signal_is_silent_until_its_window_is_full() -> None:
    assert alarms([0.0] * (WINDOW - 1) + [1e9], RULE, RARE) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=150), st.sampled_from([NEW, RARE]))
def test_any_values_leave_a_state_that_can_be_stored(values: list[float], chart: Chart) -> None:
    chart = after(chart, values)
    assert Chart.model_validate_json(chart.model_dump_json()) == chart
    assert 0 <= chart.up <= RULE.threshold
    assert 0 <= chart.down <= RULE.threshold


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 100), st.floats(-1000, 1000))
def test_units_do_not_matter(factor: float, offset: float) -> None:
    rule, values = RULE._replace(smallest_scale=1e-9), noise(12, 150, 0.5)
    plain = after(NEW, values, rule)
    moved = after(NEW, [factor * value + offset for value in values], rule)
    assert (moved.up, moved.down) == pytest.approx((plain.up, plain.down), abs=1e-6)


def test_readings_follow_the_rule_once_the_baseline_is_founded() -> None:
    """Each step moves a sum by at most the cut less the allowance."""
    chart, sums = after(NEW, noise(13, OPENING)), []
    for value in noise(14, 200):
        reading, chart = observe(chart, value, RULE)
        sums.append(reading.up)
    assert max(later - earlier for earlier, later in pairwise(sums)) <= 2.5
    assert max(sums) > 0
