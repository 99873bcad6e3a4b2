"""Are the lineages in step: the order parameter over the run, and the phases on a circle."""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, pi, sin
from typing import NamedTuple

from dashboard.web.figures.curves import Window
from dashboard.web.figures.plot import Figure, Panel, Trace, dots, figure, line, nothing, series
from dashboard.web.figures.run_view import RunView
from state.records import Synchrony

NO_SYNCHRONY = "No synchrony yet: it is measured from the second generation of a search phase on."
RADIUS, STEP = 84.0, 18.0
NEAR = 0.2
"""Radians between two lineages that would cover each other."""


class Dot(NamedTuple):
    """A lineage on the circle, in units of an SVG with the origin in its middle; those that would
    cover each other stand further inside.
    """

    lineage: int
    x: float
    y: float
    degrees: float


class Dial(NamedTuple):
    """The circle after one generation."""

    generation: int
    r: float
    null_quantile: float
    locked: bool
    dots: tuple[Dot, ...]
    tip: tuple[float, float]
    """End of the mean field's arrow, whose length is r."""


def order_parameter(view: RunView, window: Window | None = None) -> Figure:
    """R by generation with what chance gives; generations without a measurement are gaps."""
    del window
    found = view.synchrony
    if not found:
        return nothing(NO_SYNCHRONY)
    x: list[float | None] = []
    r: list[float | None] = []
    chance: list[float | None] = []
    for before, one in zip([None, *found], found, strict=False):
        if before is not None and one.generation > before.generation + 1:
            for values, gap in ((x, before.generation + 0.5), (r, None), (chance, None)):
                values.append(gap)
        for values, value in ((x, one.generation), (r, one.r), (chance, one.null_quantile)):
            values.append(value)
    look: Trace = {"dash": "dash", "shape": "hvh"}
    traces = [
        line("r of the lineages", x, r, series(0), mode="lines+markers", marker={"size": 5}),
        line("95 % of independent lineages are below", x, chance, series(4), width=1.4, line=look),
    ]
    locked = [one for one in found if one.locked]
    if locked:
        ring: Trace = {
            "color": "--green",
            "size": 11,
            "symbol": "circle-open",
            "line": {"width": 2},
        }
        at = [one.generation for one in locked]
        traces.append(dots("locked", at, [one.r for one in locked], "--green", marker=ring))
    drawn = figure(traces, height=320, x_title="generation", panels=[Panel("order parameter r")])
    layout = drawn["layout"]
    assert isinstance(layout, dict)
    assert isinstance(layout["yaxis"], dict)
    layout["yaxis"] |= {"range": [0, 1.05]}
    return drawn


def _radii(phases: Sequence[float]) -> list[float]:
    """How far from the middle each lineage stands."""
    levels: list[int] = []
    for index, phase in enumerate(phases):
        near = [
            levels[other]
            for other, before in enumerate(phases[:index])
            if abs((phase - before + pi) % (2 * pi) - pi) < NEAR
        ]
        levels.append(next(level for level in range(index + 1) if level not in near))
    return [RADIUS - STEP * level for level in levels]


def dial(synchrony: Synchrony) -> Dial:
    """Where the lineages are on the circle, anticlockwise from the right."""
    radii = _radii(synchrony.phases)
    return Dial(
        synchrony.generation,
        synchrony.r,
        synchrony.null_quantile,
        synchrony.locked,
        tuple(
            Dot(
                *(index, round(radius * cos(phase), 2), round(-radius * sin(phase), 2)),
                phase / pi * 180 % 360,
            )
            for index, (phase, radius) in enumerate(zip(synchrony.phases, radii, strict=True))
        ),
        (
            round(RADIUS * synchrony.r * cos(synchrony.psi), 2),
            round(-RADIUS * synchrony.r * sin(synchrony.psi), 2),
        ),
    )


def nearest(found: tuple[Synchrony, ...], generation: int | None) -> Synchrony | None:
    """The measurement of a generation, else the one before it; without one the newest."""
    if not found or generation is None:
        return found[-1] if found else None
    for one, after in pairwise(found):
        if one.generation <= generation < after.generation:
            return one
    return found[-1] if generation >= found[-1].generation else found[0]
