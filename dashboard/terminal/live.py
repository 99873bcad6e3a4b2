"""The live view of a run, in a thread of its own. Whatever happens to it, the run goes on."""

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.live import Live

from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.snapshot import Pace, RunView
from dashboard.terminal.view import Frame
from state.run_folder import RunFolder

INTERVAL_SECONDS = 0.5
STOP_TIMEOUT_SECONDS = 5.0


class LiveView:
    """Draws the run in `run_folder` until `stop`, or until an error, which goes to its log.

    The terminal's own content comes back at the end. Print only before `start` or after `stop`.
    """

    def __init__(self, run_folder: Path, console: Console | None = None) -> None:
        self._folder = RunFolder(run_folder)
        self._console = console or Console()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._show, name="terminal view", daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def stop(self) -> None:
        """Draw a last time and give the terminal back; a view that has ended is left alone."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_SECONDS)

    @property
    def running(self) -> bool:
        """The view has not ended."""
        return self._thread.is_alive()

    def _show(self) -> None:
        try:
            with RunReader(self._folder) as reader:
                self._draw(reader)
        # The border: no fault of the view may reach the run. rich exits on a broken pipe.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            log_end_of_view(self._folder, error)

    def _draw(self, reader: RunReader) -> None:
        stopwatch = Stopwatch()
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            while True:
                width, height = self._console.size
                view = reader.read()
                pace = stopwatch.pace(view)
                live.update(Frame(view, pace, width, height, reader.note), refresh=True)
                if self._stopped.wait(INTERVAL_SECONDS):
                    return


class Stopwatch:
    """Time and steps since the first look at a run."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._first_spent: int | None = None

    def pace(self, view: RunView | None) -> Pace:
        """How far the run has come since then."""
        seconds = time.monotonic() - self._begun
        if view is None:
            return Pace(seconds, 0)
        if self._first_spent is None:
            self._first_spent = view.spent
        return Pace(seconds, max(0, view.spent - self._first_spent))


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
