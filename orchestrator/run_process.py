"""The process that works on a run, as another terminal finds it: who it is, and signals to it."""

import signal
from datetime import UTC, datetime
from itertools import takewhile

import psutil

from orchestrator.interrupt import GO_ON, PAUSE
from state.base import Record
from state.commit import load_commit
from state.journal import parse_line
from state.pasted import pasted
from state.run_folder import RunFolder
from state.run_lock import live_holder

TAIL_BYTES = 64 * 1024


class RunProcess(Record):
    """A live process that holds a run's lock."""

    pid: int
    since: datetime
    paused: bool
    """It waits, or it is suspended, until somebody lets it go on."""


def process_of(folder: RunFolder) -> RunProcess | None:
    """The process that holds the run; None where nobody does."""
    holder = live_holder(folder.lock)
    if holder is None:
        return None
    since = datetime.fromtimestamp(holder.started, UTC)
    paused = _waits(folder) or _is_suspended(holder.pid)
    return RunProcess(pid=holder.pid, since=since, paused=paused)


def resume_line(folder: RunFolder) -> str:
    """What every exit of a run ends with."""
    return f"resume with: symbio-auto --resume {pasted(folder.state)}"


def require_process(folder: RunFolder, verb: str) -> RunProcess:
    """The process to `verb`.

    Raises:
        ValueError: nobody works on the run, or there is none.
    """
    process = process_of(folder)
    if process is not None:
        return process
    status = load_commit(folder, verify_objects=False).record.summary.get("status")
    way = "it is finished" if status == "finished" else resume_line(folder)
    raise ValueError(f"no process works on run {folder.root}, there is nothing to {verb}; {way}")


def ask_to_stop(folder: RunFolder, process: RunProcess) -> None:
    """What Ctrl-C asks in its own terminal; a suspended process hears it once it is woken."""
    _send(folder, process, signal.SIGINT)
    _send(folder, process, GO_ON)


def ask_to_pause(folder: RunFolder, process: RunProcess) -> None:
    """Ask it to commit, to give its workers back and to wait."""
    _send(folder, process, PAUSE)


def let_go_on(folder: RunFolder, process: RunProcess) -> None:
    """End a pause or a suspension."""
    _send(folder, process, GO_ON)


def _send(folder: RunFolder, process: RunProcess, number: signal.Signals) -> None:
    """Only if the process id still belongs to who took the lock, on this boot.

    Raises:
        ValueError: the process belongs to somebody else.
    """
    holder = live_holder(folder.lock)
    if holder is None or holder.pid != process.pid:
        return
    try:
        psutil.Process(holder.pid).send_signal(number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise ValueError(
            f"process {holder.pid} belongs to another user, only they may signal it; "
            "ask them, or use their account"
        ) from error


def _waits(folder: RunFolder) -> bool:
    """A process that pauses says so in the log, and says nothing more until it goes on."""
    kinds = list(takewhile(lambda kind: kind != "went_on", _last_kinds(folder)))
    begun = next((kind for kind in kinds if kind in {"paused", "started", "resumed"}), None)
    return begun == "paused"


def _last_kinds(folder: RunFolder) -> list[str]:
    """The kinds of the log's last events, the newest first."""
    try:
        with folder.log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return []
    rows = (parse_line(line) for line in reversed(lines))
    return [str(row.get("kind")) for row in rows if row is not None]


def _is_suspended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
