"""The population table: the members of a generation, best first."""

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from rich.table import Table
from rich.text import Text

from dashboard.terminal.figures import compact, printable
from state.records import MemberRecord

_STATUS_STYLES = {
    "accepted": "bold green",
    "halved": "dim",
    "quarantined": "yellow",
    "failed": "red",
}


class Column(NamedTuple):
    """One column; a fixed width, or a share of what is left."""

    name: str
    cell: Callable[[MemberRecord], Text]
    width: int | None = None
    justify: Literal["left", "right"] = "left"
    needs: int = 0
    """Width of the table below which the column is left out."""


def population_table(members: Sequence[MemberRecord], rows: int, width: int) -> Table | Text:
    """At most `rows` lines of `width` characters; the members left out are counted."""
    if not members:
        return Text("no generation is complete yet", style="dim")
    columns = [column for column in COLUMNS if column.needs <= width]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=True, header_style="dim")
    for column in columns:
        table.add_column(
            column.name,
            ratio=None if column.width else 1,
            width=column.width,
            justify=column.justify,
            no_wrap=True,
            overflow="ellipsis",
        )
    ordered, room = sorted(members, key=_rank), max(0, rows - 1)
    shown = ordered if len(ordered) <= room else ordered[: max(0, room - 1)]
    for member in shown:
        table.add_row(*(column.cell(member) for column in columns))
    if len(shown) < len(ordered):
        table.add_row("", Text(f"and {len(ordered) - len(shown)} more", style="dim"))
    return table


def _rank(member: MemberRecord) -> tuple[bool, float, str]:
    return member.bits_per_byte is None, member.bits_per_byte or 0.0, member.member_id


def _name(member: MemberRecord) -> Text:
    return Text(printable(re.sub(r"^g\d+-", "", member.member_id)))


def _formula(member: MemberRecord) -> Text:
    return Text(printable(member.genome.formula), style="cyan")


def _operator(member: MemberRecord) -> Text:
    return Text(printable(member.operator or member.role))


def _parents(member: MemberRecord) -> Text:
    return Text(printable(", ".join(member.parents)) or "-", style="dim")


def _bits_per_byte(member: MemberRecord) -> Text:
    return Text("-" if member.bits_per_byte is None else f"{member.bits_per_byte:.4f}")


def _gain(member: MemberRecord) -> Text:
    if member.gain is None:
        return Text("-")
    limit = "" if member.gain_limit is None else f"/{member.gain_limit:.3f}"
    return Text(f"{member.gain:+.3f}{limit}")


def _speed(member: MemberRecord) -> Text:
    return Text(compact(member.tokens_per_sec) if member.tokens_per_sec else "-")


def _state(member: MemberRecord) -> Text:
    told = member.role if member.status == "trained" else member.status
    return Text(told, style=_STATUS_STYLES.get(member.status, ""))


COLUMNS = (
    Column("member", _name, width=8),
    Column("formula", _formula),
    Column("parents", _parents, needs=110),
    Column("operator", _operator, width=15, needs=70),
    Column("bpb", _bits_per_byte, width=6, justify="right"),
    Column("gain/limit", _gain, width=12, justify="right"),
    Column("tok/s", _speed, width=5, justify="right", needs=60),
    Column("state", _state, width=11),
)
