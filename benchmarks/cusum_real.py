"""The charts on logs of real runs, cut into stretches of 1,000 steps.

A stretch is stationary if the learning rate is the same at all its steps. An alarm is of a lasting
change if the median of the 200 values after it lies more than one standard deviation beyond that of
the 200 that ended 50 steps before it; else it is false.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from pydantic import JsonValue
from scipy.stats import binomtest

from benchmarks.cusum_signals import Array, Log, columns
from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_panel import Panel

STEPS = 1000
SETTLED = 1000
"""Steps after which warm-up and first learning are over."""
SPAN, BUILD_UP = 200, 50
BITS = {"grad up": 1, "grad down": 2, "clip up": 4, "throughput down": 8, "val up": 16}
CLOCK = "throughput down"
"""The one chart that says nothing of the run itself."""


class Alarm(NamedTuple):
    """What a chart said, and whether it was so."""

    chart: str
    step: int
    """From 1."""
    lasting: bool


class Stretch(NamedTuple):
    """A thousand settled steps."""

    stationary: bool
    alarms: tuple[Alarm, ...]


def real_runs(logs: Sequence[Log]) -> JsonValue:
    """Alarms by log, and the share of alarmed stretches by folder of logs."""
    figures: dict[str, JsonValue] = {}
    for folder, group in groupby(logs, lambda log: log.folder):
        found = [(log, alarms(log, SymbioConfig())) for log in group]
        cut = [stretch for log, heard in found for stretch in stretches(log, heard)]
        figures[folder] = {
            "stationary": _shares([one for one in cut if one.stationary]),
            "falling rate": _shares([one for one in cut if not one.stationary]),
            "logs": {log.name: _row(log, heard) for log, heard in found},
        }
    return figures


def _shares(cut: list[Stretch]) -> JsonValue:
    rows: dict[str, JsonValue] = {"stretches": len(cut)}
    families = {"any": {*BITS}, "any but the clock's": {*BITS} - {CLOCK}}
    for name, members in {**families, **{name: {name} for name in BITS}}.items():
        said = [[alarm for alarm in one.alarms if alarm.chart in members] for one in cut]
        rows[name] = {
            "all": _share([bool(heard) for heard in said]),
            "false": _share([any(not alarm.lasting for alarm in heard) for heard in said]),
        }
    return rows


def _share(alarmed: list[bool]) -> JsonValue:
    """Count, and the interval of Clopper and Pearson in which 95 % of such shares lie."""
    if not alarmed:
        return None
    interval = binomtest(sum(alarmed), len(alarmed)).proportion_ci(method="exact")
    return {
        "stretches": sum(alarmed),
        "share": sum(alarmed) / len(alarmed),
        "interval": [round(float(interval.low), 4), round(float(interval.high), 4)],
    }


def _row(log: Log, heard: list[Alarm]) -> JsonValue:
    raw = alarms(log, SymbioConfig(chart="original"))
    shares: dict[str, JsonValue] = {
        name: sum(alarm.chart == name for alarm in raw) / len(log.steps) for name in BITS
    }
    said: list[JsonValue] = [
        f"{alarm.step} {alarm.chart}, {'lasting' if alarm.lasting else 'false'}" for alarm in heard
    ]
    return {"alarms": said, "original_share_of_steps_in_alarm": shares}


def stretches(log: Log, heard: list[Alarm]) -> list[Stretch]:
    """The settled steps of a log, a thousand at a time."""
    cut = []
    for start in range(SETTLED, len(log.steps) - STEPS + 1, STEPS):
        rates = log.rates[start : start + STEPS]
        inside = tuple(alarm for alarm in heard if start < alarm.step <= start + STEPS)
        cut.append(Stretch(min(rates) == max(rates), inside))
    return cut


def alarms(log: Log, config: SymbioConfig) -> list[Alarm]:
    """Every alarm on a log."""
    panel, signals, found = Panel.of(config), columns(log), list[Alarm]()
    state = panel.start()
    for step, values in enumerate(log.steps, 1):
        observation = panel.observe(state, values)
        state = observation.state
        for name, bit in BITS.items():
            if observation.alerts & bit:
                signal, direction = name.split()
                sign = 1 if direction == "up" else -1
                found.append(Alarm(name, step, lasts(sign * signals[signal], step)))
    return found


def lasts(values: Array, step: int) -> bool:
    """Whether `values` [steps] are higher for good from about `step` on."""
    before = values[max(0, step - BUILD_UP - SPAN) : max(1, step - BUILD_UP)]
    after = values[step : step + SPAN]
    if np.isnan(before).all() or np.isnan(after).all():
        return False
    return bool(np.nanmedian(after) - np.nanmedian(before) > np.nanstd(before))
