"""Frames as text, for the tests of what a person reads."""

from collections.abc import Sequence
from io import StringIO

from rich.console import Console

from dashboard.terminal.layout import Section
from dashboard.terminal.moment import Moment
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.view import Frame

MOMENT = Moment(elapsed=125, eta=1875)


def console(width: int, height: int) -> Console:
    """A terminal that nobody looks at."""
    return Console(file=StringIO(), width=width, height=height, color_system=None)


def lines(view: RunView | None, width: int, height: int, moment: Moment = MOMENT) -> list[str]:
    """The frame's lines, as wide as they are drawn."""
    screen = console(width, height)
    screen.print(Frame(view, moment, width, height), end="", soft_wrap=True)
    assert isinstance(screen.file, StringIO)
    return screen.file.getvalue().removesuffix("\n").split("\n")


def text(view: RunView | None, width: int = 80, height: int = 24, moment: Moment = MOMENT) -> str:
    """The same as one text."""
    return "\n".join(lines(view, width, height, moment))


def drawn(section: Section | None, rows: int) -> list[str]:
    """What a section draws on so many lines."""
    assert section is not None
    return [line.plain.rstrip() for line in section.draw(rows)]


def titles(shown: Sequence[str]) -> list[str]:
    """The sections of a frame of one column, in order."""
    return [line.split()[0] for line in shown if line.rstrip().endswith("──")]
