"""The figures of a run of one model, from its steps. A column without a reading has no panel."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from orchestrator.figures.panels import Curve, Panel, panels_figure
from orchestrator.figures.style import Figure
from orchestrator.report.page.clock import Clock
from orchestrator.report.page.evidence import Evidence
from state.records import StepMetrics

Array = NDArray[np.float64]
_CHARTS = (
    ("gradient norm", (("up", "cusum_grad_pos", 1), ("down", "cusum_grad_neg", 2))),
    ("clipping", (("up", "cusum_clip_pos", 4),)),
    ("throughput", (("down", "cusum_tps_neg", 8),)),
    ("search loss", (("up", "cusum_val_pos", 16),)),
)
_COLOURS = ("blue", "purple")
_INSTRUMENTS = (
    ("weight entropy in nats", "weight_entropy"),
    ("effective rank", "effective_rank"),
    ("free energy", "free_energy"),
    ("mutual information of input and output in nats", "mi_input_output"),
)


def loss(seen: Evidence, clock: Clock) -> Figure:
    """Training loss of every step; the search split at every evaluation."""
    del clock
    trained = _curve(seen, "loss", "training loss", smooth=True)
    host = seen.saved.run.host or seen.saved.run.final_host
    history = host.history if host else ()
    points = np.array([(age, bits) for age, bits, _ in history], dtype=np.float64).reshape(-1, 2)
    search = Curve("search split", points[:, 0], points[:, 1], "blue")
    marks = tuple(float(one.step) for one in seen.steps if one.skipped)
    panels = []
    if trained is not None:
        panels.append(
            Panel("training loss, nats per token", (trained,), marks=marks[:200], mark="skipped")
        )
    if len(points):
        panels.append(Panel("search split, bits per byte", (search,), notes=_best(seen)))
    return panels_figure(panels, height=2.0)


def _best(seen: Evidence) -> tuple[tuple[float, str], ...]:
    winner = seen.saved.run.winner
    return ((float(winner.age_steps), "best"),) if winner else ()


def instruments(seen: Evidence, clock: Clock) -> Figure:
    """Weight entropy, effective rank, free energy and mutual information."""
    del clock
    found = ((title, _curve(seen, field, title)) for title, field in _INSTRUMENTS)
    panels = [Panel(title, (curve,)) for title, curve in found if curve is not None]
    return panels_figure(panels, columns=2)


def charts(seen: Evidence, clock: Clock) -> Figure:
    """The sums with the limit that the engine used, and their alarms."""
    from trainer.instruments.cusum_panel import Panel as Rules

    del clock
    symbio = seen.saved.config.train.symbio
    limit = ("limit", Rules.of(symbio).threshold) if symbio else None
    panels = []
    for title, sums in _CHARTS:
        curves = [
            curve._replace(colour=_COLOURS[index])
            for index, (way, field, _) in enumerate(sums)
            if (curve := _curve(seen, field, way)) is not None
        ]
        bits = sum(bit for *_, bit in sums)
        begun = _first_alarms(seen.steps, bits)
        if curves:
            panels.append(Panel(title, tuple(curves), limit=limit, marks=begun, mark="alarm"))
    return panels_figure(panels, columns=2)


def alarms(seen: Evidence) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Signal and the steps at which its chart began to alarm, of those that did."""
    for title, sums in _CHARTS:
        found = _first_alarms(seen.steps, sum(bit for *_, bit in sums))
        if found:
            yield title, found


def _first_alarms(steps: Sequence[StepMetrics], bits: int) -> tuple[float, ...]:
    """The steps at which a chart of these began to alarm."""
    before, found = 0, []
    for one in steps:
        now = (one.cusum_alerts or 0) & bits
        if now & ~before:
            found.append(float(one.step))
        before = now
    return tuple(found)


def telemetry(seen: Evidence, clock: Clock) -> Figure:
    """Gradient norm, what clipping took, learning rate, speed and batch."""
    del clock
    return panels_figure(list(_telemetry(seen)), columns=2)


def _telemetry(seen: Evidence) -> Iterator[Panel]:
    for title, field, smooth in (
        ("gradient norm", "grad_norm", True),
        ("taken by clipping, per cent", "clip_pct", True),
        ("learning rate", "learning_rate", False),
        ("tokens per second", "tokens_per_sec", True),
    ):
        curve = _curve(seen, field, title, smooth=smooth)
        if curve is not None:
            yield Panel(title, (curve,))
    batch = _curve(seen, "adaptive_batch_size", "batch")
    if batch is not None:
        reasons = [
            (float(one.step), one.batch_change_reason)
            for one in seen.steps
            if one.batch_change_reason
        ]
        notes = tuple((step, reason) for step, reason in reasons[:6])
        yield Panel("windows in a batch", (batch._replace(held=True),), notes=notes)


def _curve(seen: Evidence, field: str, name: str, *, smooth: bool = False) -> Curve | None:
    """One column over the steps; None where nothing was read."""
    values = [getattr(one, field) for one in seen.steps]
    y = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    if not np.isfinite(y).any():
        return None
    x = np.array([one.step for one in seen.steps], dtype=np.float64)
    return Curve(name, x, y, smooth=smooth)
