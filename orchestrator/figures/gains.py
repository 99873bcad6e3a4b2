"""What each challenger gained and what it had to gain: the selection, with its noise in sight."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from orchestrator.figures.style import NothingToDraw, colour, new_figure, styled, y_title
from orchestrator.figures.timeline import Span, shade, steps_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Trial(NamedTuple):
    """A challenger, or a null twin: the champion itself on other batches."""

    at: float
    """Member-steps since the run began."""
    gain: float
    """Bits per byte below the continued champion."""
    limit: float | None
    kind: str
    """`accepted`, `challenger` or `twin`."""


class Limit(NamedTuple):
    """What had to be exceeded while one generation trained."""

    start: float
    end: float
    gain: float


def gains_figure(trials: Sequence[Trial], limits: Sequence[Limit], spans: Sequence[Span]) -> Figure:
    """Gains over member-steps, the limit as a line; what is far below is shown at the edge.

    Raises:
        NothingToDraw: no challenger was measured.
    """
    if not trials:
        raise NothingToDraw("no challenger was measured; there are no gains to draw")
    with styled():
        figure = new_figure(3.6)
        axes = figure.subplots()
        shade(axes, _searched(spans, trials))
        low, high = _reach(trials, limits)
        axes.set_ylim(low, high)
        axes.axhline(0, color=colour("quiet"), linewidth=1)
        for index, limit in enumerate(limits):
            name = "_" if index else "limit: what noise may look like"
            axes.fill_between(
                [limit.start, limit.end],
                0,
                limit.gain,
                color=colour("ochre"),
                alpha=0.16,
                linewidth=0,
            )
            axes.plot(
                [limit.start, limit.end],
                [limit.gain] * 2,
                color=colour("ochre"),
                linewidth=2,
                label=name,
            )
        for kind, look in _LOOKS.items():
            _scatter(axes, [one for one in trials if one.kind == kind], kind, look, low)
        y_title(axes, "gain over the champion in bits per byte\n")
        axes.set_xlabel("member-steps")
        steps_axis(axes)
        figure.legend(loc="outside lower left", ncols=2)
    return figure


_LOOKS: dict[str, dict[str, object]] = {
    "twin": {"marker": "D", "markersize": 4, "fillstyle": "none", "color": "purple", "zorder": 3.1},
    "challenger": {"marker": "o", "markersize": 4.5, "color": "quiet", "zorder": 3.2},
    "accepted": {"marker": "o", "markersize": 6.5, "color": "green", "zorder": 3.3},
}
_NAMES = {
    "twin": "twin of the champion (no change)",
    "challenger": "challenger, not accepted",
    "accepted": "accepted",
}


def _scatter(
    axes: "Axes", trials: Sequence[Trial], kind: str, look: dict[str, object], low: float
) -> None:
    if not trials:
        return
    drawn = look | {"color": colour(str(look["color"])), "linestyle": ""}
    inside = [one for one in trials if one.gain >= low]
    axes.plot([one.at for one in inside], [one.gain for one in inside], label=_NAMES[kind], **drawn)  # type: ignore[arg-type]
    below = [one for one in trials if one.gain < low]
    if below:
        edge = drawn | {"marker": "v", "clip_on": False}
        axes.plot([one.at for one in below], [low] * len(below), **edge)  # type: ignore[arg-type]


def _reach(trials: Sequence[Trial], limits: Sequence[Limit]) -> tuple[float, float]:
    """Everything above zero, and below it what is not far off."""
    gains = np.array([one.gain for one in trials])
    top = max([float(gains.max()), *(one.gain for one in limits), 1e-4])
    low = min(float(gains.min()), 0.0)
    usual = -4 * max(top, float(np.median(np.abs(gains))))
    low = max(low, usual)
    margin = 0.08 * (top - low)
    return low - margin, top + margin


def _searched(spans: Sequence[Span], trials: Sequence[Trial]) -> list[Span]:
    """From the first phase that tried anything to the last."""
    places = [one.at for one in trials]
    held = [i for i, span in enumerate(spans) if any(span.start <= at <= span.end for at in places)]
    return list(spans[held[0] : held[-1] + 1]) if held else list(spans)
