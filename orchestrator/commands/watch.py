"""`symbio-auto watch RUN`: the view of a run that another terminal, or nobody, works on."""

import argparse
import time
from collections.abc import Mapping

from pydantic import JsonValue

from orchestrator.commands.keys import Keys
from orchestrator.commands.progress_shown import Lines
from orchestrator.commands.status import print_status
from orchestrator.commands.train_run import is_terminal, print_event
from orchestrator.commands.verdict import print_verdict
from orchestrator.run_process import process_of
from state.commit import load_commit
from state.journal import JournalTail
from state.pasted import pasted
from state.progress import ProgressFile
from state.run_folder import RunFolder

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 10.0
"""For a run that is being made ready, between its last sign of that and its first commit, and for
the report of one that has just ended.
"""
ROWS_OF_STATUS = 18
"""What is printed under the last frame of a stopped run."""
HINT = "q leaves, the run goes on"


def run(arguments: argparse.Namespace) -> int:
    """Show the run until its process leaves; at once where there is none."""
    folder = RunFolder.from_argument(arguments.run)
    if not _is_worked_on(folder):
        load_commit(folder, verify_objects=False)
    finished = _is_finished(folder)
    screen = not arguments.plain and is_terminal()
    try:
        left = _show(folder) if screen else _print_lines(folder)
    except KeyboardInterrupt:
        left = True
    if left:
        # The viewer leaves, the run does not.
        _print_leaving(folder)
        return 0
    if not finished and _is_finished(folder):
        await_report(folder)
    _print_end(folder, screen=screen)
    return 0


def _show(folder: RunFolder) -> bool:
    """The live view while somebody works on the run; True where the viewer left first."""
    if not _is_worked_on(folder):
        return False
    from dashboard.terminal.live import LiveView

    view = LiveView(folder.root, hint=HINT, standing=lambda: _standing(folder))
    with Keys() as keys:
        view.start()
        try:
            return _leaves(folder, keys)
        finally:
            view.stop()


def _leaves(folder: RunFolder, keys: Keys) -> bool:
    """Wait for the viewer, who leaves first (True), or for the process."""
    seen = time.monotonic()
    while True:
        if keys.wait(POLL_SECONDS) in {"q", "Q", "\x03"}:
            return True
        now = time.monotonic()
        if _is_worked_on(folder):
            seen = now
        elif folder.state.exists() or now - seen > PATIENCE_SECONDS:
            return False


def _is_finished(folder: RunFolder) -> bool:
    if not folder.state.exists():
        return False
    return load_commit(folder, verify_objects=False).record.summary.get("status") == "finished"


def _is_worked_on(folder: RunFolder) -> bool:
    """A process has the run, or is making it ready."""
    if process_of(folder) is not None:
        return True
    return not folder.state.exists() and ProgressFile(folder.progress).read() is not None


def _standing(folder: RunFolder) -> str:
    """Why nobody works on the run, while its process waits; nothing where somebody does."""
    process = process_of(folder)
    if process is None or not process.paused:
        return ""
    return f"paused; go on with: symbio-auto resume {pasted(folder.root)}"


def _print_leaving(folder: RunFolder) -> None:
    process = process_of(folder)
    if process is None:
        print(f"nobody works on run {folder.root} any more")
        return
    state = "waits, paused" if process.paused else "goes on"
    print(f"run {folder.root} {state}, process {process.pid}")
    print(f"look again with: symbio-auto watch {pasted(folder.root)}")


def _print_end(folder: RunFolder, *, screen: bool) -> None:
    """What the run came to, or where it stopped and how it goes on."""
    record = load_commit(folder, verify_objects=False).record
    if record.summary.get("status") == "finished":
        if screen:
            print_verdict(folder, record, lambda below: _print_frame(folder, below))
            return
        print_verdict(folder, record)
    elif process_of(folder) is None:
        if screen:
            _print_frame(folder, ROWS_OF_STATUS, standing="stopped")
        print(f"run {folder.root} is stopped: nobody works on it")
    print_status(folder, record, process_of(folder))


def await_report(folder: RunFolder) -> None:
    """Who finishes a run gives its lock back, and writes the report after that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not folder.report_markdown.is_file() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def _print_frame(folder: RunFolder, below: int, standing: str = "") -> None:
    """The last state of the run, if the terminal has room for it above what comes after it."""
    from dashboard.terminal.still import print_frame

    print_frame(folder.root, below=below, standing=standing)


def _print_lines(folder: RunFolder) -> bool:
    """The log so far, and its lines as they come, until the process leaves."""
    log, lines, file = JournalTail(folder.log), Lines(), ProgressFile(folder.progress)
    while True:
        alive, progress = _is_worked_on(folder), file.read()
        for row in log.read():
            print_event(*_event(row))
        if alive and progress is not None:
            lines.write(progress)
        if not alive:
            return False
        time.sleep(POLL_SECONDS)


def _event(row: Mapping[str, JsonValue]) -> tuple[str, dict[str, JsonValue]]:
    data = {name: value for name, value in row.items() if name not in {"at", "kind"}}
    return str(row.get("kind")), data
