"""Single keys from a terminal, without a return after them and without an echo."""

import os
import select
import sys
import time
from types import TracebackType
from typing import Any, Self


class Keys:
    """Reads what is typed while it is open; where nobody can type it only waits."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        self._descriptor = -1

    def __enter__(self) -> Self:
        if sys.stdin is not None and sys.stdin.isatty():
            # Not everywhere where this program is imported there are terminals.
            import termios
            import tty

            self._descriptor = sys.stdin.fileno()
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._before = None

    def wait(self, seconds: float) -> str:
        """What was typed within `seconds`, at most one character; "" where nothing was."""
        if self._before is None:
            time.sleep(seconds)
            return ""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return ""
        typed = os.read(self._descriptor, 1)
        if not typed:
            # The terminal is gone.
            time.sleep(seconds)
        return typed.decode("ascii", "ignore")
