"""Columns of `metrics` as lines: all that was measured as a faint range, its course on top."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dashboard.web.figures.plot import MAX_POINTS, Trace, line
from dashboard.web.figures.run_view import RunView
from dashboard.web.figures.timeline import Timeline
from state.metrics_figures import Spread, Stretch, stretches
from state.metrics_reader import MetricsReader

Window = tuple[float, float]
"""From where to where on the axis."""

COURSE_POINTS = 240
"""Of a smoothed course over the whole axis."""
RAW = 160
"""Up to so many steps are drawn as they are."""


class Point(NamedTuple):
    """A stretch of one line."""

    first: float
    last: float
    """Where it begins and ends on the axis."""
    num_steps: int
    spread: Spread | None


class Curves(NamedTuple):
    """What one scan of the store gave."""

    timeline: Timeline
    columns: tuple[str, ...]
    rows: tuple[Stretch, ...]

    def main(self, column: str) -> list[Point | None]:
        """One column of the host and, before it, of the lineage that became it."""
        return self.line(column, *self.timeline.main)

    def line(self, column: str, *lines: int) -> list[Point | None]:
        """One column of lines that follow each other, or of one; None where there is a gap."""
        index = self.columns.index(column)
        points: list[Point | None] = []
        before: Stretch | None = None
        for row in self.rows:
            if self.timeline.lines.get(row[:2]) not in lines:
                continue
            first = self.timeline.position(row.generation, row.member_id, row.first_step)
            last = self.timeline.position(row.generation, row.member_id, row.last_step)
            if first is None or last is None:
                continue
            if before is not None and row.generation > before.generation + 1:
                points.append(None)
            num_steps = row.last_step - row.first_step + 1
            points.append(Point(first, last, num_steps, row.spreads[index]))
            before = row
        return points

    @property
    def lines(self) -> list[int]:
        """Lineages and the host, in order, that have steps here."""
        found = (self.timeline.lines.get(row[:2]) for row in self.rows)
        return sorted({one for one in found if one is not None})


def load(view: RunView, columns: Sequence[str], window: Window | None = None) -> Curves:
    """Columns of those that go on, in so few stretches that a line has at most MAX_POINTS."""
    key = ("curves", *columns)
    if window is None and isinstance(known := view.kept.get(key), Curves):
        return known
    read = _load(view.reader, view.run_id, view.timeline, columns, window)
    if window is None:
        view.kept[key] = read
    return read


def _load(
    reader: MetricsReader,
    run_id: str,
    timeline: Timeline,
    columns: Sequence[str],
    window: Window | None,
) -> Curves:
    extent = timeline.extent(window)
    num_lines = max(1, len(set(timeline.lines.values())))
    width = -(-timeline.num_steps(extent) // (num_lines * MAX_POINTS // 2))
    rows = stretches(reader, run_id, columns, max(1, width), extent)
    return Curves(timeline, tuple(columns), rows)


def drawn(
    name: str,
    points: Sequence[Point | None],
    colour: str,
    *,
    axis: int = 1,
    width: float = 2.0,
    hover: str = "%{y:.4g}",
) -> list[Trace]:
    """A line of few steps as it is; of many the range behind and the course on top."""
    if sum(point is not None for point in points) <= RAW:
        x, y = means(points)
        return [line(name, x, y, colour, axis=axis, width=width, hover=hover)]
    behind = line(
        name, *extremes(points), colour, axis=axis, width=1, opacity=0.28, showlegend=False
    )
    behind |= {"hoverinfo": "skip", "hovertemplate": None, "legendgroup": f"{name} {axis}"}
    course = line(
        name, *means(grouped(points, COURSE_POINTS)), colour, axis=axis, width=width, hover=hover
    )
    return [behind, course | {"legendgroup": f"{name} {axis}"}]


def means(points: Iterable[Point | None]) -> tuple[list[float | None], list[float | None]]:
    """Where each stretch ends, and its mean."""
    x: list[float | None] = []
    y: list[float | None] = []
    for point in points:
        x.append(point.last if point else None)
        y.append(point.spread.mean if point and point.spread else None)
    return x, y


def extremes(points: Sequence[Point | None]) -> tuple[list[float | None], list[float | None]]:
    """The least and the greatest value of every stretch, at most MAX_POINTS of them."""
    num_gaps = sum(point is None for point in points)
    if len(points) > MAX_POINTS // 2:
        points = grouped(points, max(2, (MAX_POINTS - num_gaps) // 2))
    x: list[float | None] = []
    y: list[float | None] = []
    for point in points:
        if point is None or point.spread is None:
            x.append(point.last if point else None)
            y.append(None)
        elif point.spread.least == point.spread.greatest:
            x.append(point.last)
            y.append(point.spread.least)
        else:
            x += [point.first, point.last]
            y += [point.spread.least, point.spread.greatest]
    return x, y


def grouped(points: Sequence[Point | None], most: int) -> list[Point | None]:
    """At most about `most` stretches, of neighbours that share an equal part of the axis."""
    present = [point for point in points if point is not None]
    if len(present) <= most:
        return list(points)
    start, end = present[0].first, present[-1].last
    part = (end - start) / most or 1.0
    joined: list[Point | None] = []
    group: list[Point] = []
    number = -1
    for point in points:
        own = number if point is None else min(most - 1, int((point.last - start) / part))
        if group and (point is None or own != number):
            joined.append(_joined(group))
            group = []
        if point is None:
            joined.append(None)
        else:
            number = own
            group.append(point)
    return [*joined, *([_joined(group)] if group else [])]


def _joined(group: Sequence[Point]) -> Point:
    num_steps = sum(point.num_steps for point in group)
    spreads = [(point.spread, point.num_steps) for point in group if point.spread is not None]
    spread = None
    if spreads:
        weight = sum(steps for _, steps in spreads)
        spread = Spread(
            min(one.least for one, _ in spreads),
            max(one.greatest for one, _ in spreads),
            sum(one.mean * steps for one, steps in spreads) / weight,
        )
    return Point(group[0].first, group[-1].last, num_steps, spread)
