"""The live view of a run, in a thread of its own. Whatever happens to it, the run goes on."""

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from dashboard.terminal.moment import Moment
from dashboard.terminal.painter import HeldBack, Painter
from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.view import Frame
from state.progress import Progress, ProgressFile
from state.run_folder import RunFolder

INTERVAL_SECONDS = 0.5
MEND_SECONDS = 10.0
"""Between two times that the whole screen is written, also where nothing has changed."""
REST = 50.0
"""After a look at the store the view rests for so many times what that took: with what the clock
costs it stays under a fiftieth of a core, however large the run.
"""
STOP_TIMEOUT_SECONDS = 5.0
OWN_HINT = "Ctrl-C commits and stops"


def nothing() -> str:
    """Somebody works on the run."""
    return ""


class LiveView:
    """Draws the run in `run_folder` until `stop`, or until an error, which goes to its log.

    The terminal's own content comes back at the end, and after it what was printed meanwhile.
    """

    def __init__(
        self,
        run_folder: Path,
        console: Console | None = None,
        *,
        hint: str = OWN_HINT,
        standing: Callable[[], str] = nothing,
    ) -> None:
        """`standing` says why nobody works on the run now, and what to do about it."""
        self._folder = RunFolder(run_folder)
        self._console = console or Console()
        self._hint, self._standing = hint, standing
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._show, name="terminal view", daemon=True)
        self._held: tuple[HeldBack, HeldBack] | None = None

    def start(self) -> None:
        """Begin to draw."""
        if self._console.file is sys.stdout:
            self._held = HeldBack(sys.stdout), HeldBack(sys.stderr)
            sys.stdout, sys.stderr = self._held
        self._thread.start()

    def stop(self) -> None:
        """Draw a last time and give the terminal back; a view that has ended is left alone."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_SECONDS)
        self._release()

    @property
    def running(self) -> bool:
        """The view has not ended."""
        return self._thread.is_alive()

    def _show(self) -> None:
        try:
            if not self._console.is_dumb_terminal:
                with RunReader(self._folder) as reader, Painter(self._console) as painter:
                    self._draw(reader, painter)
        # The border: no fault of the view may reach the run. rich exits on a broken pipe.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            log_end_of_view(self._folder, error)
            self._release()

    def _draw(self, reader: RunReader, painter: Painter) -> None:
        progress = ProgressFile(self._folder.progress)
        next_look, mended = 0.0, time.monotonic()
        last: Frame | None = None
        while True:
            stopping, now = self._stopped.is_set(), time.monotonic()
            begun, looks = time.thread_time(), now >= next_look or stopping
            view = reader.read() if looks else reader.view
            moment = self._moment(reader, progress.read())
            frame = Frame(view, moment, *self._console.size)
            mends = now - mended >= MEND_SECONDS
            if mends or frame != last:
                painter.paint(frame, whole=mends)
                last, mended = frame, now if mends else mended
            if stopping:
                return
            if looks:
                next_look = now + REST * (time.thread_time() - begun)
            self._stopped.wait(INTERVAL_SECONDS)

    def _moment(self, reader: RunReader, progress: Progress | None) -> Moment:
        now, standing = datetime.now(UTC), self._standing()
        elapsed, eta = reader.times(time.monotonic(), now, working=not standing)
        return Moment(
            elapsed=elapsed and round(elapsed),
            eta=None if eta is None else round(eta),
            progress=progress,
            progress_left=progress_left(progress, now),
            cost=reader.cost(now),
            standing=standing,
            hint=self._hint,
            note=reader.note,
        )

    def _release(self) -> None:
        """Give the streams back to whoever prints, once."""
        held, self._held = self._held, None
        if held is not None:
            sys.stdout, sys.stderr = (one.rich_proxied_file for one in held)
            for one in held:
                one.release()


def progress_left(progress: Progress | None, now: datetime) -> float | None:
    """Whole seconds to the end of the work under way."""
    left = progress.seconds_left(now) if progress is not None else None
    return None if left is None else round(left)


def log_end_of_view(folder: RunFolder, error: BaseException) -> None:
    """One line in the run's log; nothing where even that cannot be written."""
    reason = " ".join(str(error).split())[:300]
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "kind": "view_ended",
        "error": f"{type(error).__name__}: {reason}",
    }
    try:
        with folder.log.open("a", encoding="utf-8") as log:
            log.write(f"{json.dumps(line)}\n")
    except OSError:
        return
