"""The population table: the members of a generation, best first."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Literal, NamedTuple

from rich.text import Text

from dashboard.terminal.figures import compact, number, printable
from dashboard.terminal.layout import Room, Section, Want
from dashboard.terminal.lines import fitted
from dashboard.terminal.snapshot import RunView
from state.records import MemberRecord

GAP = 1
ROLES = ("champion", "host", "control")
_STATUS_STYLES = {
    "accepted": "bold green",
    "halved": "dim",
    "quarantined": "yellow",
    "failed": "red",
}


class Column(NamedTuple):
    """One column. It is as wide as what stands in it while there is room for that."""

    name: str
    cell: Callable[[MemberRecord], Text]
    least: int
    """Characters below which it says nothing."""
    rank: int = 0
    """The column of the greatest rank is the first that is left out."""
    justify: Literal["left", "right"] = "left"


def population(view: RunView, room: Room) -> Section:
    """The table as a section: what is not shown is counted."""
    members = sorted(view.members, key=_rank)
    title = Text("population", style="bold")
    if not members:
        lines = [Text("no generation is complete yet", style="dim")]
        return Section(title, Want(2, 2, 2), lambda _: lines)
    title.append(f"  {_of_what(view)}", style="dim")
    need = len(members) + 2
    want = Want(min(4, need), need, need)
    return Section(title, want, lambda rows: table(members, rows, room.width))


def table(members: Sequence[MemberRecord], rows: int, width: int) -> list[Text]:
    """A line of names and at most `rows` - 1 members; where some are left out the last line
    counts them.
    """
    room = max(0, rows - 1)
    shown = members if len(members) <= room else members[: max(0, room - 1)]
    cells = {column: [column.cell(member) for member in shown] for column in COLUMNS}
    widths = column_widths(cells, width)
    lines = [_line([(Text(column.name, style="dim"), column) for column in widths], widths)]
    for row in range(len(shown)):
        lines.append(_line([(cells[column][row], column) for column in widths], widths))
    if len(shown) < len(members):
        lines.append(Text(f"and {len(members) - len(shown)} more", style="dim"))
    return lines[:rows]


def column_widths(cells: Mapping[Column, Sequence[Text]], width: int) -> dict[Column, int]:
    """The columns that fit and their widths, GAP characters between them.

    Each has its least width, or what stands in it where that is less; what is left goes to the
    formula, then to the others. Those of rank 0 stay, and the formula gives way.
    """
    natural = {
        column: max([len(column.name), *(cell.cell_len for cell in own)])
        for column, own in cells.items()
    }
    widths = {column: min(full, max(column.least, 1)) for column, full in natural.items()}
    while _total(widths) > width and max(column.rank for column in widths):
        del widths[max(widths, key=lambda column: column.rank)]
    left = width - _total(widths)
    if left < 0:
        formula = next(column for column in widths if column.name == "formula")
        widths[formula] = max(1, widths[formula] + left)
    for column in sorted(widths, key=lambda column: (column.name != "formula", column.rank)):
        more = max(0, min(left, natural[column] - widths[column]))
        widths[column] += more
        left -= more
    return widths


def _total(widths: Mapping[Column, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _line(cells: Sequence[tuple[Text, Column]], widths: Mapping[Column, int]) -> Text:
    return Text(" " * GAP).join(_cell(cell, column, widths[column]) for cell, column in cells)


def _cell(cell: Text, column: Column, width: int) -> Text:
    if column.justify == "right" and cell.cell_len < width:
        return Text(" " * (width - cell.cell_len)).append_text(cell)
    return fitted(cell, width)


def _of_what(view: RunView) -> str:
    first = view.members[0]
    distance = view.distance
    apart = "" if distance is None else f", {distance:.2f} apart"
    many = f"{len(view.members)} member{'' if len(view.members) == 1 else 's'}"
    return f"{printable(first.phase)} generation {first.generation}, {many}{apart}"


def _rank(member: MemberRecord) -> tuple[bool, float, str]:
    bits = member.bits_per_byte
    measured = bits is not None and isfinite(bits)
    return not measured, bits if measured and bits is not None else 0.0, member.member_id


def _name(member: MemberRecord) -> Text:
    """A champion is named by its lineage: its state says what it is."""
    own = re.sub(r"^g\d+-", "", member.member_id)
    return Text(printable(own.removesuffix("-champion")))


def _formula(member: MemberRecord) -> Text:
    return Text(printable(member.genome.formula), style="cyan")


def _operator(member: MemberRecord) -> Text:
    return Text(printable(member.operator) or "-", style="" if member.operator else "dim")


def _parents(member: MemberRecord) -> Text:
    return Text(printable(", ".join(member.parents)) or "-", style="dim")


def _bits_per_byte(member: MemberRecord) -> Text:
    return Text(number(member.bits_per_byte, "{:.4f}"))


def _gain(member: MemberRecord) -> Text:
    limit = "" if member.gain_limit is None else f"/{number(member.gain_limit, '{:.3f}')}"
    return Text(f"{number(member.gain, '{:+.3f}')}{limit if member.gain is not None else ''}")


def _speed(member: MemberRecord) -> Text:
    return Text(compact(member.tokens_per_sec) if member.tokens_per_sec else "-")


def _state(member: MemberRecord) -> Text:
    told = member.role if member.status == "trained" else member.status
    return Text(told, style=_STATUS_STYLES.get(member.status, ""))


COLUMNS = (
    Column("member", _name, least=8),
    Column("formula", _formula, least=24),
    Column("parent", _parents, least=14, rank=4),
    Column("operator", _operator, least=12, rank=2),
    Column("bpb", _bits_per_byte, least=6, justify="right"),
    Column("gain/limit", _gain, least=12, rank=1, justify="right"),
    Column("tok/s", _speed, least=5, rank=3, justify="right"),
    Column("state", _state, least=11, rank=1),
)
