"""One frame: the sections arranged for the size of the terminal. A pure function of records.

Every section gets a whole number of lines; where the terminal is small, sections shrink and then
go, the population last. A frame is exactly as large as it was asked to be.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, assert_never, get_args

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.segment import Segment
from rich.text import Text

from dashboard.terminal import sections
from dashboard.terminal.population import population_table
from dashboard.terminal.snapshot import Pace, RunView
from dashboard.terminal.synchrony import phase_rows
from dashboard.terminal.training import training

WIDE = 140
TALL = 30
"""Lines under the header from which the course of the phases is shown."""
HEADER_LINES = 3

Lines = list[list[Segment]]
SectionName = Literal["population", "training", "decision", "signals", "phases", "sample", "events"]

READING_ORDER: tuple[SectionName, ...] = get_args(SectionName)


class Layout(NamedTuple):
    """Sections from the most important to the least: in one column, or in two."""

    narrow: tuple[SectionName, ...]
    left: tuple[SectionName, ...]
    right: tuple[SectionName, ...]


PHASES = Layout(
    narrow=("population", "decision", "events", "signals", "sample", "phases"),
    left=("population", "events"),
    right=("decision", "signals", "sample", "phases"),
)
SINGLE = Layout(
    narrow=("training", "sample", "events", "decision"),
    left=("training", "events"),
    right=("sample", "decision"),
)


class Want(NamedTuple):
    """Lines that a section needs to make sense, and lines that it could fill."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What fits on `width` x `height` characters."""

    view: RunView | None
    """None before the run has begun."""
    pace: Pace
    width: int
    height: int
    note: str = ""
    """Why there is no view."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Exactly `height` lines of `width` characters, in the terminal's encoding."""
        for line in self._lines(_Canvas(console, options)):
            for text, style, _ in line:
                yield Segment(
                    text.encode(options.encoding, "replace").decode(options.encoding), style
                )
            yield Segment.line()

    def _lines(self, canvas: "_Canvas") -> Lines:
        if self.view is None:
            texts = [Text("symbio-auto", style="bold"), Text("preparing ..."), Text(self.note)]
            return canvas.draw(_cut(texts), self.width, self.height)
        top = min(HEADER_LINES, self.height)
        head = _cut(sections.header(self.view, self.pace, self.width))
        return canvas.draw(head, self.width, top) + self._body(canvas, self.view, self.height - top)

    def _body(self, canvas: "_Canvas", view: RunView, rows: int) -> Lines:
        layout = SINGLE if view.is_single else PHASES
        if self.width < WIDE:
            return _column(canvas, view, layout.narrow, self.width, rows)
        left = self.width * 3 // 5
        right = self.width - left - 2
        left_lines = _column(canvas, view, layout.left, left, rows)
        right_lines = _column(canvas, view, layout.right, right, rows)
        gap = [Segment("  ")]
        return [a + gap + b for a, b in zip(left_lines, right_lines, strict=True)]


class _Canvas:
    """Draws a renderable on an exact number of characters."""

    def __init__(self, console: Console, options: ConsoleOptions) -> None:
        self._console, self._options = console, options
        self.ascii_only = options.ascii_only

    def draw(self, body: RenderableType, width: int, height: int) -> Lines:
        if height <= 0:
            return []
        return self._console.render_lines(body, self._options.update_dimensions(width, height))


def _column(
    canvas: _Canvas, view: RunView, names: Sequence[SectionName], width: int, rows: int
) -> Lines:
    """Sections, given from the most important to the least, in the order of reading."""
    names = [name for name in names if name != "phases" or (rows >= TALL and view.synchrony)]
    shares = share_rows(rows, [_want(name, view) for name in names])
    given = dict(zip(names, shares, strict=True))
    lines: Lines = []
    for name in READING_ORDER:
        if given.get(name, 0) > 0:
            body = _section(name, view, given[name] - 1, width, canvas.ascii_only)
            title = Rule(Text(name, style="bold"), align="left", style="dim")
            lines += canvas.draw(Group(title, body), width, given[name])
    return lines + canvas.draw(Text(), width, rows - len(lines))


def share_rows(rows: int, wants: Sequence[Want]) -> list[int]:
    """Lines of each section, the most important first; at most `rows` in all.

    First every section gets what it needs, as long as that fits; then what it could fill.
    """
    given, left = [], rows
    for want in wants:
        given.append(want.least if want.least <= left else 0)
        left -= given[-1]
    for i, want in enumerate(wants):
        more = min(left, want.most - want.least) if given[i] else 0
        given[i] += more
        left -= more
    return given


def _want(name: SectionName, view: RunView) -> Want:
    """With the title's line."""
    match name:
        case "population":
            return Want(4, max(4, len(view.members) + 2))
        case "training":
            return Want(4, 8)
        case "decision":
            return Want(3, 5)
        case "signals":
            return Want(3, 5)
        case "phases":
            return Want(min(8, len(view.synchrony) + 2), len(view.synchrony) + 2)
        case "sample":
            return Want(3, 9)
        case "events":
            return Want(3, 200)
        case _:
            assert_never(name)


def _section(
    name: SectionName, view: RunView, rows: int, width: int, ascii_only: bool
) -> RenderableType:
    match name:
        case "population":
            return population_table(view.members, rows, width)
        case "training":
            return _cut(training(view, width, ascii_only=ascii_only))
        case "decision":
            return Group(*sections.decision(view))
        case "signals":
            return _cut(sections.signals(view, width, ascii_only=ascii_only))
        case "phases":
            return _cut(phase_rows(view, rows, width, ascii_only=ascii_only))
        case "sample":
            return sections.sample(view)
        case "events":
            return _cut(sections.events(view, rows))
        case _:
            assert_never(name)


def _cut(texts: Iterable[Text]) -> Group:
    """Each text on one line, cut where the terminal ends."""
    shown = []
    for text in texts:
        line = text.copy()
        line.no_wrap, line.overflow = True, "ellipsis"
        shown.append(line)
    return Group(*shown)
