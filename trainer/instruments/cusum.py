"""One signal's cumulative sums (CUSUM): has it changed for good?

Up adds `z - k` and down adds `-z - k`, neither below zero; above h it is an alarm. `z` is how far
the value is from what is normal: in sigmas of a robust running baseline (`standardised`), or raw,
from a running mean (`original`, the documents' formula).

Source: Page, Continuous Inspection Schemes, 1954; the head start after a new baseline is Lucas
and Crosier, Fast Initial Response for CUSUM Quality-Control Schemes, 1982.
"""

from math import isfinite
from typing import Literal, NamedTuple, assert_never

from pydantic import Field

from state.base import Record
from trainer.instruments.cusum_baseline import Baseline, deviation
from trainer.instruments.cusum_window import Window, window_deviation

MEAN_GAIN = 0.01
"""Of the documents' exponential mean."""
LARGEST = 1e100
"""Beyond that a value is no measurement, and sums of such values overflow."""


class Mean(Record):
    """The documents' baseline: an exponential mean that begins at the first value."""

    kind: Literal["mean"] = "mean"
    value: float | None = None


Direction = Literal["up", "down"]


class Rule(NamedTuple):
    """When a chart alarms."""

    threshold: float
    """h, in the units of the deviations."""
    drift: float
    """k: what a deviation must exceed to count."""
    smallest_scale: float = 1e-9
    """Scale of a signal that does not vary, in its units: what is too little to matter."""
    alarming: tuple[Direction, ...] = ("up", "down")
    """The directions that are bad news."""


class Chart(Record):
    """The state of one signal's pair of sums."""

    baseline: Baseline | Window | Mean = Field(discriminator="kind")
    up: float = Field(default=0.0, ge=0)
    down: float = Field(default=0.0, ge=0)


class Reading(NamedTuple):
    """What a chart says of one value."""

    up: float
    down: float
    rises: bool = False
    """Alarm: the signal has gone up for good."""
    falls: bool = False


def observe(chart: Chart, value: float | None, rule: Rule) -> tuple[Reading, Chart]:
    """The chart after one more value; what is absent or not finite is no value.

    A standardised chart that alarms has said it: the values that follow found a new baseline. A
    change for the better founds one too, without an alarm and without a head start.
    """
    if value is None or not isfinite(value) or abs(value) > LARGEST:
        return Reading(chart.up, chart.down), chart
    by, baseline = _deviation(chart.baseline, value, rule.smallest_scale)
    if by is None:
        return Reading(chart.up, chart.down), chart.model_copy(update={"baseline": baseline})
    up = max(0.0, chart.up + by - rule.drift)
    down = max(0.0, chart.down - by - rule.drift)
    rises = "up" in rule.alarming and up > rule.threshold
    falls = "down" in rule.alarming and down > rule.threshold
    after = Chart(baseline=baseline, up=up, down=down)
    if rises or falls:
        after = rebased(after, rule.threshold)
    elif max(up, down) > rule.threshold:
        after = _improved(after)
    return Reading(up, down, rises, falls), after


def rebased(chart: Chart, threshold: float) -> Chart:
    """The chart with all to learn anew, its sums halfway to the next alarm.

    The documents' chart has no such rule and goes on.
    """
    match chart.baseline:
        case Mean():
            return chart
        case Baseline():
            return Chart(baseline=Baseline(), up=threshold / 2, down=threshold / 2)
        case Window():
            return Chart(baseline=Window(), up=threshold / 2, down=threshold / 2)
        case _:
            assert_never(chart.baseline)


def _improved(chart: Chart) -> Chart:
    """A window has moved to the better level by itself; a running baseline would take long."""
    match chart.baseline:
        case Mean():
            return chart
        case Baseline():
            return Chart(baseline=Baseline())
        case Window():
            return Chart(baseline=chart.baseline)
        case _:
            assert_never(chart.baseline)


def _deviation(
    baseline: Baseline | Window | Mean, value: float, smallest_scale: float
) -> tuple[float | None, Baseline | Window | Mean]:
    match baseline:
        case Baseline():
            return deviation(baseline, value, smallest_scale)
        case Window():
            return window_deviation(baseline, value, smallest_scale)
        case Mean():
            mean = value if baseline.value is None else baseline.value
            return value - mean, Mean(value=mean + MEAN_GAIN * (value - mean))
        case _:
            assert_never(baseline)
