"""One frame: the sections arranged for the size of the terminal. A pure function of records.

Every section gets a whole number of lines; where the terminal is small, sections shrink and then
go, the least important first. A frame is exactly as large as it was asked to be.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from dashboard.terminal import lamps, sections
from dashboard.terminal.header import header, preparing
from dashboard.terminal.layout import Room, Section, share_rows
from dashboard.terminal.lines import fitted, titled
from dashboard.terminal.loss import loss
from dashboard.terminal.moment import Moment
from dashboard.terminal.population import population
from dashboard.terminal.signals import readings, signals
from dashboard.terminal.snapshot import RunView
from dashboard.terminal.synchrony import TALL, synchrony
from dashboard.terminal.training import training

WIDE = 140
"""Characters from which there are two columns."""
SHORT = 16
"""Lines of a frame below which its last header line must have something to say."""
GAP = 2

Lines = list[list[Segment]]

SECTIONS: dict[str, Callable[[RunView, Room], Section | None]] = {
    "population": population,
    "training": training,
    "decision": sections.decision,
    "loss": loss,
    "signals": signals,
    "readings": readings,
    "detectors": lamps.detectors,
    "charts": lamps.charts,
    "synchrony": synchrony,
    "battery": sections.battery,
    "sample": sections.sample,
    "events": sections.events,
}
"""In the order of reading."""
_ASCII = str.maketrans({"…": ".", "─": "-", "·": ".", "│": "|"})


class Layout(NamedTuple):
    """Sections from the most important to the least: in one column, or in two. A tall column has
    panels where a low one has lines.
    """

    narrow: tuple[str, ...]
    narrow_tall: tuple[str, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]
    right_tall: tuple[str, ...]


PHASES = Layout(
    narrow=("population", "decision", "readings", "sample", "events"),
    narrow_tall=("population", "decision", "signals", "sample", "loss", "events", "synchrony"),
    left=("population", "loss", "events"),
    right=("decision", "signals", "sample"),
    right_tall=("decision", "detectors", "synchrony", "battery", "sample"),
)
SINGLE = Layout(
    narrow=("training", "readings", "sample", "events"),
    narrow_tall=("training", "loss", "charts", "detectors", "sample", "events"),
    left=("training", "loss", "events"),
    right=("signals", "sample"),
    right_tall=("charts", "detectors", "sample"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What fits on `width` x `height` characters."""

    view: RunView | None
    """None before the run has begun."""
    moment: Moment
    width: int
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Exactly `height` lines of `width` characters, in the terminal's encoding."""
        pen = Pen(console, options)
        for line in (*self.head(pen), *self.body(pen)):
            yield from line
            yield Segment.line()

    def head(self, pen: "Pen") -> Lines:
        """The lines that change with the clock."""
        if self.view is None:
            return pen.draw(preparing(self.moment, self.width), self.width, self.height)
        texts = header(self.view, self.moment, self.width)
        return pen.draw(texts, self.width, self.head_rows)

    @property
    def head_rows(self) -> int:
        """Lines above the sections."""
        if self.view is None:
            return self.height
        moment = self.moment
        speaks = bool(moment.standing or moment.note or moment.progress is not None)
        return min(self.height, 4 if speaks or self.height >= SHORT else 3)

    def body(self, pen: "Pen") -> Lines:
        """The lines that change with the store."""
        view, rows = self.view, self.height - self.head_rows
        if view is None or rows <= 0:
            return []
        layout = SINGLE if view.is_single else PHASES
        if self.width < WIDE:
            names = layout.narrow_tall if rows >= TALL else layout.narrow
            return pen.column(view, names, self.width, rows)
        left = self.width * 3 // 5
        right = self.width - left - GAP
        names = layout.right_tall if rows >= TALL else layout.right
        left_lines = pen.column(view, layout.left, left, rows)
        right_lines = pen.column(view, names, right, rows)
        gap = [Segment(" " * GAP)]
        return [a + gap + b for a, b in zip(left_lines, right_lines, strict=True)]


class Pen:
    """Draws texts on an exact number of characters, in the terminal's encoding."""

    def __init__(self, console: Console, options: ConsoleOptions | None = None) -> None:
        self._console = console
        self._encoding = (options or console.options).encoding
        self.ascii_only = (options or console.options).ascii_only

    def draw(self, texts: Iterable[Text], width: int, height: int) -> Lines:
        """`height` lines of `width` characters; what is too long is cut."""
        given = [text for text, _ in zip(texts, range(max(0, height)), strict=False)]
        blank = [Segment(" " * width)]
        lines = [self._line(text, width) for text in given]
        return lines + [blank] * (height - len(lines))

    def column(self, view: RunView, names: Sequence[str], width: int, rows: int) -> Lines:
        """Sections, given from the most important to the least, in the order of reading."""
        room = Room(width, rows, self.ascii_only)
        made = {name: SECTIONS[name](view, room) for name in names}
        found = {name: section for name, section in made.items() if section is not None}
        shares = share_rows(rows, [section.want for section in found.values()])
        given = dict(zip(found, shares, strict=True))
        texts: list[Text] = []
        for name in SECTIONS:
            if share := given.get(name, 0):
                body = list(found[name].draw(share - 1))[: share - 1]
                texts.append(titled(found[name].title, width))
                texts += body + [Text()] * (share - 1 - len(body))
        return self.draw(texts, width, rows)

    def _line(self, text: Text, width: int) -> list[Segment]:
        shown = fitted(text, width)
        shown.end = ""
        return [
            Segment(self._encoded(segment.text), segment.style)
            for segment in shown.render(self._console)
            if segment.text
        ]

    def _encoded(self, text: str) -> str:
        """As wide as before, in characters that the terminal has."""
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            return "".join(map(self._replaced, text.translate(_ASCII)))
        return text

    def _replaced(self, character: str) -> str:
        try:
            character.encode(self._encoding)
        except UnicodeEncodeError:
            return "?" * cell_len(character)
        return character
