"""Curves of activations: those of a run in colour, the known ones in grey."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from orchestrator.figures.style import (
    DASHES,
    NothingToDraw,
    colour,
    label,
    new_figure,
    series,
    styled,
    y_title,
)
from state.genome import parse, slopes, values
from state.records import Genome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KNOWN = ("gelu", "silu", "relu", "tanh")
REACH = 4.0
"""Curves are drawn for x from -REACH to REACH."""
MAX_NAMED = 7
"""Own curves that the legend names."""
LONG_NAME = 20
"""Names longer than this get more of the legend's width."""
_LEAST_SPAN, _MOST_SPAN = (-0.3, 1.3), (-3.0, 5.0)
_X = np.linspace(-REACH, REACH, 241)


class _Curve(NamedTuple):
    name: str
    values: NDArray[np.float64]
    slopes: NDArray[np.float64]


def activation_figure(
    genomes: Sequence[tuple[str, Genome]], *, known: Sequence[str] = KNOWN, derivative: bool = True
) -> Figure:
    """f(x), and f'(x) beside it, of each (name, genome); the first one is drawn thickest.

    A known activation that is among them is not drawn a second time in grey; a formula that
    cannot be read is left out. Of a gated genome it is the activation inside the gate, of a
    learnable one the curve before training.

    Raises:
        NothingToDraw: not one formula can be read.
    """
    own = [curve for name, genome in genomes if (curve := _curve(name, genome)) is not None]
    if not own:
        raise NothingToDraw("there is no activation to draw; give at least one formula")
    formulas = {genome.formula.removeprefix("glu(").removesuffix(")") for _, genome in genomes}
    formulas |= {genome.formula for _, genome in genomes}
    grey = [(name, parse(name)) for name in known if parse(name).formula not in formulas]
    others = [curve for name, genome in grey if (curve := _curve(name, genome)) is not None]
    with styled():
        names = len(own[: MAX_NAMED + 1]) + len(others)
        columns = 2 if max(len(one.name) for one in own) > LONG_NAME else 4
        figure = new_figure(2.9 + 0.2 * -(-names // columns))
        panels = figure.subplots(1, 2 if derivative else 1, squeeze=False)[0]
        _draw(panels[0], [one.values for one in own], [one.values for one in others])
        y_title(panels[0], "f(x)")
        if derivative:
            _draw(panels[1], [one.slopes for one in own], [one.slopes for one in others])
            y_title(panels[1], "f'(x)")
        _name(panels[0], own, others)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=columns)
    return figure


def _curve(name: str, genome: Genome) -> _Curve | None:
    try:
        return _Curve(name, values(genome, _X), slopes(genome, _X))
    except ValueError:
        return None


def _draw(
    axes: "Axes", own: Sequence[NDArray[np.float64]], others: Sequence[NDArray[np.float64]]
) -> None:
    for index, curve in reversed(list(enumerate(own))):
        look = _look(index)
        axes.plot(_X, _finite(curve), zorder=4 - 0.01 * index, **look)
    for dash, curve in zip(_dashes(len(others)), others, strict=True):
        axes.plot(_X, _finite(curve), color=colour("quiet"), linewidth=1.1, linestyle=dash)
    axes.axhline(0, color=colour("rule"), linewidth=0.9, zorder=1)
    axes.axvline(0, color=colour("rule"), linewidth=0.9, zorder=1)
    axes.set_xlim(-REACH, REACH)
    axes.set_ylim(*_span([*own, *others]))


def _look(index: int) -> dict[str, Any]:
    """Of the `index`-th own curve."""
    if index >= MAX_NAMED:
        return {"color": series(MAX_NAMED), "linewidth": 0.8, "alpha": 0.5}
    return {"color": series(index), "linewidth": 1.5 if index else 2.6}


def _name(axes: "Axes", own: Sequence[_Curve], others: Sequence[_Curve]) -> None:
    """Handles for the legend: own curves in their order, how many more, then the grey ones."""
    for index, one in enumerate(own[:MAX_NAMED]):
        axes.plot([], [], label=label(one.name), **_look(index))
    if len(own) > MAX_NAMED:
        axes.plot([], [], label=f"and {len(own) - MAX_NAMED} more", **_look(MAX_NAMED))
    for dash, one in zip(_dashes(len(others)), others, strict=True):
        axes.plot([], [], color=colour("quiet"), linewidth=1.1, linestyle=dash, label=one.name)


def _dashes(number: int) -> list[Any]:
    return [DASHES[index % len(DASHES)] for index in range(number)]


def _finite(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(curve), np.clip(curve, -1e3, 1e3), np.nan)


def _span(curves: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """What holds every curve, or as much of it as can be read."""
    everything = np.concatenate([_finite(curve) for curve in curves])
    low = float(np.nanmin(everything, initial=_LEAST_SPAN[0]))
    high = float(np.nanmax(everything, initial=_LEAST_SPAN[1]))
    low, high = max(low, _MOST_SPAN[0]), min(high, _MOST_SPAN[1])
    margin = 0.06 * (high - low)
    return low - margin, high + margin
