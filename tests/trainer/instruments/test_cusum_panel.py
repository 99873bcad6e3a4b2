"""Five charts on one panel: which signal raises which bit, and what survives what."""

from collections.abc import Iterable, Iterator
from functools import reduce
from math import nan
from operator import or_

import numpy as np
import pytest

from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_baseline import OPENING
from trainer.instruments.cusum_calibration import calibrated_threshold
from trainer.instruments.cusum_panel import Charts, Panel, PanelState, Readings, Signals

PANEL = Panel.of(SymbioConfig())
ORIGINAL = Panel.of(SymbioConfig(chart="original"))


def run(
    signals: Iterable[Signals], panel: Panel = PANEL, state: PanelState | None = None
) -> tuple[list[Readings], PanelState]:
    state, rows = state or panel.start(), []
    for step in signals:
        observation = panel.observe(state, step)
        rows.append(observation.readings)
        assert observation.alerts == observation.readings.cusum_alerts
        state = observation.state
    return rows, state


def stationary(seed: int, steps: int, spread: float = 0.05) -> Iterator[Signals]:
    rng = np.random.default_rng(seed)
    for step in range(steps):
        grad, speed = np.exp(spread * rng.standard_normal(2))
        val = 4 + 0.01 * float(rng.standard_normal()) if step % 10 == 0 else None
        yield Signals(float(grad), float(rng.uniform(0, 5)), 7000 * float(speed), val)


def alerts(rows: Iterable[Readings]) -> set[int]:
    return {row.cusum_alerts for row in rows if row.cusum_alerts}


def without_clock(row: Readings) -> Readings:
    return row._replace(cusum_tps_neg=0.0, cusum_alerts=row.cusum_alerts & ~0x08)


@pytest.mark.parametrize(
    ("change", "bit"),
    [
        ({"grad_norm": 2.0}, 0x01),
        ({"grad_norm": 0.5}, 0x02),
        ({"grad_norm": 0.0}, 0x02),
        ({"clip_pct": 60.0}, 0x04),
        ({"tokens_per_sec": 2600.0}, 0x08),
        ({"val_loss": 5.0}, 0x10),
    ],
)
def test_each_signal_raises_its_own_bit(change: dict[str, float], bit: int) -> None:
    _, state = run(stationary(0, 300))
    rows, _ = run((step._replace(**change) for step in stationary(1, 12)), state=state)
    assert alerts(rows) == {bit}


TROUBLES: dict[int, dict[str, float]] = {
    0x01: {"grad_norm": 4.0},
    0x02: {"grad_norm": 0.25},
    0x04: {"clip_pct": 90.0},
    0x08: {"tokens_per_sec": 900.0},
    0x10: {"val_loss": 9.0},
}


@pytest.mark.parametrize("mask", [one for one in range(1, 0x20) if one & 0x03 != 0x03])
def test_signals_that_change_together_raise_the_sum_of_their_bits(mask: int) -> None:
    """Every combination, but that a norm cannot rise and fall at once."""
    troubles = [change for bit, change in TROUBLES.items() if mask & bit]
    changed = {name: value for change in troubles for name, value in change.items()}
    _, state = run(stationary(0, 300))
    often = (step._replace(val_loss=4.0) for step in stationary(1, 5))
    rows, _ = run((step._replace(**changed) for step in often), state=state)
    assert reduce(or_, alerts(rows)) == mask
    assert mask in alerts(rows)


@pytest.mark.parametrize(
    "change", [{"clip_pct": 0.0}, {"tokens_per_sec": 20_000.0}, {"val_loss": 3.0}]
)
def test_the_good_direction_is_no_alarm(change: dict[str, float]) -> None:
    _, state = run(stationary(0, 300))
    rows, _ = run((step._replace(**change) for step in stationary(1, 100)), state=state)
    assert alerts(rows) == set()


@pytest.mark.parametrize("steps_before", [100, 400])
@pytest.mark.parametrize("spread", [0.03, 0.1])
def test_a_collapse_of_throughput_is_seen_within_ten_steps(
    spread: float, steps_before: int
) -> None:
    for seed in range(10):
        _, state = run(stationary(seed, steps_before, spread))
        slow = (
            step._replace(tokens_per_sec=(step.tokens_per_sec or nan) * 2600 / 7000)
            for step in stationary(seed + 100, 10, spread)
        )
        rows, _ = run(slow, state=state)
        assert alerts(rows) == {0x08}


def test_the_originals_monitor_sees_no_collapse() -> None:
    """It summed upwards only: 7,000 to 2,600 tokens a second lowered its sum."""
    speeds = [step.tokens_per_sec or nan for step in stationary(2, 100, 0.001)]
    baseline, total, highest = np.array(speeds[:10]), 0.0, 0.0
    for _ in range(400):
        total = max(0.0, total + (2600 - baseline.mean()) / baseline.std())
        highest = max(highest, total)
    assert highest == 0
    assert alerts(run(Signals(tokens_per_sec=speed) for speed in [*speeds, *[2600.0] * 5])[0]) == {
        8
    }


def test_stationary_runs_raise_few_alarms() -> None:
    alarmed = sum(bool(alerts(run(stationary(seed, 1000))[0])) for seed in range(30))
    assert alarmed <= 4


def test_constant_signals_raise_none() -> None:
    same = Signals(1.0, 0.0, 7000.0, 4.0)
    assert alerts(run([same] * 500)[0]) == set()


def test_missing_signals_change_nothing() -> None:
    _, state = run(stationary(3, 200))
    rows, same = run([Signals(), Signals(nan, nan, nan, nan), Signals(-1.0)], state=state)
    assert same == state
    assert alerts(rows) == set()


def test_the_clock_reaches_no_other_chart() -> None:
    steps = list(stationary(4, 300))
    _, state = run(steps)
    rng = np.random.default_rng(5)
    _, other = run(step._replace(tokens_per_sec=float(rng.uniform(1, 1e6))) for step in steps)
    assert other.charts == state.charts
    assert other.throughput != state.throughput


def test_stored_charts_go_on_as_if_nothing_had_been() -> None:
    steps = list(stationary(6, 400))
    whole, _ = run(steps)
    _, state = run(steps[:230])
    stored = Charts.model_validate_json(state.charts.model_dump_json())
    rest, _ = run(steps[230:], state=PANEL.start(stored))
    assert list(map(without_clock, rest)) == list(map(without_clock, whole[230:]))


def test_charts_of_the_other_form_are_not_taken_over() -> None:
    _, state = run(stationary(7, 100))
    assert ORIGINAL.start(state.charts) == ORIGINAL.start()
    assert PANEL.start(ORIGINAL.start().charts) == PANEL.start()


def test_a_switch_founds_new_baselines_but_not_for_throughput_and_search_loss() -> None:
    _, state = run(stationary(8, 300))
    switched = PANEL.after_switch(state)
    assert (switched.throughput, switched.charts.val) == (state.throughput, state.charts.val)
    assert switched.charts.grad.up == switched.charts.clip.up == PANEL.threshold / 2
    louder = (step._replace(grad_norm=5 * (step.grad_norm or nan)) for step in stationary(9, 200))
    assert alerts(run(louder, state=switched)[0]) == set()
    slower = (step._replace(tokens_per_sec=2600.0) for step in stationary(9, 10))
    assert alerts(run(slower, state=switched)[0]) == {0x08}


def test_the_answer_to_an_alarm_is_not_the_cause_of_the_next() -> None:
    """A smaller batch is slower: with the old baseline it would alarm again and shrink again."""
    _, state = run(stationary(10, 300))
    changed = PANEL.after_batch_change(state)
    slower = [step._replace(tokens_per_sec=2600.0) for step in stationary(11, 200)]
    assert alerts(run(slower, state=changed)[0]) == set()
    assert changed.charts.val == state.charts.val


def test_an_alarm_is_raised_once() -> None:
    _, state = run(stationary(12, 300))
    louder = (step._replace(grad_norm=3 * (step.grad_norm or nan)) for step in stationary(13, 300))
    rows, _ = run(louder, state=state)
    assert [row.cusum_alerts for row in rows if row.cusum_alerts] == [0x01]


def test_an_explicit_threshold_is_used_as_given_and_the_calibrated_one_otherwise() -> None:
    assert Panel.of(SymbioConfig(cusum_threshold=4.5)).threshold == 4.5
    assert PANEL.threshold == calibrated_threshold(5, 0.5)
    assert (ORIGINAL.threshold, ORIGINAL.drift) == (2.0, 0.5)
    assert Panel.of(SymbioConfig(), sensitivity=0.8).threshold == pytest.approx(
        0.8 * PANEL.threshold
    )


def test_the_original_form_floods_on_tokens_and_is_blind_on_norms() -> None:
    """Raw units: an allowance of half a token is none, one of half a log norm is everything."""
    rows, _ = run(stationary(14, 500), ORIGINAL)
    alarmed = sum(row.cusum_alerts & 0x08 > 0 for row in rows)
    assert alarmed > 200
    doubled = (step._replace(grad_norm=1.6) for step in stationary(15, 500))
    assert not any(row.cusum_alerts & 0x01 for row in run(doubled, ORIGINAL)[0])


def test_the_panel_is_silent_while_it_learns() -> None:
    rng = np.random.default_rng(16)
    wild = (Signals(*(float(10 ** rng.uniform(-6, 6)) for _ in range(3))) for _ in range(OPENING))
    assert alerts(run(wild)[0]) == set()
