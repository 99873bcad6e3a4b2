"""The charts on logs of real runs: as they are, and from any start in them."""

from collections.abc import Sequence

import numpy as np
from pydantic import JsonValue

from benchmarks.cusum_signals import Log, columns
from benchmarks.cusum_twin import Running, first_alarms
from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_baseline import OPENING
from trainer.instruments.cusum_panel import SMALLEST_SCALE, Panel

STEPS = 1000
BITS = {"grad up": 1, "grad down": 2, "clip up": 4, "throughput down": 8, "val up": 16}
SIDES = {
    "grad up": ("grad", "up"),
    "grad down": ("grad", "down"),
    "clip up": ("clip", "up"),
    "throughput down": ("throughput", "down"),
}
SETTLED = 400
"""Steps after which warm-up and first learning are over."""


def real_runs(logs: Sequence[Log]) -> JsonValue:
    """Alarms on every log, by chart and form, and how many there are once training is settled."""
    settled = dict.fromkeys(BITS, 0)
    rows: list[JsonValue] = []
    for log in logs:
        found = alarms(log, SymbioConfig())
        for name, steps in found.items():
            settled[name] += sum(step > SETTLED for step in steps)
        rows.append(_row(log, found))
    num_steps = sum(max(0, len(log.steps) - SETTLED) for log in logs)
    return {"logs": rows, "settled_steps": num_steps, "settled_alarms": dict(settled)}


def _row(log: Log, found: dict[str, list[int]]) -> dict[str, JsonValue]:
    raw = alarms(log, SymbioConfig(chart="original"))
    row: dict[str, JsonValue] = {
        "log": log.name,
        "steps": len(log.steps),
        "standardised": {name: list[JsonValue](steps) for name, steps in found.items()},
        "original_steps_in_alarm": {name: len(steps) for name, steps in raw.items()},
    }
    if len(log.steps) >= SETTLED + OPENING + STEPS:
        row["any_start"] = restarted(log, 0)
        row["any_start_once_settled"] = restarted(log, SETTLED)
    return row


def alarms(log: Log, config: SymbioConfig) -> dict[str, list[int]]:
    """Steps, from 1, at which each chart alarms."""
    panel = Panel.of(config)
    state, found = panel.start(), {name: list[int]() for name in BITS}
    for step, signals in enumerate(log.steps, 1):
        observation = panel.observe(state, signals)
        state = observation.state
        for name, bit in BITS.items():
            if observation.alerts & bit:
                found[name].append(step)
    return found


def restarted(log: Log, first: int) -> dict[str, JsonValue]:
    """Chance of an alarm within 1,000 steps after the opening, for a panel that starts at any
    step of the log from `first` on: every tenth start is tried.
    """
    limit, signals = Panel.of(SymbioConfig()).threshold, columns(log)
    starts = np.arange(first, len(log.steps) - OPENING - STEPS + 1, 10)
    any_alarm = np.zeros(len(starts), dtype=bool)
    rates: dict[str, JsonValue] = {"starts": len(starts)}
    for name, (signal, side) in SIDES.items():
        values = (signals[signal][starts + step] for step in range(OPENING + STEPS))
        alarmed = np.isfinite(
            first_alarms(Running(SMALLEST_SCALE[signal]), values, limit, sides=(side,))
        )
        rates[name] = float(alarmed.mean())
        any_alarm |= alarmed
    return {**rates, "any": float(any_alarm.mean())}
