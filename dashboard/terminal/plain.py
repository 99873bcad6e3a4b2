"""Line logs where there is no terminal: every event once, one line each."""

import sys
import threading
from pathlib import Path
from typing import TextIO

from dashboard.terminal.event_lines import plain_line
from dashboard.terminal.live import STOP_TIMEOUT_SECONDS, log_end_of_view
from dashboard.terminal.run_reader import RunReader
from state.run_folder import RunFolder
from state.store_rows import StoredEvent

INTERVAL_SECONDS = 0.5


class PlainView:
    """Prints the events of the run in `run_folder` as they come, after the last 60 before `start`.

    Same use as `LiveView`: a thread of its own, and an error ends the view only.
    """

    def __init__(self, run_folder: Path, stream: TextIO | None = None) -> None:
        self._folder = RunFolder(run_folder)
        self._stream = stream or sys.stdout
        self._stopped = threading.Event()
        self._next_index = 0
        self._thread = threading.Thread(target=self._show, name="line log", daemon=True)

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def stop(self) -> None:
        """Print what is left and end."""
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
                while not self._stopped.wait(INTERVAL_SECONDS):
                    self._print(reader)
                self._print(reader)
        # The border: no fault of the view may reach the run.
        except Exception as error:  # noqa: BLE001
            log_end_of_view(self._folder, error)

    def _print(self, reader: RunReader) -> None:
        view = reader.read()
        for event in view.events if view else ():
            self._print_once(event)

    def _print_once(self, event: StoredEvent) -> None:
        if event.index >= self._next_index:
            self._stream.write(f"{plain_line(event)}\n")
            self._stream.flush()
            self._next_index = event.index + 1
