"""Two to six runs in one figure, and what sets them apart."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from dashboard.web.figures import curves
from dashboard.web.figures.course import best_so_far
from dashboard.web.figures.plot import (
    Figure,
    Panel,
    Trace,
    dash,
    figure,
    line,
    nothing,
    safe,
    series,
)
from dashboard.web.figures.run_view import RunView

MOST_RUNS = 6


HIDDEN = ("run_dir",)
"""Settings that say where a run lies, not what it does."""


class Difference(NamedTuple):
    """A setting that is not the same in all runs."""

    setting: str
    values: tuple[str, ...]

    @property
    def everywhere(self) -> bool:
        """All of the runs have it."""
        return "-" not in self.values


def overlaid(views: Sequence[tuple[str, RunView]]) -> Figure:
    """The best bits per byte so far, and the training loss of the model, of (name, run)s."""
    best: list[Trace] = []
    losses: list[Trace] = []
    for index, (name, view) in enumerate(views):
        shown = safe(name, 40)
        own = best_so_far(view)
        look: Trace = {"dash": dash(index), "shape": "hv"}
        if own:
            x, y = zip(*own, strict=True)
            mode = "lines" if len(x) > 1 else "markers"
            best.append(line(shown, x, y, series(index), width=2, line=look, mode=mode))
        points = _course(view)
        if points:
            means = curves.means(curves.grouped(points, curves.COURSE_POINTS))
            look = {"dash": dash(index)}
            losses.append(line(shown, *means, series(index), width=1.6, line=look))
    if not best and not losses:
        return nothing("None of these runs has trained yet.")
    return _stacked(best, losses)


def _stacked(best: Sequence[Trace], losses: Sequence[Trace]) -> Figure:
    """The search split above the training loss; one of them alone fills the figure."""
    panels = [Panel("best so far on the search split, bits per byte")] * bool(best)
    panels += [Panel("training loss, nats per token")] * bool(losses)
    axis = "y2" if best else "y"
    named = {trace["name"] for trace in best}
    drawn = [
        trace
        | {"yaxis": axis, "legendgroup": trace["name"], "showlegend": trace["name"] not in named}
        for trace in losses
    ]
    traces = [*(trace | {"legendgroup": trace["name"]} for trace in best), *drawn]
    return figure(
        traces,
        height=280 * len(panels),
        x_title="steps of all members",
        panels=panels,
        end=max((float(x) for one in traces for x in _x(one)), default=None),
    )


def _x(trace: Trace) -> list[float]:
    """Where its points are."""
    places = trace["x"]
    assert isinstance(places, list)
    return [one for one in places if isinstance(one, int | float)]


def _course(view: RunView) -> list[curves.Point | None]:
    """The loss of the model, or of the host and the lineage that became it."""
    if not view.timeline.index:
        return []
    return curves.load(view, ("loss",)).main("loss")


def differences(configs: Sequence[Mapping[str, JsonValue]]) -> list[Difference]:
    """Settings whose values differ, by their dotted names; `-` where a run does not have one."""
    settings = [flat(config) for config in configs]
    names = sorted({name for one in settings for name in one if name not in HIDDEN})
    rows = [Difference(name, tuple(one.get(name, "-") for one in settings)) for name in names]
    return [row for row in rows if len(set(row.values)) > 1]


def flat(value: JsonValue | Mapping[str, JsonValue], name: str = "") -> dict[str, str]:
    """Settings by their dotted names, as they are shown; of a path only the file's name."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, inner in value.items():
            found |= flat(inner, f"{name}.{key}" if name else str(key))
        return found
    if isinstance(value, list):
        if value and all(isinstance(one, Mapping) and "name" in one for one in value):
            found = {}
            for one in value:
                assert isinstance(one, Mapping)
                found |= flat(one, f"{name}.{one['name']}")
            return found
        return {name: ", ".join(map(_shown, value)) or "none"}
    return {name: _shown(value)}


def _shown(value: JsonValue) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case str() if "/" in value or "\\" in value:
            return value.replace("\\", "/").rstrip("/").rpartition("/")[2]
        case _:
            return str(value)
