"""The inference battery after each phase: the composite with its interval, the probes beside it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from orchestrator.figures.style import NothingToDraw, colour, label, new_figure, styled
from state.records import BatteryReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 5
MAX_PROBES = 15


def battery_figure(batteries: Sequence[tuple[str, BatteryReport]]) -> Figure:
    """Each battery has a short name, such as its phase's; they stand in the order of asking.

    Raises:
        NothingToDraw: there is no battery.
    """
    if not batteries:
        raise NothingToDraw("no battery was asked; there are no scores to draw")
    reports = [report for _, report in batteries]
    probes = list(dict.fromkeys(probe.name for one in reports for probe in one.probes))[:MAX_PROBES]
    rows = -(-len(probes) // COLUMNS)
    with styled():
        figure = new_figure(2.5 + 1.15 * rows)
        heights = (2.3, max(0.1, 1.15 * rows))
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
        _composite(upper.subplots(), batteries)
        panels = lower.subplots(max(1, rows), COLUMNS, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(panels.flat, probes, strict=False):
            _probe(axes, reports, name)
        for axes in list(panels.flat)[len(probes) :]:
            axes.set_visible(False)
    return figure


def _composite(axes: "Axes", batteries: Sequence[tuple[str, BatteryReport]]) -> None:
    values = [report.composite for _, report in batteries]
    axes.plot(range(len(values)), values, color=colour("blue"), marker="o", markersize=5)
    for place, (_, report) in enumerate(batteries):
        if report.interval is not None:
            axes.plot([place] * 2, report.interval, color=colour("blue"), linewidth=5, alpha=0.3)
        top = report.interval[1] if report.interval else report.composite
        axes.annotate(
            *(f"{report.composite:.3f}", (place, top)),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    ends = [end for _, one in batteries for end in (one.interval or (one.composite, one.composite))]
    low, high = min(ends), max(ends)
    axes.set_ylim(low - 0.2 * (high - low) - 0.01, high + 0.25 * (high - low) + 0.01)
    axes.set_xlim(-0.4, len(values) - 0.4)
    names = [label(name, 16) for name, _ in batteries]
    axes.set_xticks(range(len(values)), names, fontsize=8.5 if len(values) < 8 else 7.5)
    axes.tick_params(axis="x", labelcolor=colour("ink"))
    axes.set_title(
        "composite, 1 is people's text", fontweight="normal", color=colour("quiet"), fontsize=9.5
    )


def _probe(axes: "Axes", reports: Sequence[BatteryReport], name: str) -> None:
    scores = [{probe.name: probe.score for probe in one.probes}.get(name) for one in reports]
    places = [place for place, score in enumerate(scores) if score is not None]
    known = [score for score in scores if score is not None]
    axes.plot(places, known, color=colour("green"), marker="o", markersize=2.8, linewidth=1.3)
    axes.set_ylim(-0.03, 1.06)
    axes.set_yticks((0, 0.5, 1))
    axes.set_xticks(range(len(reports)), [""] * len(reports))
    axes.tick_params(axis="y", labelsize=7.5)
    axes.set_title(label(name.replace("_", " "), 20), fontsize=8.5, fontweight="normal")
    axes.text(
        0.97,
        0.08,
        f"{known[-1]:.2f}",
        transform=axes.transAxes,
        ha="right",
        fontsize=8.5,
        color=colour("green"),
    )
