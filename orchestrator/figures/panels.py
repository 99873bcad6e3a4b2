"""Measurements of one model over its steps: one panel a quantity, gaps left open."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from orchestrator.figures.style import NothingToDraw, colour, label, new_figure, styled, thinned
from orchestrator.figures.timeline import steps_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPARSE = 60
"""Up to so many points are marked."""
GAP = 2.5
"""Points further apart than so many usual distances are not joined."""
Array = NDArray[np.float64]


class Curve(NamedTuple):
    """One line; NaN where nothing was measured."""

    name: str
    x: Array
    y: Array
    colour: str = "blue"
    smooth: bool = False
    """Draw it thin, with its running mean over it."""
    held: bool = False
    """It keeps its value from one step to the next."""


class Panel(NamedTuple):
    """One quantity."""

    title: str
    curves: tuple[Curve, ...]
    limit: tuple[str, float] | None = None
    """Name and height of a line."""
    marks: tuple[float, ...] = ()
    """Steps at which something happened."""
    mark: str = ""
    """What."""
    notes: tuple[tuple[float, str], ...] = ()
    """Step and words, shown beside the curve."""


def panels_figure(panels: Sequence[Panel], columns: int = 1, height: float = 1.75) -> Figure:
    """Every panel over the same steps.

    Raises:
        NothingToDraw: there is no panel.
    """
    if not panels:
        raise NothingToDraw("nothing was measured; there is nothing to draw")
    rows = -(-len(panels) // columns)
    with styled():
        figure = new_figure(0.35 + height * rows)
        grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _draw(axes, panel)
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_visible(False)
        for axes in list(grid.flat)[max(0, len(panels) - columns) : len(panels)]:
            axes.xaxis.set_tick_params(labelbottom=True)
            steps_axis(axes, "step")
    return figure


def _draw(axes: "Axes", panel: Panel) -> None:
    for curve in panel.curves:
        _curve(axes, curve, named=len(panel.curves) > 1)
    if panel.limit is not None:
        name, height = panel.limit
        axes.axhline(
            height, color=colour("red"), linewidth=1, linestyle=(0, (5, 2)), label=label(name)
        )
    for index, place in enumerate(panel.marks):
        axes.axvline(
            place,
            color=colour("red"),
            linewidth=1.1,
            alpha=0.75,
            label="_" if index else panel.mark,
        )
    for place, words in panel.notes:
        _note(axes, place, words)
    axes.set_title(panel.title, fontweight="normal", color=colour("quiet"), fontsize=9.5)
    axes.margins(x=0.01)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="best", fontsize=8.5)


def _note(axes: "Axes", place: float, words: str) -> None:
    """A line at a step, with its words on the side that has room."""
    low, high = axes.get_xlim()
    is_late = place > 0.5 * (low + high)
    axes.axvline(place, color=colour("green"), linewidth=1, linestyle=(0, (2, 2)))
    axes.annotate(
        *(label(words, 30), (place, 1)),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if is_late else 4, -9),
        textcoords="offset points",
        ha="right" if is_late else "left",
        fontsize=8,
        color=colour("green"),
    )


def _curve(axes: "Axes", curve: Curve, *, named: bool) -> None:
    x, y = thinned(*joined(curve.x, curve.y))
    style = "steps-post" if curve.held else "default"
    name = label(curve.name) if named else "_"
    shade = colour(curve.colour)
    measured = int(np.isfinite(y).sum())
    if not curve.smooth or measured <= SPARSE:
        marker = "o" if measured <= SPARSE and not curve.held else None
        axes.plot(
            x,
            y,
            color=shade,
            linewidth=1.4,
            marker=marker,
            markersize=3,
            drawstyle=style,
            label=name,
        )
        return
    axes.plot(x, y, color=shade, linewidth=0.6, alpha=0.4)
    axes.plot(*thinned(*_mean(curve.x, curve.y)), color=shade, linewidth=1.8, label=name)


def joined(x: Array, y: Array) -> tuple[Array, Array]:
    """What was measured, with a NaN wherever more than the usual distance lies between."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 3:
        return x, y
    distance = np.diff(x)
    holes = np.flatnonzero(distance > GAP * np.median(distance)) + 1
    return np.insert(x, holes, x[holes]), np.insert(y, holes, np.nan)


def _mean(x: Array, y: Array) -> tuple[Array, Array]:
    """Mean over a hundredth of the points and at least nine."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    width = max(9, len(y) // 100) | 1
    padded = np.pad(y, width // 2, mode="reflect")
    return x, np.convolve(padded, np.full(width, 1 / width), mode="valid")
