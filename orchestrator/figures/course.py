"""Search loss over the budget: every member, the best of them, and what they are held against."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from matplotlib.figure import Figure

from orchestrator.figures.style import NothingToDraw, colour, label, new_figure, styled, y_title
from orchestrator.figures.timeline import Span, shade, steps_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Point = tuple[float, float]
"""Member-steps and bits per byte."""


class Path(NamedTuple):
    """Measurements of one model, oldest first; a model may have several pieces with gaps."""

    name: str
    kind: Literal["lineage", "host", "control"]
    points: tuple[Point, ...]


class Attempt(NamedTuple):
    """A challenger, from its champion's figure to its own."""

    start: Point | None
    end: Point
    accepted: bool


class Course(NamedTuple):
    """All of it. Controls are drawn over their own steps."""

    spans: tuple[Span, ...]
    paths: tuple[Path, ...]
    attempts: tuple[Attempt, ...] = ()
    best: tuple[Point, ...] = ()
    references: tuple[tuple[str, float], ...] = ()
    """Name and bits per byte of what needs no steps."""


def course_figure(course: Course) -> Figure:
    """Bits per byte over member-steps.

    Raises:
        NothingToDraw: nothing was measured.
    """
    values = [y for path in course.paths for _, y in path.points]
    if not values:
        raise NothingToDraw("no generation was measured; there is no course to draw")
    with styled():
        figure = new_figure(4.1)
        axes = figure.subplots()
        shade(axes, course.spans)
        if course.best:
            _best(axes, course.best)
        _attempts(axes, course.attempts)
        _paths(axes, course.paths)
        _references(axes, course.references, values)
        y_title(axes, "bits per byte\n")
        steps_axis(axes)
        figure.legend(loc="outside lower left", ncols=4)
    return figure


def _attempts(axes: "Axes", attempts: Sequence[Attempt]) -> None:
    named: set[bool] = set()
    for one in attempts:
        shade_of = colour("green") if one.accepted else colour("quiet")
        if one.start is not None:
            xs, ys = zip(one.start, one.end, strict=True)
            axes.plot(xs, ys, color=shade_of, linewidth=0.7, alpha=0.7, zorder=2.1)
        name = "accepted challenger" if one.accepted else "challenger"
        axes.plot(
            *([one.end[0]], [one.end[1]]),
            marker="o",
            linestyle="",
            markersize=4.2 if one.accepted else 2.2,
            color=shade_of,
            zorder=4.5 if one.accepted else 2.2,
            label="_" if one.accepted in named else name,
        )
        named.add(one.accepted)


_LOOKS = {
    "lineage": {"color": "sky", "linewidth": 1.0, "alpha": 0.85, "zorder": 3},
    "host": {"color": "blue", "linewidth": 2.2, "zorder": 4},
    "control": {"color": "red", "linewidth": 1.8, "linestyle": (0, (5, 2)), "zorder": 4},
}


def _paths(axes: "Axes", paths: Sequence[Path]) -> None:
    named: set[str] = set()
    for path in paths:
        look = dict(_LOOKS[path.kind])
        name = label(path.name, 28)
        xs, ys = [x for x, _ in path.points], [y for _, y in path.points]
        mark = {"marker": "o", "markersize": 4, "clip_on": False} if len(xs) < 3 else {}
        look["color"] = colour(str(look["color"]))
        axes.plot(xs, ys, label="_" if name in named else name, **look, **mark)  # type: ignore[arg-type]
        named.add(name)


def _best(axes: "Axes", best: Sequence[Point]) -> None:
    xs, ys = [x for x, _ in best], [y for _, y in best]
    axes.plot(
        *(xs, ys),
        drawstyle="steps-post",
        color=colour("ink"),
        linewidth=1.1,
        label="best so far",
        zorder=3.5,
    )


def _references(
    axes: "Axes", references: Sequence[tuple[str, float]], values: Sequence[float]
) -> None:
    """A line at each; one far above everything is named at the upper edge."""
    low, high = min(values), max(values)
    low = min([low, *(value for _, value in references)])
    reach = max(high - low, 0.05)
    top = max([high, *(v for _, v in references if v <= high + 0.3 * reach)])
    axes.set_ylim(low - 0.06 * reach, top + 0.06 * reach)
    above = []
    for name, value in sorted(references, key=lambda one: one[1]):
        text = f"{label(name, 30)} {value:.4f}"
        if value > top:
            above.append(text)
            continue
        axes.axhline(value, color=colour("ochre"), linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(
            *(text, (1, value)),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            color=colour("ochre"),
            fontsize=8.5,
        )
    if above:
        axes.annotate(
            *(f"above: {', '.join(above)}", (1, 1)),
            xycoords="axes fraction",
            xytext=(-4, -11),
            textcoords="offset points",
            ha="right",
            color=colour("ochre"),
            fontsize=8.5,
        )
