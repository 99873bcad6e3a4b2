"""How the lines of a column are shared among its sections."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.text import Text


class Want(NamedTuple):
    """Lines that a section needs to make sense, that show all of it, and that it could fill."""

    least: int
    good: int
    most: int


class Room(NamedTuple):
    """The column that a section is in."""

    width: int
    rows: int
    """Of the whole column."""
    ascii_only: bool = False


class Section(NamedTuple):
    """A part of the view, its title included in what it wants."""

    title: Text
    want: Want
    draw: Callable[[int], Sequence[Text]]
    """The lines under the title, at most as many as it is given."""


def share_rows(rows: int, wants: Sequence[Want]) -> list[int]:
    """Lines of each section, the most important first; at most `rows` in all.

    First every section gets what it needs, as long as that fits; then each what shows all of it;
    then what it could fill.
    """
    given, left = [], rows
    for want in wants:
        given.append(want.least if want.least <= left else 0)
        left -= given[-1]
    for level in (1, 2):
        for i, want in enumerate(wants):
            more = max(0, min(left, want[level] - given[i])) if given[i] else 0
            given[i] += more
            left -= more
    return given
