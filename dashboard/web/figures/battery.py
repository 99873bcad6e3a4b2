"""What a model can do, over the run: the battery's composite and its probes."""

from collections.abc import Sequence

from dashboard.web.figures.curves import Window
from dashboard.web.figures.plot import (
    Figure,
    Panel,
    Trace,
    dash,
    dots,
    figure,
    line,
    nothing,
    safe,
    series,
)
from dashboard.web.figures.run_view import RunView
from state.records import BatteryReport

NO_BATTERY = "No battery yet: it is run at the end of each phase."


def composite(view: RunView, window: Window | None = None) -> Figure:
    """The composite of every report with its interval, and the probes it is made of."""
    del window
    reports = view.batteries
    if not reports:
        return nothing(NO_BATTERY)
    names = [shown_name(report) for report in reports]
    x = list(range(len(reports)))
    drawn = figure(
        [*_probes(reports, x), *_composites(reports, x)],
        height=380,
        x_title="",
        panels=[Panel("score, from 0 to 1")],
        hovermode="closest",
    )
    layout = drawn["layout"]
    assert isinstance(layout, dict)
    assert isinstance(layout["xaxis"], dict)
    assert isinstance(layout["yaxis"], dict)
    layout["xaxis"] |= {
        "tickmode": "array",
        "tickvals": list(x),
        "ticktext": list(names),
        "range": [-0.4, len(x) - 0.6],
        "automargin": True,
    }
    layout["yaxis"] |= {"range": [0, 1.04]}
    return drawn


def shown_name(report: BatteryReport) -> str:
    """A report by its phase and generation."""
    return f"{report.phase} g{report.generation}"


def probe_names(reports: Sequence[BatteryReport]) -> list[str]:
    """Every probe of any report, in their order."""
    return list(dict.fromkeys(probe.name for report in reports for probe in report.probes))


def _composites(reports: Sequence[BatteryReport], x: Sequence[int]) -> list[Trace]:
    above = [one.interval[1] - one.composite if one.interval else 0.0 for one in reports]
    below = [one.composite - one.interval[0] if one.interval else 0.0 for one in reports]
    bars: Trace = {
        "type": "data",
        "symmetric": False,
        "array": list(above),
        "arrayminus": list(below),
        "color": "--ink",
        "thickness": 1.4,
        "width": 5,
    }
    texts = [
        f"composite {one.composite:.3f}"
        + (f", 95 % from {one.interval[0]:.3f} to {one.interval[1]:.3f}" if one.interval else "")
        + (", copied from the train text" if one.memorised else "")
        for one in reports
    ]
    y = [one.composite for one in reports]
    path = line("composite", x, y, "--ink", width=2, mode="lines", showlegend=False)
    path |= {"hoverinfo": "skip", "hovertemplate": None, "legendgroup": "composite"}
    marks = dots("composite", x, y, "--ink", size=9, texts=texts, error_y=bars)
    return [path, marks | {"legendgroup": "composite"}]


def _probes(reports: Sequence[BatteryReport], x: Sequence[int]) -> list[Trace]:
    traces = []
    for index, name in enumerate(probe_names(reports)):
        scores = [{probe.name: probe.score for probe in one.probes}.get(name) for one in reports]
        look: Trace = {"dash": dash(index)}
        shown = safe(name.replace("_", " "))
        traces.append(
            line(
                *(shown, x, scores, series(index)),
                width=1.2,
                line=look,
                mode="lines+markers",
                marker={"size": 4},
            )
        )
    return traces
