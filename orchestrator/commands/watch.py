"""`symbio-auto watch RUN`: the view of a run that another terminal, or nobody, works on."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue

from orchestrator.commands.status import print_status
from orchestrator.commands.train_run import Screen, is_terminal, print_event
from orchestrator.run_process import process_of
from state.commit import load_commit
from state.journal import parse_line
from state.run_folder import RunFolder

POLL_SECONDS = 0.5


def run(arguments: argparse.Namespace) -> int:
    """Show the run until its process leaves; at once where there is none."""
    folder = RunFolder.from_argument(arguments.run)
    load_commit(folder, verify_objects=False)
    try:
        if arguments.plain or not is_terminal():
            _print_lines(folder)
        else:
            _show(folder)
    except KeyboardInterrupt:
        # The viewer leaves, the run does not.
        return 0
    print_status(folder, load_commit(folder, verify_objects=False).record, process_of(folder))
    return 0


def _show(folder: RunFolder) -> None:
    with Screen(folder):
        while process_of(folder) is not None:
            time.sleep(POLL_SECONDS)


def _print_lines(folder: RunFolder) -> None:
    """The log so far, and its lines as they come."""
    log = LogLines(folder.log)
    while True:
        alive = process_of(folder) is not None
        for kind, data in log.read():
            print_event(kind, data)
        if not alive:
            return
        time.sleep(POLL_SECONDS)


class LogLines:
    """Reads what a log has gained since the last look; a line that is being written waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def read(self) -> Iterator[tuple[str, dict[str, JsonValue]]]:
        """The new events, (kind, data); lines that are damaged are left out."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                if (event := _event(line)) is not None:
                    yield event


def _event(line: bytes) -> tuple[str, dict[str, JsonValue]] | None:
    row = parse_line(line)
    if row is None:
        return None
    data = {name: value for name, value in row.items() if name not in {"at", "kind"}}
    return str(row.get("kind")), data
