"""The course of the losses: training of the members or the host, and the search split. Pure."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from rich.text import Text

from dashboard.terminal.dots import polyline
from dashboard.terminal.figures import finite, sparkline, thinned
from dashboard.terminal.layout import Room, Section, Want
from dashboard.terminal.lines import fitted
from dashboard.terminal.snapshot import RunView

LEAST_CHART = 5
"""Rows of a chart with its title and the phases under it."""
MOST_CHART = 14
LEAST_CHART_WIDTH = 36
GAP = 3
LABEL = 7
LEAST_CURVE = 8


class Course(NamedTuple):
    """One curve."""

    name: str
    unit: str
    values: tuple[float, ...]
    phases: tuple[str, ...] = ()
    """Of each value; empty where there are none to tell apart."""


def loss(view: RunView, room: Room) -> Section:
    """A line with its numbers for each curve; with more room, charts."""
    title = Text("loss", style="bold")
    curves = courses(view)
    if not curves:
        line = Text("nothing is measured yet", style="dim")
        return Section(title, Want(2, 2, 2), lambda rows: [line][:rows])
    least = 1 + len(curves)
    width, ascii_only = room.width, room.ascii_only
    wide = width >= LEAST_CHART_WIDTH * len(curves) + GAP * (len(curves) - 1)
    most = 1 + MOST_CHART if wide and max(len(one.values) for one in curves) > 1 else least

    def draw(rows: int) -> list[Text]:
        if rows >= LEAST_CHART and most > least:
            return _charts(curves, rows, width, ascii_only=ascii_only)
        return [course_line(one, width, ascii_only=ascii_only) for one in curves][:rows]

    return Section(title, Want(least, least, most), draw)


def courses(view: RunView) -> list[Course]:
    """What there is to draw; a baseline that is trained beside has a curve of its own."""
    own = [point for point in view.course if point.phase != "control"]
    other = finite(point.bits_per_byte for point in view.course if point.phase == "control")
    trained = _course("training", "nats", [(one.train_loss, one.phase) for one in own])
    if view.is_single:
        trained = Course("training", "nats", view.losses)
    searched = _course("search", "bpb", [(one.bits_per_byte, one.phase) for one in own])
    found = (trained, searched, Course("baseline", "bpb", tuple(other)))
    return [one for one in found if one.values]


def _course(name: str, unit: str, points: Sequence[tuple[float | None, str]]) -> Course:
    measured = [(value, phase) for value, phase in points if value is not None and isfinite(value)]
    values, phases = [value for value, _ in measured], [phase for _, phase in measured]
    several = len(set(phases)) > 1
    return Course(name, unit, tuple(values), tuple(phases) if several else ())


def course_line(course: Course, width: int, *, ascii_only: bool) -> Text:
    """`search     2.711 to 2.009 bpb ▇▅▃▁`: first and last value, the best where it is no other."""
    line = Text(f"{course.name:10} ", style="magenta")
    line.append(_numbers(course), style="default not bold")
    room = width - line.cell_len - 1
    if room >= LEAST_CURVE and len(course.values) > 1:
        bars = sparkline(thinned(course.values, room), room, ascii_only=ascii_only)
        line.append(f" {bars}", style="default not bold")
    return line


def _numbers(course: Course) -> str:
    first, last, best = course.values[0], course.values[-1], min(course.values)
    told = f"{first:.3f} to {last:.3f} {course.unit}" if len(course.values) > 1 else f"{last:.3f}"
    least = f", best {best:.3f}" if best < last else ""
    return f"{told}{least}"


def _charts(curves: Sequence[Course], rows: int, width: int, *, ascii_only: bool) -> list[Text]:
    """Charts side by side."""
    each = (width - GAP * (len(curves) - 1)) // len(curves)
    charts = [_chart(one, rows, each, ascii_only=ascii_only) for one in curves]
    return [Text(" " * GAP).join(row) for row in zip(*charts, strict=True)]


def _chart(course: Course, rows: int, width: int, *, ascii_only: bool) -> list[Text]:
    """Exactly `rows` lines: name and numbers, the curve, and which phase is where."""
    named = Text(f"{course.name} ", style="magenta")
    named.append(_numbers(course), style="default not bold")
    height, inner = rows - 2, width - LABEL
    curve = polyline(course.values, inner, height, ascii_only=ascii_only)
    labels = [""] * height
    labels[0], labels[-1] = f"{max(course.values):.3f}", f"{min(course.values):.3f}"
    drawn = [
        Text(f"{label:>{LABEL - 1}} ", style="dim").append(line, style="cyan not dim")
        for label, line in zip(labels, curve, strict=True)
    ]
    foot = Text(" " * LABEL + _foot(course.phases, inner), style="dim")
    return [fitted(line, width) for line in (named, *drawn, foot)]


def _foot(phases: Sequence[str], width: int) -> str:
    """The name of each phase where it begins, as much of it as there is room for."""
    begins = [i for i in range(len(phases)) if i == 0 or phases[i] != phases[i - 1]]
    last = max(1, len(phases) - 1)
    columns = [round(i / last * (width - 1)) for i in begins]
    foot = [" "] * width
    for i, column in enumerate(columns):
        end = columns[i + 1] - 1 if i + 1 < len(columns) else width
        for at, letter in enumerate(phases[begins[i]][: max(1, end - column)]):
            foot[min(width - 1, column + at)] = letter
    return "".join(foot)
