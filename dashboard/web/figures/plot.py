"""Plotly descriptions as plain data, in the look of the house.

Colours are names such as `--blue`: the page puts the theme's own in their place, so that a figure
need not be asked for again when light turns to dark. Plotly reads a little HTML in texts, hence
`safe` for everything that did not come from this program.
"""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import NamedTuple

from pydantic import JsonValue

from dashboard.terminal.figures import printable

Figure = dict[str, JsonValue]
Trace = dict[str, JsonValue]
Shape = dict[str, JsonValue]
Values = Sequence[float | None]

SERIES = ("--blue", "--red", "--green", "--purple", "--ochre", "--sky", "--rose", "--moss")
"""Colours to tell apart, the first ones also by people who see few."""
DASHES = ("solid", "dash", "dot", "dashdot")
MAX_POINTS = 2_000
"""Of one line."""


class Panel(NamedTuple):
    """One of several plots above each other that share their horizontal axis."""

    title: str
    share: float = 1.0
    """Of the height, beside those of the others."""
    lowest_zero: bool = False
    log: bool = False
    ticks: str = ""
    """Format of its ticks, where the usual one will not do."""


def safe(text: str, limit: int = 60) -> str:
    """Foreign text for Plotly: one line, printable, cut, and without markup or references."""
    shown = printable(text)
    if len(shown) > limit:
        shown = f"{shown[: limit - 1]}…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def series(index: int) -> str:
    """The colour of the `index`-th thing to tell apart; they repeat, with another dash."""
    return SERIES[index % len(SERIES)]


def dash(index: int) -> str:
    """The dash of the `index`-th thing to tell apart."""
    return DASHES[index // len(SERIES) % len(DASHES)]


def rounded(values: Iterable[float | None]) -> list[JsonValue]:
    """Five significant digits, and None for what is no number: it leaves a gap."""
    return [
        None if value is None or not isfinite(value) else float(f"{value:.5g}") for value in values
    ]


def places(values: Iterable[float | None]) -> list[JsonValue]:
    """Positions on the horizontal axis; whole numbers stay whole."""
    return [
        None if value is None else int(value) if value == int(value) else round(value, 2)
        for value in values
    ]


def line(
    name: str,
    x: Values,
    y: Values,
    colour: str,
    *,
    axis: int = 1,
    width: float = 1.6,
    hover: str = "%{y:.4g}",
    **more: JsonValue,
) -> Trace:
    """A line in the `axis`-th panel; None in `y` leaves a gap."""
    look: Trace = {"color": colour, "width": width}
    given = more.pop("line", None)
    if isinstance(given, dict):
        look |= given
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": places(x),
        "y": rounded(y),
        "yaxis": axis_name("y", axis),
        "line": look,
        "connectgaps": False,
        "hovertemplate": f"{hover}<extra>{name}</extra>",
        **more,
    }


def dots(
    name: str,
    x: Values,
    y: Values,
    colour: str,
    *,
    axis: int = 1,
    size: float = 6,
    symbol: str = "circle",
    texts: Sequence[str] | None = None,
    **more: JsonValue,
) -> Trace:
    """Markers in the `axis`-th panel; `texts` are shown under the pointer, already safe."""
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": places(x),
        "y": rounded(y),
        "yaxis": axis_name("y", axis),
        "marker": {"color": colour, "size": size, "symbol": symbol},
        "hovertemplate": f"%{{y:.4g}}<extra>{name}</extra>",
    }
    if texts is not None:
        trace |= {"text": list(texts), "hovertemplate": f"%{{text}}<extra>{name}</extra>"}
    return trace | more


def posts(name: str, x: Sequence[float], colour: str, *, texts: Sequence[str], top: float) -> Trace:
    """A dashed line from 0 to `top` at each `x` of the first panel, with a text each."""
    xs: list[float | None] = [value for at in x for value in (at, at, None)]
    shown = [text for one in texts for text in (one, one, "")]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": places(xs),
        "y": rounded(value for _ in x for value in (0.0, top, None)),
        "line": {"color": colour, "width": 1, "dash": "dash"},
        "text": list(shown),
        "hovertemplate": f"%{{text}}<extra>{name}</extra>",
    }


def axis_name(letter: str, number: int) -> str:
    """`y`, `y2`, `y3`: how a trace names its axis."""
    return letter if number == 1 else f"{letter}{number}"


def figure(
    data: Sequence[Trace],
    *,
    height: int,
    x_title: str,
    panels: Sequence[Panel],
    shapes: Sequence[Shape] = (),
    notes: Sequence[Shape] = (),
    end: float | None = None,
    **more: JsonValue,
) -> Figure:
    """Traces in panels above each other, the first on top; the axis goes from 0 to `end`."""
    layout: Figure = {
        "height": height,
        "margin": {"l": 58, "r": 18, "t": 44 if notes else 26, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": "--quiet"},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": "--page",
            "bordercolor": "--rule",
            "font": {"color": "--ink", "size": 12},
            "align": "left",
        },
        "showlegend": False,
        "shapes": list(shapes),
        "annotations": [*notes, *_titles(panels)],
        "xaxis": _x_axis(x_title, len(panels), end),
        **_y_axes(panels),
    }
    return {"data": list(data), "layout": layout | more}


def nothing(sentence: str) -> Figure:
    """A figure that has nothing to show, and why."""
    return {"data": [], "layout": {}, "nothing": sentence}


def _x_axis(title: str, num_panels: int, end: float | None) -> Figure:
    return {
        **({"range": [0, round(1.012 * end, 2)]} if end else {}),
        "title": {"text": title, "standoff": 8},
        "anchor": axis_name("y", num_panels),
        "zeroline": False,
        "showgrid": False,
        "linecolor": "--rule",
        "tickcolor": "--rule",
        "ticks": "outside",
        "ticklen": 4,
        "tickformat": ",d",
        "hoverformat": ",.0f",
        "nticks": 8,
    }


GAP = 0.09
"""Between two panels, as a share of the height."""


def _domains(panels: Sequence[Panel]) -> list[tuple[float, float]]:
    """Foot and top of each panel, the first on top."""
    room = 1 - GAP * (len(panels) - 1)
    total = sum(panel.share for panel in panels)
    domains, top = [], 1.0
    for panel in panels:
        height = room * panel.share / total
        domains.append((max(0.0, top - height), top))
        top -= height + GAP
    return domains


def _y_axes(panels: Sequence[Panel]) -> Figure:
    axes: Figure = {}
    for number, (panel, (foot, top)) in enumerate(
        zip(panels, _domains(panels), strict=True), start=1
    ):
        axes[f"yaxis{number if number > 1 else ''}"] = {
            "domain": [round(foot, 4), round(top, 4)],
            "gridcolor": "--grid",
            "zeroline": False,
            "tickcolor": "--rule",
            "nticks": 5,
            "automargin": True,
            **({"rangemode": "tozero"} if panel.lowest_zero else {}),
            **({"type": "log", "dtick": 1} if panel.log else {}),
            **({"tickformat": panel.ticks} if panel.ticks else {}),
        }
    return axes


def _titles(panels: Sequence[Panel]) -> list[JsonValue]:
    """What each panel shows, above it on the left."""
    return [
        {
            "text": panel.title,
            "showarrow": False,
            "xref": "paper",
            "yref": "paper",
            "x": 0,
            "xanchor": "left",
            "y": round(top, 4),
            "yanchor": "bottom",
            "font": {"size": 12, "color": "--quiet"},
            "name": "title",
        }
        for panel, (_, top) in zip(panels, _domains(panels), strict=True)
        if panel.title
    ]
