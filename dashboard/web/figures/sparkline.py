"""Sparklines: the points of an SVG polyline, drawn by the server."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from dashboard.web.figures import curves
from dashboard.web.figures.run_view import RunView
from state import metrics_figures

WIDTH, HEIGHT = 96.0, 24.0
MOST = 48
"""Points of a sparkline."""


def sparkline(values: Sequence[float], width: float = WIDTH, height: float = HEIGHT) -> str:
    """`x,y x,y ...` from the least to the greatest value; empty for fewer than two."""
    shown = [value for value in values if isfinite(value)]
    if len(shown) < 2:
        return ""
    if len(shown) > MOST:
        bounds = [index * len(shown) // MOST for index in range(MOST + 1)]
        shown = [sum(shown[a:b]) / (b - a) for a, b in pairwise(bounds)]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    room = height - 4
    return " ".join(
        f"{index / (len(shown) - 1) * (width - 4) + 2:.1f},{2 + room * (high - value) / span:.1f}"
        for index, value in enumerate(shown)
    )


def losses(view: RunView) -> list[float]:
    """The training loss over the run: by generation, or of the steps where there are too few."""
    found = [loss for _, loss in metrics_figures.train_losses(view.reader, view.run_id)]
    if len(found) >= 8:
        return found
    if not view.timeline.index:
        return found
    read = curves.load(view, ("loss", "val_loss"))
    points = [one for one in read.main("loss") if one is not None and one.spread]
    return [one.spread.mean for one in points if one.spread]
