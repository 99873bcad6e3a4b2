"""How training went beside its loss: clipping, speed, gradient norms of groups of layers."""

from dashboard.web.figures import curves
from dashboard.web.figures.course import line_colour, line_name
from dashboard.web.figures.curves import Curves, Window
from dashboard.web.figures.plot import Figure, Panel, Trace, figure, nothing, series
from dashboard.web.figures.run_view import RunView
from dashboard.web.figures.timeline import Timeline, bands

NO_STEPS = "No steps yet: this is drawn once the first task is done."
_GROUPS = (
    ("grad_norm_embedding", "embedding"),
    ("grad_norm_attention", "attention"),
    ("grad_norm_feed_forward", "feed-forward"),
    ("grad_norm_rwkv6", "RWKV-6"),
    ("grad_norm_mamba2", "Mamba-2"),
    ("grad_norm", "all"),
)


def clipping(view: RunView, window: Window | None = None) -> Figure:
    """The factor that clipping applied, and the share of the gradient that it took."""
    if not view.timeline.index:
        return nothing(NO_STEPS)
    read = curves.load(view, ("clip_coef", "clip_pct"), window)
    traces = [
        *curves.drawn("clip_coef, left", read.main("clip_coef"), series(0)),
        *curves.drawn("clip_pct, right", read.main("clip_pct"), series(1), hover="%{y:.3g} %"),
    ]
    for trace in traces:
        if str(trace["name"]).startswith("clip_pct"):
            trace["yaxis"] = "y2"
    drawn = figure(
        traces,
        height=280,
        x_title=view.timeline.title,
        panels=[Panel(f"factor of the gradient{whose_model(view.timeline)}")],
        shapes=bands(view.timeline),
        end=view.timeline.end,
    )
    layout = drawn["layout"]
    assert isinstance(layout, dict)
    assert isinstance(layout["yaxis"], dict)
    assert isinstance(layout["margin"], dict)
    layout["yaxis"] |= {"range": [0, 1.05]}
    layout["margin"] |= {"r": 52}
    layout["yaxis2"] = {
        "overlaying": "y",
        "side": "right",
        "range": [0, 105],
        "showgrid": False,
        "ticksuffix": " %",
        "nticks": 5,
        "zeroline": False,
        "tickcolor": "--rule",
    }
    return drawn


def speed(view: RunView, window: Window | None = None) -> Figure:
    """Tokens a second and the learning rate of those that go on."""
    if not view.timeline.index:
        return nothing(NO_STEPS)
    read = curves.load(view, ("tokens_per_sec", "lr"), window)
    traces = _by_line(read, "tokens_per_sec", axis=1, hover="%{y:,.0f}")
    traces += _by_line(read, "lr", axis=2, hover="%{y:.3g}")
    return figure(
        traces,
        height=340,
        x_title=view.timeline.title,
        panels=[
            Panel("tokens per second", lowest_zero=True),
            Panel("learning rate", 0.7, ticks="~g"),
        ],
        shapes=bands(view.timeline),
        end=view.timeline.end,
    )


def gradients(view: RunView, window: Window | None = None) -> Figure:
    """The gradient's norm by group of layers, on a logarithmic axis."""
    if not view.timeline.index:
        return nothing(NO_STEPS)
    names = tuple(column for column, _ in _GROUPS)
    read = curves.load(view, names, window)
    traces: list[Trace] = []
    for index, (column, name) in enumerate(_GROUPS):
        points = read.main(column)
        if any(point is not None and point.spread for point in points):
            colour = "--ink" if column == "grad_norm" else series(index)
            traces += curves.drawn(name, points, colour, width=1.8, hover="%{y:.3g}")
    if not traces:
        return nothing("This run does not tell the norms of its gradients.")
    whose = whose_model(view.timeline)
    return figure(
        traces,
        height=280,
        x_title=view.timeline.title,
        panels=[Panel(f"gradient norm{whose}", log=True)],
        shapes=bands(view.timeline),
        end=view.timeline.end,
    )


def whose_model(timeline: Timeline) -> str:
    """Which line a figure of one line shows, where there are several."""
    if timeline.single or not timeline.lines:
        return ""
    names = [line_name(number) for number in timeline.main[::-1]]
    return f" of {', then the '.join(names)}"


def _by_line(read: Curves, column: str, *, axis: int, hover: str) -> list[Trace]:
    """The lines of those that go on; the second panel's share the first one's legend."""
    traces: list[Trace] = []
    for number in read.lines:
        name = line_name(number, single=read.timeline.single)
        points = read.line(column, number)
        own = curves.drawn(name, points, line_colour(number), axis=axis, width=1.6, hover=hover)
        for trace in own:
            trace["legendgroup"] = name
            if axis > 1:
                trace["showlegend"] = False
        traces += own
    return traces
