"""The five charts of a training run on one panel.

| bit | signal | scale | alarm |
|---|---|---|---|
| 0x01, 0x02 | log grad_norm | at least .02 | up, down |
| 0x04 | clip_pct | at least 1 point | up |
| 0x08 | log tokens_per_sec (`original`: without log) | at least .02 | down |
| 0x10 | search loss in nats | at least .002 | up |

The charts of grad_norm, clip_pct and search loss follow from the bits of the run and are part of
its state; the one of tokens_per_sec follows from the clock, is no part of it, and starts afresh.
"""

from math import isfinite, log
from typing import Literal, NamedTuple

from pydantic import Field

from state.base import Record
from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum import Chart, Direction, Mean, Reading, Rule, observe, rebased
from trainer.instruments.cusum_baseline import Baseline
from trainer.instruments.cusum_calibration import calibrated_threshold
from trainer.instruments.cusum_window import Window

GRAD_UP, GRAD_DOWN, CLIP_UP, THROUGHPUT_DOWN, VAL_UP = 0x01, 0x02, 0x04, 0x08, 0x10
NUM_CHARTS = 5
ORIGINAL_THRESHOLD = 2.0
SMALLEST_SCALE = {"grad": 0.02, "clip": 1.0, "throughput": 0.02, "val": 0.002}
"""What is too little to matter: 2 % of a norm or a speed, a point of clipping, .002 nats."""
ALARMING: dict[str, tuple[Direction, ...]] = {
    "grad": ("up", "down"),
    "clip": ("up",),
    "throughput": ("down",),
    "val": ("up",),
}
SMALLEST_NORM = 1e-12
"""A gradient of zero has a logarithm too: it is what 0x02 is there for."""


class Signals(NamedTuple):
    """What a step brings; None, NaN and infinities are no value."""

    grad_norm: float | None = None
    clip_pct: float | None = None
    """Per cent of the gradient that clipping took."""
    tokens_per_sec: float | None = None
    val_loss: float | None = None
    """Nats per token on the search split, at the first step after it was measured."""


class Charts(Record):
    """The charts that follow from the bits of the run."""

    grad: Chart
    clip: Chart
    val: Chart


class PanelState(Record):
    """All charts between two steps."""

    charts: Charts
    throughput: Chart
    """Follows from the clock: not to be hashed, nor to be restored."""


class Readings(NamedTuple):
    """The sums at a step, under the names of the metrics columns."""

    cusum_grad_pos: float
    cusum_grad_neg: float
    cusum_clip_pos: float
    cusum_tps_neg: float
    cusum_val_pos: float
    cusum_alerts: int
    """Bit mask of the charts that alarm at this step."""


class Observation(NamedTuple):
    """What the panel says of a step."""

    readings: Readings
    alerts: int
    state: PanelState


class Panel(Record):
    """The rules of the charts; the state goes in and comes out."""

    form: Literal["standardised", "original"]
    threshold: float = Field(gt=0)
    """h, in sigmas; in the units of each signal for the original form."""
    drift: float = Field(ge=0)

    @classmethod
    def of(cls, config: SymbioConfig, sensitivity: float = 1.0) -> "Panel":
        """The panel as configured; `sensitivity` multiplies the threshold."""
        threshold = config.cusum_threshold
        if threshold is None and config.chart == "original":
            threshold = ORIGINAL_THRESHOLD
        if threshold is None:
            threshold = calibrated_threshold(NUM_CHARTS, config.cusum_drift)
        return cls(form=config.chart, threshold=threshold * sensitivity, drift=config.cusum_drift)

    def start(self, charts: Charts | None = None) -> PanelState:
        """Charts that have seen nothing; those of a checkpoint go on if they are of this form."""
        if self.form == "original":
            rare = usual = Chart(baseline=Mean())
        else:
            rare, usual = Chart(baseline=Window()), Chart(baseline=Baseline())
        if charts is None or charts.grad.baseline.kind != usual.baseline.kind:
            charts = Charts(grad=usual, clip=usual, val=rare)
        return PanelState(charts=charts, throughput=usual)

    def observe(self, state: PanelState, signals: Signals) -> Observation:
        """The panel after one more step."""
        charts = state.charts
        grad, next_grad = self._read("grad", charts.grad, _logarithm(signals.grad_norm))
        clip, next_clip = self._read("clip", charts.clip, signals.clip_pct)
        val, next_val = self._read("val", charts.val, signals.val_loss)
        speed = signals.tokens_per_sec
        if self.form == "standardised":
            speed = _logarithm(speed)
        throughput, next_throughput = self._read("throughput", state.throughput, speed)
        alerts = (
            GRAD_UP * grad.rises
            | GRAD_DOWN * grad.falls
            | CLIP_UP * clip.rises
            | THROUGHPUT_DOWN * throughput.falls
            | VAL_UP * val.rises
        )
        readings = Readings(grad.up, grad.down, clip.up, throughput.down, val.up, alerts)
        after = Charts(grad=next_grad, clip=next_clip, val=next_val)
        return Observation(readings, alerts, PanelState(charts=after, throughput=next_throughput))

    def after_switch(self, state: PanelState) -> PanelState:
        """Another activation: gradient norm and clipping are learned anew.

        Throughput and search loss keep their baseline, so a switch that costs shows.
        """
        charts = state.charts
        fresh = {"grad": self._rebased(charts.grad), "clip": self._rebased(charts.clip)}
        return state.model_copy(update={"charts": charts.model_copy(update=fresh)})

    def after_batch_change(self, state: PanelState) -> PanelState:
        """Another batch size has another gradient noise and another speed: all but the search
        loss is learned anew. Else the answer to one alarm would be the cause of the next.
        """
        fresh = {"throughput": self._rebased(state.throughput)}
        return self.after_switch(state).model_copy(update=fresh)

    def _read(self, name: str, chart: Chart, value: float | None) -> tuple[Reading, Chart]:
        smallest, alarming = SMALLEST_SCALE[name], ALARMING[name]
        return observe(chart, value, Rule(self.threshold, self.drift, smallest, alarming))

    def _rebased(self, chart: Chart) -> Chart:
        return rebased(chart, self.threshold)


def _logarithm(value: float | None) -> float | None:
    """Natural logarithm; None for what is no norm and no speed."""
    if value is None or not isfinite(value) or value < 0:
        return None
    return log(max(value, SMALLEST_NORM))
