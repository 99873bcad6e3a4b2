"""The CUSUM charts of a run with instruments, the engine's own limit and the alarms."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from dashboard.web.figures import curves
from dashboard.web.figures.curves import Window
from dashboard.web.figures.plot import (
    Figure,
    Panel,
    Trace,
    dash,
    figure,
    line,
    nothing,
    posts,
    series,
)
from dashboard.web.figures.run_view import RunView, document
from dashboard.web.figures.timeline import bands
from state.metrics_figures import Mark

CHARTS = (
    ("cusum_grad_pos", "gradient up", 1),
    ("cusum_grad_neg", "gradient down", 2),
    ("cusum_clip_pos", "clipping up", 4),
    ("cusum_tps_neg", "throughput down", 8),
    ("cusum_val_pos", "search loss up", 16),
)
"""Column, name and bit in `cusum_alerts`; the last one is drawn when it is asked for."""
MOST_POSTS = 150


class Alarms(NamedTuple):
    """What the charts have said."""

    num_steps: int
    """Steps at which any chart alarmed."""
    last: Mark | None
    begun: tuple[Mark, ...]
    """The newest steps at which a chart began to alarm."""


def alarms(view: RunView) -> Alarms:
    """Read from the store."""
    count, found = view.alarms
    return Alarms(count, found[-1] if found else None, tuple(_begun(found)))


def told(mark: Mark) -> str:
    """Which charts alarm, in words."""
    bits = int(mark.value)
    return ", ".join(name for _, name, bit in CHARTS if bits & bit) or f"chart {bits}"


def cusum(view: RunView, window: Window | None = None) -> Figure:
    """The sums over the run."""
    timeline = view.timeline
    names = tuple(column for column, _, _ in CHARTS)
    if not timeline.index:
        return nothing("No steps yet: the charts begin with the first step.")
    read = curves.load(view, names, window)
    traces: list[Trace] = []
    top = limit = limit_of(document(view.columns.get("symbio_config")))
    for index, (column, name, bit) in enumerate(CHARTS):
        points = read.main(column)
        x, y = curves.extremes(points)
        values = [value for value in y if value is not None]
        if not values:
            continue
        top = max([top or 0.0, *values])
        look: Trace = {"dash": dash(index), "shape": "linear"}
        own = line(name, x, y, series(index), width=1.4, line=look, hover="%{y:.3g}")
        traces.append(own | ({"visible": "legendonly"} if bit == 16 else {}))
    if not traces:
        return nothing("No readings yet: the charts begin with the first step of a symbio run.")
    end = timeline.end
    if limit is not None:
        shown = f"limit of the engine, {limit:.3g}"
        look = {"dash": "dash"}
        traces.append(line(shown, [0, end], [limit] * 2, "--ink", width=1.4, line=look))
    traces += _alarm_posts(view, 1.05 * (top or 1.0))
    return figure(
        traces,
        height=340,
        x_title=timeline.title,
        panels=[Panel("cumulative sum", lowest_zero=True)],
        shapes=bands(timeline),
        end=timeline.end,
    )


def limit_of(config: Mapping[str, JsonValue]) -> float | None:
    """The limit that the engine used, by a stored `symbio_config`, its keys spelt either way; None
    where it was not stored.
    """
    for name in ("cusum_threshold", "cusumThreshold"):
        value = config.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _alarm_posts(view: RunView, top: float) -> list[Trace]:
    begun = alarms(view).begun[-MOST_POSTS:]
    placed = [
        (at, f"step {one.step:,}: {told(one)}")
        for one in begun
        if (at := view.timeline.position(one.generation, one.member_id, one.step)) is not None
    ]
    if not placed:
        return []
    x, texts = zip(*placed, strict=True)
    return [posts("alarm", x, "--red", texts=texts, top=top)]


def _begun(found: Sequence[Mark]) -> Iterable[Mark]:
    """Steps at which a chart alarms that did not at the step before."""
    before: Mark | None = None
    for mark in found:
        follows = before is not None and mark.step == before.step + 1
        old = int(before.value) if follows and before is not None else 0
        if int(mark.value) & ~old:
            yield mark
        before = mark
