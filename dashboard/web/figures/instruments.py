"""What the instruments of a symbio run read: sparse measures, and the batch that alarms change."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from dashboard.web.figures.curves import Window
from dashboard.web.figures.plot import (
    Figure,
    Panel,
    Trace,
    dots,
    figure,
    line,
    nothing,
    safe,
    series,
)
from dashboard.web.figures.run_view import RunView, document
from dashboard.web.figures.timeline import bands
from state import metrics_figures
from state.metrics_figures import Mark

MEASURES = (
    ("weight_entropy", "weight entropy, nats"),
    ("effective_rank", "effective rank of the gradient"),
    ("free_energy", "free energy, nats"),
    ("mi_input_output", "information between input and output, nats"),
)
MOST_POINTS = 2_000
MISSED = 1.5
"""A distance of so many usual ones means that readings are missing there."""
REASONS = {
    "cusum_grad_spike": "the gradient norm rose",
    "cusum_throughput_drop": "the throughput fell",
    "cusum_clip_onset": "clipping set in",
    "restore": "calm: back towards the usual size",
    "manual": "set by hand",
}


def measures(view: RunView, window: Window | None = None) -> Figure:
    """Each measure on an axis of its own: points where it was read, gaps where it was not."""
    del window
    found = [(title, own) for name, title in MEASURES if (own := measured(view, name))]
    if not found:
        return nothing("No reading yet: these are measured every few dozen steps.")
    traces = []
    interval = _interval(view)
    for index, (title, points) in enumerate(found):
        shown = _thinned(points)
        x, y = with_gaps(shown, interval * -(-len(points) // max(1, len(shown))))
        few = len(points) <= 200
        look: Trace = {"color": series(index), "size": 5}
        traces.append(
            line(
                *(title, x, y, series(index)),
                axis=index + 1,
                width=1.3,
                mode="lines+markers" if few else "lines",
                marker=look,
                showlegend=False,
            )
        )
    return figure(
        traces,
        height=60 + 130 * len(found),
        x_title=view.timeline.title,
        panels=[Panel(title) for title, _ in found],
        shapes=bands(view.timeline),
        end=view.timeline.end,
    )


def _interval(view: RunView) -> float:
    """Steps between two readings as the run was told, on the axis of a model that trains alone."""
    config = document(view.columns.get("symbio_config"))
    told = config.get("metrics_interval") or config.get("metricsInterval")
    return float(told) if isinstance(told, int | float) and view.timeline.single else 0.0


def measured(view: RunView, column: str) -> list[tuple[float, float]]:
    """Where on the axis a sparse column was read, and what."""
    return _placed(view, view.measures[column])


def with_gaps(
    points: Sequence[tuple[float, float]], interval: float = 0.0
) -> tuple[list[float | None], list[float | None]]:
    """The points, with None between two further apart than is usual, at least `interval`."""
    usual = max(interval, median([b[0] - a[0] for a, b in pairwise(points)] or [0.0]))
    x: list[float | None] = []
    y: list[float | None] = []
    for at, value in points:
        if x and x[-1] is not None and at - x[-1] > MISSED * usual:
            x.append((x[-1] + at) / 2)
            y.append(None)
        x.append(at)
        y.append(value)
    return x, y


def batch(view: RunView, window: Window | None = None) -> Figure:
    """The batch as steps, and why it changed."""
    del window
    column = "adaptive_batch_size"
    sizes = _placed(view, metrics_figures.changes(view.reader, view.run_id, column, MOST_POINTS))
    sizes = [one for index, one in enumerate(sizes) if not index or one[1] != sizes[index - 1][1]]
    if not sizes:
        return nothing("No batch size yet: it is told with the first step of a symbio run.")
    x, y = map(list, zip(*[*sizes, (view.timeline.end, sizes[-1][1])], strict=True))
    traces = [line("windows in a batch", x, y, series(0), hover="%{y:d}", line={"shape": "hv"})]
    return figure(
        [*traces, *_reasons(view, sizes)],
        height=260,
        x_title=view.timeline.title,
        panels=[Panel("windows in a batch", lowest_zero=True)],
        shapes=bands(view.timeline),
        end=view.timeline.end,
        hovermode="closest",
    )


def _reasons(view: RunView, sizes: Sequence[tuple[float, float]]) -> list[Trace]:
    """A mark at each change, by reason."""
    _, found = metrics_figures.marked(view.reader, view.run_id, "batch_change_reason", MOST_POINTS)
    by_reason: dict[str, list[tuple[float, float, str]]] = {}
    for mark in found:
        at = view.timeline.position(mark.generation, mark.member_id, mark.step)
        if at is None:
            continue
        after = next((size for place, size in sizes if place > at), sizes[-1][1])
        text = f"step {mark.step:,}: {_reason(str(mark.value))}, {after:.0f} from the next step"
        by_reason.setdefault(str(mark.value), []).append((at, after, text))
    symbols = ("triangle-down", "triangle-up", "circle", "square", "diamond")
    return [
        dots(
            *(_reason(reason), [one[0] for one in own], [one[1] for one in own]),
            series(index + 1),
            size=9,
            symbol=symbols[index % len(symbols)],
            texts=[one[2] for one in own],
        )
        for index, (reason, own) in enumerate(sorted(by_reason.items()))
    ]


def _reason(name: str) -> str:
    return REASONS.get(name, safe(name))


def _placed(view: RunView, marks: Sequence[Mark]) -> list[tuple[float, float]]:
    placed = (
        (view.timeline.position(one.generation, one.member_id, one.step), float(one.value))
        for one in marks
    )
    return [(at, value) for at, value in placed if at is not None]


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Every n-th of too many readings, and the last."""
    every = -(-len(points) // MOST_POINTS)
    kept = list(points[:: max(1, every)])
    return kept if not points or kept[-1] == points[-1] else [*kept, points[-1]]
