"""How far a command without a run folder of its own has come, on the terminal's error stream."""

import sys
from typing import TextIO

CLEAR = "\r\x1b[K"


class Progress:
    """One line that replaces itself; nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.visible = self.stream.isatty()

    def show(self, what: str, done: int, total: int) -> None:
        """`what`, of which so many parts are done."""
        if self.visible:
            self.stream.write(f"{CLEAR}{what} ({done + 1} of {total})")
            self.stream.flush()

    def clear(self) -> None:
        """Leave the line empty."""
        if self.visible:
            self.stream.write(CLEAR)
            self.stream.flush()
