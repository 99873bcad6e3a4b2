"""Frames on a terminal: only the lines that have changed are written, so that nothing flickers."""

import io
from collections import deque
from types import TracebackType
from typing import IO, Any

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment, Segments

from dashboard.terminal.view import Frame, Lines, Pen

MOST_HELD = 200
"""Lines of other people's output that are kept while a screen is shown."""
_WRAP_OFF, _WRAP_ON = "\x1b[?7l", "\x1b[?7h"


class Painter:
    """The alternate screen of a terminal. What was there before comes back at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: Lines = []
        self._size = (0, 0)
        self._drawn: Frame | None = None
        self._body: Lines = []

    def __enter__(self) -> "Painter":
        self._console.set_alt_screen(True)
        self._console.show_cursor(False)
        # A line that is too long for a window that has just shrunk must not push others down.
        self._write([_code(_WRAP_OFF)])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write([_code(_WRAP_ON)])
        self._console.show_cursor(True)
        self._console.set_alt_screen(False)

    def paint(self, frame: Frame, *, whole: bool = False) -> None:
        """Bring the screen to `frame`; `whole` also mends what others have written there."""
        size = (frame.width, frame.height)
        lines = [*frame.head(Pen(self._console)), *self._body_of(frame)]
        if size != self._size:
            # What a terminal leaves on the screen when it is resized is anybody's guess.
            self._write([Control.clear().segment])
            self._size, whole = size, True
        self._write(_patch(lines, [] if whole else self._shown))
        self._shown = lines

    def _body_of(self, frame: Frame) -> Lines:
        """Drawn again only where the store or the room has changed."""
        last = self._drawn
        if last is None or not _same_body(last, frame):
            self._body = frame.body(Pen(self._console))
            self._drawn = frame
        return self._body

    def _write(self, segments: list[Segment]) -> None:
        if segments:
            self._console.print(Segments(segments), end="", soft_wrap=True)


class HeldBack(io.TextIOBase):
    """Stands in for a stream while a screen is shown: what others print waits until it is gone."""

    encoding = "utf-8"

    def __init__(self, stream: IO[str]) -> None:
        self.rich_proxied_file = stream
        """Where a console writes that is told to write to the standard output."""
        self._held: deque[str] = deque(maxlen=MOST_HELD)
        self._open = ""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.rich_proxied_file, name)

    def write(self, text: str) -> int:
        *whole, self._open = (self._open + text).split("\n")
        self._held.extend(whole)
        return len(text)

    def flush(self) -> None:
        """Nothing is written before its time."""

    def fileno(self) -> int:
        return self.rich_proxied_file.fileno()

    def isatty(self) -> bool:
        return self.rich_proxied_file.isatty()

    def release(self) -> None:
        """Print what was held, the newest lines of it."""
        lines = [*self._held, *([self._open] if self._open else [])]
        self._held.clear()
        self._open = ""
        if lines:
            self.rich_proxied_file.write("\n".join(lines) + "\n")
            self.rich_proxied_file.flush()


def _same_body(one: Frame, other: Frame) -> bool:
    return (
        one.view is other.view
        and (one.width, one.height) == (other.width, other.height)
        and one.head_rows == other.head_rows
    )


def _patch(lines: Lines, shown: Lines) -> list[Segment]:
    """What takes a terminal from `shown` to `lines`."""
    segments: list[Segment] = []
    for row, line in enumerate(lines):
        if row >= len(shown) or shown[row] != line:
            segments += [Control.move_to(0, row).segment, *line]
    return segments


def _code(text: str) -> Segment:
    """An escape sequence that rich has no name for."""
    return Segment(text, None, [(ControlType.HOME,)])
