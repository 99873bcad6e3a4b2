"""The order parameter of the lineages over the run, with what chance would give."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from orchestrator.figures.style import NothingToDraw, colour, new_figure, styled, y_title
from orchestrator.figures.timeline import Span, shade, steps_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Beat(NamedTuple):
    """The lineages after one generation."""

    at: float
    generation: int
    r: float
    chance: float
    """95 % quantile of r for independent lineages."""
    locked: bool


def synchrony_figure(beats: Sequence[Beat], spans: Sequence[Span]) -> Figure:
    """The order parameter over member-steps; generations that did not measure it are gaps.

    Raises:
        NothingToDraw: it was never measured.
    """
    if not beats:
        raise NothingToDraw("synchrony was never measured; there is no r to draw")
    held = [
        i for i, span in enumerate(spans) if any(span.start < one.at <= span.end for one in beats)
    ]
    shown = spans[held[0] : held[-1] + 1] if held else spans
    with styled():
        figure = new_figure(2.9)
        axes = figure.subplots()
        shade(axes, shown)
        _courses(axes, beats)
        _locked(axes, [one for one in beats if one.locked])
        axes.set_ylim(0, 1.04)
        y_title(axes, "order parameter r\n")
        steps_axis(axes)
        figure.legend(loc="outside lower left", ncols=3)
    return figure


def _courses(axes: "Axes", beats: Sequence[Beat]) -> None:
    """R and its chance level, a line for each run of generations."""
    for number, piece in enumerate(_pieces(beats)):
        xs = [one.at for one in piece]
        name = "_" if number else ""
        axes.plot(
            xs,
            [one.r for one in piece],
            color=colour("blue"),
            marker="o",
            markersize=3.5,
            label=name or "r of the lineages",
        )
        axes.plot(
            xs,
            [one.chance for one in piece],
            color=colour("ochre"),
            linewidth=1.4,
            linestyle=(0, (5, 2)),
            drawstyle="steps-mid",
            label=name or "chance: 95 % of independent lineages are below",
        )


def _locked(axes: "Axes", beats: Sequence[Beat]) -> None:
    if not beats:
        return
    axes.plot(
        [one.at for one in beats],
        [one.r for one in beats],
        "o",
        color=colour("green"),
        markersize=8,
        fillstyle="none",
        markeredgewidth=1.8,
        label="locked",
    )


def _pieces(beats: Sequence[Beat]) -> list[list[Beat]]:
    """Runs of generations that follow one another."""
    pieces: list[list[Beat]] = []
    for one in beats:
        if pieces and pieces[-1][-1].generation + 1 == one.generation:
            pieces[-1].append(one)
        else:
            pieces.append([one])
    return pieces
