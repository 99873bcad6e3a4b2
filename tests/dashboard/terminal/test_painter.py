"""What is written to the terminal: what has changed, and nothing else."""

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from dashboard.terminal.moment import Moment
from dashboard.terminal.painter import HeldBack, Painter
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.view import Frame
from tests.dashboard.terminal.frames import lines

ESCAPE = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")


class Glass(StringIO):
    """A terminal of a few escape sequences: what a person sees after all that was written."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.cells = [[" "] * width for _ in range(height)]
        self.at = (0, 0)
        self.bytes = 0

    def write(self, text: str) -> int:
        self.bytes += len(text)
        end = 0
        for match in ESCAPE.finditer(text):
            self._put(text[end : match.start()])
            self._obey(match[1], match[2])
            end = match.end()
        self._put(text[end:])
        return super().write(text)

    def _put(self, text: str) -> None:
        for character in text:
            column, row = self.at
            if column < self.width and row < self.height:
                self.cells[row][column] = character
            self.at = column + 1, row

    def _obey(self, arguments: str, letter: str) -> None:
        if letter == "H":
            row, column = (int(part) - 1 for part in (arguments or "1;1").split(";"))
            self.at = column, row
        elif letter == "J":
            self.cells = [[" "] * self.width for _ in range(self.height)]

    @property
    def seen(self) -> list[str]:
        return ["".join(row) for row in self.cells]


@pytest.fixture
def glass() -> Glass:
    return Glass(80, 24)


@pytest.fixture
def painter(glass: Glass) -> Painter:
    return Painter(Console(file=glass, force_terminal=True, width=80, height=24))


def at(seconds: float, width: int = 80, height: int = 24) -> tuple[Moment, int, int]:
    return Moment(elapsed=seconds), width, height


def test_the_screen_shows_the_frame(painter: Painter, glass: Glass, view: RunView) -> None:
    with painter:
        painter.paint(Frame(view, *at(5)))
        assert glass.seen == lines(view, 80, 24, Moment(elapsed=5))
    assert glass.getvalue().endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")


def test_only_changed_lines_are_written(painter: Painter, glass: Glass, view: RunView) -> None:
    with painter:
        painter.paint(Frame(view, *at(5)))
        whole = glass.bytes
        painter.paint(Frame(view, *at(5)))
        assert glass.bytes == whole
        painter.paint(Frame(view, *at(6)))
        assert glass.bytes - whole < 150
        later = replace(view, members=view.members[:1])
        painter.paint(Frame(later, *at(7)))
        assert glass.seen == lines(later, 80, 24, Moment(elapsed=7))


def test_what_somebody_else_wrote_is_mended(painter: Painter, glass: Glass, view: RunView) -> None:
    with painter:
        painter.paint(Frame(view, *at(5)))
        glass.write("\x1b[3;1Ha warning from elsewhere")
        painter.paint(Frame(view, *at(5)), whole=True)
        assert glass.seen == lines(view, 80, 24, Moment(elapsed=5))


@pytest.mark.parametrize(("width", "height"), [(60, 20), (1, 1), (80, 3), (79, 24)])
def test_a_terminal_that_was_resized_shows_nothing_of_before(
    painter: Painter, glass: Glass, view: RunView, width: int, height: int
) -> None:
    with painter:
        painter.paint(Frame(view, *at(5)))
        painter.paint(Frame(view, *at(5, width, height)))
        shown = lines(view, width, height, Moment(elapsed=5))
        blank = [" " * 80] * (24 - height)
        assert glass.seen == [line.ljust(80) for line in shown] + blank


def test_a_line_of_the_header_that_comes_or_goes_moves_the_others(
    painter: Painter, glass: Glass, view: RunView
) -> None:
    with painter:
        painter.paint(Frame(view, *at(5, height=12)))
        paused = Frame(view, Moment(elapsed=5, standing="paused"), 80, 12)
        painter.paint(paused)
        assert glass.seen[:12] == lines(view, 80, 12, Moment(elapsed=5, standing="paused"))


def test_output_is_held_and_then_released_as_it_was() -> None:
    stream = StringIO()
    held = HeldBack(stream)
    held.write("one\ntw")
    held.write("o\n")
    held.flush()
    assert stream.getvalue() == ""
    held.write("three")
    held.release()
    held.release()
    assert stream.getvalue() == "one\ntwo\nthree\n"
    assert not held.isatty()


def test_of_a_flood_the_newest_lines_are_kept() -> None:
    stream = StringIO()
    held = HeldBack(stream)
    for number in range(1000):
        held.write(f"{number}\n")
    held.release()
    assert stream.getvalue().split() == [str(number) for number in range(800, 1000)]
