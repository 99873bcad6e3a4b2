"""Whether the run that is reported still goes on, and how it ended."""

import os
import select
import time
from typing import Literal, Protocol

from state.commit import load_commit
from state.run_folder import RunFolder
from state.run_lock import live_holder

Ending = Literal["finished", "stopped", "died"]
"""To its end; left in order, to be resumed; gone without a word."""
FAREWELL = b"bye\n"
"""What a run's process writes when it leaves in order."""


class Watch(Protocol):
    """Looks after the process of a run."""

    def wait(self, seconds: float) -> bool:
        """Sleep, but not longer than the run goes on; True once it does not."""

    def left_in_order(self) -> bool:
        """The process had the time to say so."""


class PipeWatch:
    """The run's process holds the other end of a pipe, which the kernel closes with it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._heard = b""
        self._parent = os.getppid()

    def wait(self, seconds: float) -> bool:
        """Sleep at most `seconds`; True once the process is gone or takes its leave."""
        if self._heard.endswith(FAREWELL):
            return True
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if ready:
            data = os.read(self._descriptor, 64)
            self._heard = (self._heard + data)[-64:]
            return not data or self._heard.endswith(FAREWELL)
        # Somebody else may have inherited the pipe's other end.
        return os.getppid() != self._parent

    def left_in_order(self) -> bool:
        """It said so."""
        return self._heard.endswith(FAREWELL)


class LockWatch:
    """For a run that was found: the process that holds its lock."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.lock

    def wait(self, seconds: float) -> bool:
        """Sleep at most `seconds`; True once nobody holds the lock."""
        if live_holder(self._path) is None:
            return True
        time.sleep(seconds)
        return False

    def left_in_order(self) -> bool:
        """Whoever gives the lock back empties its file."""
        try:
            return self._path.stat().st_size == 0
        except OSError:
            return True


def is_finished(folder: RunFolder) -> bool:
    """The newest commit says that the run came to its end."""
    try:
        record = load_commit(folder, verify_objects=False).record
    except ValueError:
        return False
    return record.summary.get("status") == "finished"


def ending_of(folder: RunFolder, watch: Watch) -> Ending:
    """How a run ended that does not go on."""
    if is_finished(folder):
        return "finished"
    return "stopped" if watch.left_in_order() else "died"


def status_of(folder: RunFolder) -> str:
    """What the run's row is to say of a run that is not watched."""
    if live_holder(folder.lock) is not None:
        return "active"
    return ending_of(folder, LockWatch(folder))
