"""Phases on a circle with their mean field: an arrow of length r in the mean direction. Pure."""

from collections.abc import Mapping, Sequence
from math import cos, isfinite, pi, sin
from typing import NamedTuple

from rich.text import Text

from dashboard.terminal.dots import Dots

NUM_DOTS = 240
"""Of the circle; more than any terminal can tell apart."""
SEARCH_STEPS = 180
"""Directions that are tried for a mark whose place is taken."""

Cell = tuple[int, int]


class Dial(NamedTuple):
    """What is on the circle, angles in radians, from the right and against the clock."""

    phases: Sequence[float]
    names: Sequence[int]
    r: float
    psi: float


def dial_lines(
    dial: Dial, rows: int, styles: Sequence[str], *, ascii_only: bool = False
) -> list[Text]:
    """`rows` lines, twice as wide as high; each phase is the number of its lineage."""
    dots = Dots(2 * rows, rows, ascii_only=ascii_only)
    for i in range(NUM_DOTS):
        dots.dot(*_on_circle(2 * pi * i / NUM_DOTS, dots))
    circle = dots.lines()
    arrow, tip = _arrow(dial, rows, ascii_only=ascii_only)
    marks = _marks(dial, dots)
    return [_line(row, circle, arrow, tip, marks, styles) for row in range(rows)]


def _line(
    row: int,
    circle: Sequence[str],
    arrow: Sequence[str],
    tip: Cell | None,
    marks: Mapping[Cell, int],
    styles: Sequence[str],
) -> Text:
    line = Text()
    for column, character in enumerate(circle[row]):
        name = marks.get((column, row))
        if name is not None:
            line.append(str(name % 10), style=styles[name % len(styles)])
        elif (column, row) == tip:
            line.append("o", style="bold")
        elif arrow[row][column] != " ":
            line.append(arrow[row][column], style="bold")
        else:
            line.append(character, style="dim")
    return line


def _arrow(dial: Dial, rows: int, *, ascii_only: bool) -> tuple[list[str], Cell | None]:
    """The mean field from the centre, and the cell of its tip."""
    dots = Dots(2 * rows, rows, ascii_only=ascii_only)
    if not (isfinite(dial.r) and isfinite(dial.psi)):
        return dots.lines(), None
    x, y = _on_circle(dial.psi, dots)
    end = (0.5 + (x - 0.5) * dial.r, 0.5 + (y - 0.5) * dial.r)
    dots.stroke((0.5, 0.5), end)
    return dots.lines(), dots.cell(*end)


def _marks(dial: Dial, dots: Dots) -> dict[Cell, int]:
    """A cell of its own for each phase: one whose place is taken stands beside it."""
    marks: dict[Cell, int] = {}
    for phase, name in zip(dial.phases, dial.names, strict=True):
        if isfinite(phase):
            cell = _free(phase, dots, marks)
            if cell is not None:
                marks[cell] = name
    return marks


def _free(phase: float, dots: Dots, taken: Mapping[Cell, int]) -> Cell | None:
    """The free cell of the circle that is nearest to a direction."""
    for step in range(SEARCH_STEPS + 1):
        for side in (1, -1):
            cell = dots.cell(*_on_circle(phase + side * pi * step / SEARCH_STEPS, dots))
            if cell not in taken:
                return cell
    return None


def _on_circle(angle: float, dots: Dots) -> tuple[float, float]:
    """The circle goes through the middle of the outermost characters."""
    across, up = 0.5 - 0.5 / dots.width, 0.5 - 0.5 / dots.height
    return 0.5 + across * cos(angle), 0.5 + up * sin(angle)
