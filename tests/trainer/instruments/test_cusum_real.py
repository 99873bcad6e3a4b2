"""Which alarms on a real log are false is settled by a rule, not by looking."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.cusum_real import Alarm, lasts, real_runs, stretches
from benchmarks.cusum_signals import Log, columns, read_logs
from trainer.instruments.cusum_panel import Signals

CALM = np.random.default_rng(0).standard_normal(1000)


def log(rates: list[float]) -> Log:
    return Log("half", "run", [Signals(1.0, 0.0, 7000.0)] * len(rates), rates)


@pytest.mark.parametrize(("shift", "lasting"), [(0.5, False), (1.5, True), (-1.5, False)])
def test_a_level_that_stays_is_a_lasting_change(shift: float, lasting: bool) -> None:
    assert lasts(CALM + shift * (np.arange(1000) >= 490), 500) is lasting


def test_a_burst_is_none() -> None:
    burst = CALM.copy()
    burst[490:520] += 5
    assert not lasts(burst, 500)


def test_an_alarm_with_nothing_before_or_after_it_counts_as_false() -> None:
    assert not lasts(np.full(1000, np.nan), 500)
    assert not lasts(CALM, 1000)


def test_a_stretch_is_stationary_while_the_rate_stands() -> None:
    rates = [0.1] * 3000 + [0.1 - 1e-5 * step for step in range(1000)] + [0.05] * 500
    alarm = Alarm("grad up", 2001, lasting=False)
    cut = stretches(log(rates), [Alarm("grad up", 700, lasting=False), alarm])
    assert [stretch.stationary for stretch in cut] == [True, True, False]
    assert [stretch.alarms for stretch in cut] == [(), (alarm,), ()]


def test_one_slow_down_is_counted_in_one_stretch_and_not_against_the_run_itself() -> None:
    speeds = np.exp(0.05 * np.resize(CALM, 3000))
    steps = [Signals(1.0, 0.0, 7000 * float(speed)) for speed in speeds]
    calm = log([0.1] * 3000)._replace(steps=steps)
    slow = [step._replace(tokens_per_sec=2600.0) for step in calm.steps[:30]]
    disturbed = calm._replace(steps=[*calm.steps[:1500], *slow, *calm.steps[1530:]])
    figures: Any = real_runs([calm, disturbed])
    found = figures["half"]["stationary"]
    assert found["stretches"] == 4
    assert found["any"]["false"]["stretches"] == 1
    assert found["throughput down"]["all"]["share"] == 0.25
    assert found["any but the clock's"]["all"] == {
        "stretches": 0,
        "share": 0.0,
        "interval": [0.0, pytest.approx(0.6024, abs=1e-4)],
    }


def test_a_refused_step_brings_no_norm_to_the_charts(tmp_path: Path) -> None:
    row = {"clip_pct": 0.0, "tokens_per_sec": 7000.0, "learning_rate": 0.1, "grad_norm": 50.0}
    rows = [
        {**row, "member_id": f"g{step // 100}-model", "step": step, "skipped": step == 7}
        for step in range(200)
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (read,) = read_logs(path)
    assert np.flatnonzero(np.isnan(columns(read)["grad"])).tolist() == [7]
    assert (len(read.steps), set(read.rates)) == (200, {0.1})
