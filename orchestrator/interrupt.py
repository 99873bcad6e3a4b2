"""Signals: stop, leave at once, pause, go on.

SIGINT (Ctrl-C) and SIGTERM ask for a clean stop, a second one leaves at once. SIGTERM is also what
a machine sends that is about to be taken away, so it bounds how long the clean stop may take.
SIGUSR1 pauses, SIGCONT goes on.
"""

import os
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

GRACE_SECONDS = 20.0
UNWIND_SECONDS = 5.0
POLL_SECONDS = 0.2

PAUSE = signal.SIGUSR1
GO_ON = signal.SIGCONT

Handler = Callable[[int, FrameType | None], None]


class LeftAtOnce(KeyboardInterrupt):
    """Running tasks were not waited for; the last commit is whole."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


class Interrupt:
    """Handlers that only set flags, until there is no more time for that."""

    def __init__(self, *, grace_seconds: float = GRACE_SECONDS, last_words: str = "") -> None:
        """`last_words` are written when even unwinding takes too long after SIGTERM."""
        self.signal: signal.Signals | None = None
        self.pausing = False
        self._grace_seconds = grace_seconds
        self._last_words = last_words
        self._unwinding = False
        self._previous: dict[signal.Signals, object] = {}

    @property
    def requested(self) -> bool:
        """A stop was asked for."""
        return self.signal is not None

    @property
    def wanted(self) -> bool:
        """Nothing new should be started: a stop or a pause was asked for."""
        return self.requested or self.pausing

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for SIGTERM, 0 without a signal."""
        return 128 + self.signal if self.signal else 0

    def install(self) -> None:
        """Set the handlers. Again after Ray has started, which replaces some."""
        handlers: dict[signal.Signals, Handler] = {
            signal.SIGINT: self._stop,
            signal.SIGTERM: self._stop,
            PAUSE: self._pause,
            GO_ON: self._go_on,
            signal.SIGALRM: self._out_of_time,
        }
        for number, handler in handlers.items():
            previous = signal.signal(number, handler)
            self._previous.setdefault(number, previous)

    def wait_while_paused(self) -> bool:
        """Return once the run goes on (True) or is to stop."""
        while self.pausing and not self.requested:
            time.sleep(POLL_SECONDS)
        return not self.requested

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.signal == signal.SIGTERM:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if isinstance(error, KeyboardInterrupt) and self.requested:
            raise LeftAtOnce(self.exit_code) from error

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)
        if self.signal == signal.SIGTERM:
            signal.setitimer(signal.ITIMER_REAL, self._grace_seconds, UNWIND_SECONDS)

    def _pause(self, _number: int, _frame: FrameType | None) -> None:
        self.pausing = True

    def _go_on(self, _number: int, _frame: FrameType | None) -> None:
        self.pausing = False

    def _out_of_time(self, _number: int, _frame: FrameType | None) -> None:
        """The first alarm unwinds the program, the next one does without."""
        if not self._unwinding:
            self._unwinding = True
            raise KeyboardInterrupt
        os.write(2, self._last_words.encode())
        os._exit(self.exit_code)
