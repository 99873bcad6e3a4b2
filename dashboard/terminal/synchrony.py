"""The phases of the lineages, unrolled around their mean: who improves in step. Pure.

A strip reaches half a turn to either side of the mean phase, which is in its middle; a mark is the
number of a lineage. Marks that would cover each other stand side by side.
"""

from collections.abc import Sequence
from math import pi, remainder

from rich.text import Text

from dashboard.terminal.snapshot import RunView
from state.records import Synchrony

LEAST_STRIP = 13
MOST_STRIP = 61
CHANCE_WIDTH = 13
GENERATION_WIDTH = 7
VERDICT_WIDTH = 12

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
    own = [round((remainder(phase - mean, 2 * pi) / pi + 1) / 2 * last) for phase in phases]
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


def _strip(view: RunView, found: Synchrony, room: int, *, ascii_only: bool) -> Text:
    width = _odd(room)
    names = view.lineages.get(len(found.phases), ())
    if len(names) != len(found.phases):
        names = tuple(range(len(found.phases)))
    at = dict(zip(places(found.phases, found.psi, width), names, strict=True))
    track, middle = (".", "|") if ascii_only else ("·", "│")
    strip = Text()
    for column in range(width):
        if column in at:
            strip.append(str(at[column]), style=_STYLES[at[column] % len(_STYLES)])
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
