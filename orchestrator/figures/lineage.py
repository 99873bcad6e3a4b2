"""Who descended from whom: a lane a lineage, coloured by its champion, a number at each change."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from orchestrator.figures.style import (
    SERIES,
    NothingToDraw,
    colour,
    label,
    new_figure,
    series,
    styled,
)
from orchestrator.figures.timeline import Span, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HOST = -1
"""The lane of the host."""
LEVELS = (0, 1, -1, 2, -2)
"""Where a number may stand: on its lane, or above and below where others are too close."""
NODE_SHARE = 0.024
"""Width of a number's circle, as a share of the axes."""


class Stay(NamedTuple):
    """A champion in its lineage, from one generation to another."""

    lineage: int
    first: int
    last: int
    formula: str


class Birth(NamedTuple):
    """A challenger that took its champion's place after a generation."""

    number: int
    lineage: int
    generation: int
    formula: str
    source: int | None = None
    """The lineage it came from; None where it was made in its own."""


class Lineages(NamedTuple):
    """Everything that is drawn; generations count from the run's first."""

    stays: tuple[Stay, ...]
    births: tuple[Birth, ...] = ()
    lost: tuple[tuple[int, int], ...] = ()
    """Lineage and the last generation in which it trained."""
    merger: tuple[int, int] | None = None
    """Lineage that became the host, and the host's first generation."""
    spans: tuple[Span, ...] = ()
    """Over generations instead of steps."""
    formulas: tuple[str, ...] = ()
    """In the order of their colours; others follow as they appear."""


def lineage_figure(told: Lineages) -> Figure:
    """The tree; numbers are those of the births.

    Raises:
        NothingToDraw: nobody trained.
    """
    if not told.stays:
        raise NothingToDraw("no lineage has trained; there is no tree to draw")
    lanes = _lanes(told.stays)
    shown = [one.formula for one in told.stays] + [one.formula for one in told.births]
    formulas = list(dict.fromkeys([*(one for one in told.formulas if one in shown), *shown]))
    last = max(max(one.last for one in told.stays) + 1, *(int(span.end) for span in told.spans), 1)
    levels = _levels(told.births, last)
    with styled():
        figure = new_figure(1.35 + 0.52 * len(lanes) + 0.2 * -(-min(len(formulas), 8) // 3))
        axes = figure.subplots()
        shade(axes, told.spans)
        axes.set_xlim(0, last)
        for stay in told.stays:
            shade_of = _colour(formulas, stay.formula)
            ends = [stay.first, stay.last + 1]
            axes.plot(
                ends, [lanes[stay.lineage]] * 2, color=shade_of, linewidth=5, solid_capstyle="butt"
            )
        _merge(axes, told, lanes)
        _births(axes, told.births, lanes, levels, formulas)
        for lineage, generation in told.lost:
            axes.plot(
                [generation + 1],
                [lanes[lineage]],
                "x",
                color=colour("red"),
                markersize=9,
                markeredgewidth=2,
                zorder=6,
            )
        _dress(axes, lanes)
        _legend(figure, formulas, told)
    return figure


def _lanes(stays: Iterable[Stay]) -> dict[int, int]:
    """Row of each lineage; the host's below all."""
    known = sorted({one.lineage for one in stays})
    ordered = [one for one in known if one != HOST] + [HOST] * (HOST in known)
    return {lineage: row for row, lineage in enumerate(ordered)}


def _levels(births: Sequence[Birth], last: int) -> dict[int, int]:
    """Where each number stands, so that the numbers of a lane do not cover each other."""
    levels: dict[int, int] = {}
    edges: dict[tuple[int, int], float] = {}
    for birth in sorted(births, key=lambda one: (one.generation, one.number)):
        place = (birth.generation + 1) / last
        free = (
            one for one in LEVELS if edges.get((birth.lineage, one), -1.0) + NODE_SHARE <= place
        )
        levels[birth.number] = next(free, LEVELS[-1])
        edges[birth.lineage, levels[birth.number]] = place
    return levels


def _births(
    axes: "Axes",
    births: Sequence[Birth],
    lanes: dict[int, int],
    levels: dict[int, int],
    formulas: Sequence[str],
) -> None:
    for birth in births:
        x, lane = birth.generation + 1, lanes[birth.lineage]
        y = lane - 0.2 * levels[birth.number]
        shade_of = _colour(formulas, birth.formula)
        if birth.source in lanes and birth.source != birth.lineage:
            axes.plot(
                [x - 0.8, x], [lanes[birth.source], lane], color=shade_of, linewidth=1.2, zorder=4
            )
        axes.plot([x, x], [lane, y], color=shade_of, linewidth=1, zorder=4)
        axes.plot(
            [x],
            [y],
            "o",
            markersize=11,
            color=colour("paper"),
            markeredgecolor=shade_of,
            markeredgewidth=1.8,
            zorder=5,
        )
        axes.annotate(
            str(birth.number), (x, y), ha="center", va="center_baseline", fontsize=7.5, zorder=6
        )


def _merge(axes: "Axes", told: Lineages, lanes: dict[int, int]) -> None:
    if told.merger is None or HOST not in lanes or told.merger[0] not in lanes:
        return
    lineage, generation = told.merger
    axes.plot(
        [generation] * 2,
        [lanes[lineage], lanes[HOST]],
        color=colour("ink"),
        linewidth=1.2,
        linestyle=(0, (2, 1.5)),
    )
    end = max(one.last for one in told.stays if one.lineage == HOST) + 1
    axes.plot(
        [end],
        [lanes[HOST]],
        marker=(5, 1, 0),
        color=colour("ink"),
        markersize=11,
        zorder=6,
        clip_on=False,
    )


def _dress(axes: "Axes", lanes: dict[int, int]) -> None:
    names = ["host" if one == HOST else f"lineage {one}" for one in lanes]
    axes.set_yticks(list(lanes.values()), names)
    axes.tick_params(axis="y", labelcolor=colour("ink"))
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("generation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _legend(figure: Figure, formulas: Sequence[str], told: Lineages) -> None:
    axes = figure.axes[0]
    for formula in formulas[: len(SERIES)]:
        axes.plot([], [], color=_colour(formulas, formula), linewidth=5, label=label(formula, 34))
    if len(formulas) > len(SERIES):
        more = f"and {len(formulas) - len(SERIES)} more formulas"
        axes.plot([], [], color=colour("quiet"), linewidth=5, label=more)
    if told.lost:
        axes.plot(
            [], [], "x", color=colour("red"), markersize=8, markeredgewidth=2, label="given up"
        )
    figure.legend(loc="outside lower left", ncols=3)


def _colour(formulas: Sequence[str], formula: str) -> str:
    place = formulas.index(formula)
    return series(place) if place < len(SERIES) else colour("quiet")
