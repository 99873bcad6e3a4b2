"""The phases of the lineages: who improves in step. Pure.

A strip unrolls the circle around the mean phase, which is in its middle, by half a turn to either
side; a mark is the number of a lineage. Marks that would cover each other stand side by side.
"""

from collections.abc import Sequence
from math import degrees, isfinite, pi, remainder

from rich.text import Text

from dashboard.terminal.dial import Dial, dial_lines
from dashboard.terminal.figures import number
from dashboard.terminal.layout import Room, Section, Want
from dashboard.terminal.lines import fitted
from dashboard.terminal.snapshot import RunView
from state.records import Synchrony

LEAST_STRIP = 13
MOST_STRIP = 61
CHANCE_WIDTH = 13
GENERATION_WIDTH = 7
VERDICT_WIDTH = 12
TALL = 30
"""Lines of a column in which there is room for a circle."""
LEAST_DIAL = 7
MOST_DIAL = 15
"""Rows of the circle; it is twice as wide."""
LEGEND_WIDTH = 20
GAP = 2

_STYLES = ("bold cyan", "bold yellow", "bold magenta", "bold green")


def synchrony_line(view: RunView, width: int, *, ascii_only: bool) -> Text:
    """The newest r, whether it is locked, and the strip where there is room for it."""
    line = Text("synchrony  ", style="magenta")
    if not view.synchrony:
        return line.append("not measured yet", style="dim")
    found = view.synchrony[-1]
    line.append(f"r {found.r:.2f} ", style="bold")
    line.append(*(("locked  ", "bold green") if found.locked else ("not locked  ", "dim")))
    if width >= line.cell_len + CHANCE_WIDTH + LEAST_STRIP:
        line.append(f"chance {found.null_quantile:.2f}  ", style="dim")
    room = width - line.cell_len
    if room < LEAST_STRIP:
        return line
    return line.append_text(_strip(view, found, room, ascii_only=ascii_only))


def synchrony(view: RunView, room: Room) -> Section | None:
    """The circle, what it says in numbers, and the strips of the generations before; None where
    nothing was measured or the column is low.
    """
    width = room.width
    if not view.synchrony or width < 2 * LEAST_DIAL or room.rows < TALL:
        return None
    title = Text("synchrony", style="bold")
    title.append(f"  generation {view.synchrony[-1].generation}", style="dim")
    most = 1 + min(MOST_DIAL, width // 2)

    def draw(rows: int) -> list[Text]:
        return _panel(view, min(rows, most - 1), width, ascii_only=room.ascii_only)

    return Section(title, Want(1 + LEAST_DIAL, min(12, most), most), draw)


def _panel(view: RunView, rows: int, width: int, *, ascii_only: bool) -> list[Text]:
    """Circle, numbers and strips side by side, as far as there is room to the right."""
    found = view.synchrony[-1]
    names = _names(view, found)
    dial = Dial(found.phases, names, found.r, found.psi)
    parts = [dial_lines(dial, rows, _STYLES, ascii_only=ascii_only)]
    left = width - 2 * rows - GAP
    if left >= LEGEND_WIDTH:
        parts.append([fitted(line, LEGEND_WIDTH) for line in _legend(found, names, rows)])
        left -= LEGEND_WIDTH + GAP
    if left >= GENERATION_WIDTH + LEAST_STRIP + VERDICT_WIDTH:
        parts.append(phase_rows(view, rows, left, ascii_only=ascii_only))
    return [
        Text(" " * GAP).join(part[row] for part in parts if row < len(part)) for row in range(rows)
    ]


def _legend(found: Synchrony, names: Sequence[int], rows: int) -> list[Text]:
    """`rows` lines: r and the mean phase, then how far from it each lineage is."""
    verdict = Text("locked", style="bold green") if found.locked else Text("not locked")
    lines = [
        Text(f"r {number(found.r, '{:.2f}')} ", style="bold").append_text(verdict),
        Text(f"chance {number(found.null_quantile, '{:.2f}')}", style="dim"),
        Text(f"mean phase {number(degrees(remainder(found.psi, 2 * pi)), '{:.0f}')} deg")
        if isfinite(found.psi)
        else Text("mean phase -"),
    ]
    for phase, name in zip(found.phases, names, strict=True):
        apart = degrees(_from_mean(phase, found.psi))
        line = Text(f"{name}", style=_STYLES[name % len(_STYLES)])
        lines.append(line.append(f" {apart:+.0f} deg", style="default not bold"))
    return (lines + [Text()] * rows)[:rows]


def phase_rows(view: RunView, rows: int, width: int, *, ascii_only: bool) -> list[Text]:
    """An axis and one strip for each of the last generations, the newest last."""
    room = width - GENERATION_WIDTH - VERDICT_WIDTH
    if rows < 2 or room < LEAST_STRIP:
        return []
    lines = [Text(f"{'deg':>6} {_axis(room)} r", style="dim")]
    for found in view.synchrony[-(rows - 1) :]:
        line = Text(f"{found.generation:>6} ", style="dim")
        line.append_text(_strip(view, found, room, ascii_only=ascii_only))
        line.append(f" {found.r:.2f}", style="default")
        lines.append(line.append(" locked" if found.locked else "", style="bold green"))
    return lines


def places(phases: Sequence[float], mean: float, width: int) -> list[int]:
    """The column of each phase in a strip of `width`, no two the same.

    Crowded marks stand halfway between being pushed to the right and to the left; those of one
    column keep their order, so that they do not flicker.
    """
    last, spare = width - 1, width - len(phases)
    own = [round((_from_mean(phase, mean) / pi + 1) / 2 * last) for phase in phases]
    order = sorted(range(len(phases)), key=lambda index: own[index])
    wanted = [min(max(own[index], rank), spare + rank) for rank, index in enumerate(order)]
    right, left = wanted.copy(), wanted.copy()
    for rank in range(1, len(order)):
        right[rank] = max(wanted[rank], right[rank - 1] + 1)
        left[-rank - 1] = min(wanted[-rank - 1], left[-rank] - 1)
    columns = [0] * len(order)
    for rank, index in enumerate(order):
        columns[index] = (right[rank] + left[rank]) // 2
    return columns


def _names(view: RunView, found: Synchrony) -> Sequence[int]:
    """The lineages that the phases belong to; their places where that is not known."""
    names = view.lineages.get(len(found.phases), ())
    return names if len(names) == len(found.phases) else range(len(found.phases))


def _from_mean(phase: float, mean: float) -> float:
    """Half a turn at most; 0 for what is no number."""
    apart = phase - mean
    return remainder(apart, 2 * pi) if isfinite(apart) else 0.0


def _strip(view: RunView, found: Synchrony, room: int, *, ascii_only: bool) -> Text:
    width = _odd(room)
    names = _names(view, found)
    if len(names) > width:
        return Text(" " * width)
    at = dict(zip(places(found.phases, found.psi, width), names, strict=True))
    track, middle = (".", "|") if ascii_only else ("·", "│")
    strip = Text()
    for column in range(width):
        if column in at:
            strip.append(str(at[column] % 10), style=_STYLES[at[column] % len(_STYLES)])
        else:
            strip.append(middle if column == width // 2 else track, style="dim")
    return strip


def _axis(room: int) -> str:
    """As wide as a strip: its ends in degrees from the mean phase."""
    side = _odd(room) // 2
    return f"{'-180':<{side - 1}}mean{'180':>{side - 2}}"


def _odd(room: int) -> int:
    """The width of a strip: odd, so that the mean has a column."""
    width = min(room, MOST_STRIP)
    return width if width % 2 else width - 1
