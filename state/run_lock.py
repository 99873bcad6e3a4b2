"""One writer a run folder.

The kernel's lock on the file decides and dies with its holder. The file's text says who that is,
and stands in for the kernel's lock on file systems that have none.
"""

import errno
import fcntl
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

import psutil
from pydantic import Field

from state.base import Record

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NO_KERNEL_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP})
_held: set[int] = set()


ORPHAN_SECONDS = 2.0


class InUse(ValueError):  # noqa: N818
    """A live process holds the lock."""


class LockHolder(Record):
    """Identifies one process of one boot of one machine; a process id alone is reused."""

    pid: int = Field(gt=0, lt=2**31)
    started: float
    """Seconds since the epoch, as the clock was then: to be shown."""
    ticks: int | None = None
    """Of the kernel, from boot to the process's start: no clock that is set moves them."""
    boot_id: str
    inode: int
    """Of the lock file: in a copy of the folder the text speaks of another file."""


class RunLock:
    """Context manager that makes this process the only writer of a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._pid = os.getpid()

    def __enter__(self) -> "RunLock":
        """Take the lock, or reclaim it from a process that is gone.

        Raises:
            InUse: a live process has it.
            ValueError: the file cannot be written.
        """
        descriptor = self._open()
        try:
            free = _patiently_lock(descriptor)
            holder = _read_holder(descriptor)
            if not free or (holder is not None and _is_alive(holder)):
                raise _in_use(self.path, holder)
            _write_holder(descriptor, _this_process(descriptor))
        except (OSError, ValueError):
            os.close(descriptor)
            raise
        _held.add(descriptor)
        self._descriptor = descriptor
        self._pid = os.getpid()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back. In a forked child this does nothing: the parent holds it."""
        if self._descriptor is None or self._pid != os.getpid():
            return
        os.ftruncate(self._descriptor, 0)
        _held.discard(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise ValueError(
                f"run folder {self.path.parent} cannot be locked: {error.strerror}; "
                "choose another with --run-dir"
            ) from error


def live_holder(path: Path) -> LockHolder | None:
    """The process that holds the lock at `path`, None where nobody does. Takes nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        holder = _read_holder(descriptor)
    finally:
        os.close(descriptor)
    return holder if holder is not None and _is_alive(holder) else None


def _patiently_lock(descriptor: int) -> bool:
    """Try again for a moment while the kernel's lock outlives its holder.

    A child that was forked just before the holder was killed has it until it runs.
    """
    deadline = time.monotonic() + ORPHAN_SECONDS
    while not (free := _try_lock(descriptor)):
        holder = _read_holder(descriptor)
        if holder is None or _is_alive(holder) or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return free


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_KERNEL_LOCKS:
            raise
    return True


def _read_holder(descriptor: int) -> LockHolder | None:
    try:
        holder = LockHolder.model_validate_json(os.pread(descriptor, 4096, 0))
    except ValueError:
        return None
    return holder if holder.inode == os.fstat(descriptor).st_ino else None


def _write_holder(descriptor: int, holder: LockHolder) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder.model_dump()).encode(), 0)


def _this_process(descriptor: int) -> LockHolder:
    return LockHolder(
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        ticks=_start_ticks(os.getpid()),
        boot_id=current_boot_id(),
        inode=os.fstat(descriptor).st_ino,
    )


def current_boot_id() -> str:
    """Changes with every boot of the machine."""
    if _BOOT_ID.exists():
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return f"booted-{psutil.boot_time():.0f}"


def _is_alive(holder: LockHolder) -> bool:
    if holder.boot_id != current_boot_id():
        return False
    try:
        process = psutil.Process(holder.pid)
        ticks = _start_ticks(holder.pid)
        if holder.ticks is not None and ticks is not None:
            same = ticks == holder.ticks
        else:
            same = abs(process.create_time() - holder.started) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _start_ticks(pid: int) -> int | None:
    """None where the kernel does not tell. psutil's time of a start follows the clock: it adds the
    time of the boot, which moves when the clock is set.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def _in_use(path: Path, holder: LockHolder | None) -> InUse:
    who = "another process"
    if holder is not None:
        since = datetime.fromtimestamp(holder.started, UTC).isoformat(timespec="seconds")
        who = f"process {holder.pid} (since {since})"
    return InUse(
        f"run folder {path.parent} is in use by {who}; stop it or choose another --run-dir"
    )


def _close_in_child() -> None:
    """A forked child would otherwise keep the lock after its parent's death."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)
