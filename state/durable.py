"""The only place that writes what must survive a crash.

Each operation announces itself before it acts, so that a test can count them, fail one, or kill
the process at the k-th (`intercepted`).
"""

import errno
import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

Operation = Literal["write", "fsync", "replace", "append", "truncate", "delete", "database commit"]
Hook = Callable[[Operation, Path], None]

_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
_hooks: list[Hook] = []


class OutOfSpace(OSError):  # noqa: N818
    """The disk is full; what was durable before is untouched."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errno = errno.ENOSPC


@contextmanager
def intercepted(hook: Hook) -> Iterator[None]:
    """Call `hook` before every durable operation of this process; it may raise or never return."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)


def announce(operation: Operation, path: Path) -> None:
    """Tell the hooks what is about to happen to `path`."""
    for hook in _hooks:
        hook(operation, path)


def write_atomically(path: Path, data: bytes) -> None:
    """Make `path` hold `data`, or, after a crash at any instant, what it held before.

    Raises:
        OutOfSpace: the disk is full; `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with _full_disk_explained(path, len(data)):
            _write_new(temporary, data)
            announce("replace", path)
            temporary.replace(path)
            fsync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def append(path: Path, data: bytes) -> None:
    """Add `data` at the end of `path` with one write; not durable before `fsync_file`.

    Raises:
        OutOfSpace: the disk is full; what went through is cut off again.
    """
    with _full_disk_explained(path, len(data)), _opened(path, os.O_APPEND) as descriptor:
        length = os.fstat(descriptor).st_size
        try:
            announce("append", path)
            _write_all(descriptor, data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, length)
            raise


def truncate(path: Path, num_bytes: int) -> None:
    """Cut `path` to its first `num_bytes`, durably."""
    announce("truncate", path)
    os.truncate(path, num_bytes)
    fsync_file(path)


def delete(path: Path) -> None:
    """Remove a file; one that is already gone is fine."""
    announce("delete", path)
    path.unlink(missing_ok=True)


def fsync_file(path: Path) -> None:
    """Force what was written to `path`, through any descriptor, to the device."""
    with _full_disk_explained(path, 0), _opened(path) as descriptor:
        announce("fsync", path)
        _fsync(descriptor)


def fsync_folder(folder: Path) -> None:
    """Force the names in `folder` to the device. File systems that cannot are left alone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        announce("fsync", folder)
        _fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def require_free(path: Path, num_bytes: int) -> None:
    """Check for `num_bytes` of free space where `path` is or will be.

    Raises:
        OutOfSpace: there is less; the message says how much is missing.
    """
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < num_bytes:
        raise OutOfSpace(
            f"{path} needs {_megabytes(num_bytes)} and its disk has {_megabytes(free)} free; "
            f"free {_megabytes(num_bytes - free)} more and resume"
        )


def remove_temporaries(folder: Path, name: str = "") -> int:
    """Delete what killed writers of `name` (or of any file) left; returns the bytes freed.

    A writer at work in `folder` would lose its file: call it only when there is none.
    """
    freed = 0
    for temporary in folder.glob(f".{name}*.tmp"):
        freed += temporary.stat().st_size
        delete(temporary)
    return freed


def _write_new(path: Path, data: bytes) -> None:
    with _opened(path, os.O_EXCL) as descriptor:
        announce("write", path)
        _write_all(descriptor, data)
        announce("fsync", path)
        _fsync(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _fsync(descriptor: int) -> None:
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


@contextmanager
def _opened(path: Path, flags: int = 0) -> Iterator[int]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _full_disk_explained(path: Path, num_bytes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK or isinstance(error, OutOfSpace):
            raise
        raise OutOfSpace(
            f"{path} could not be written, its disk is full; "
            f"free at least {_megabytes(num_bytes)} and resume"
        ) from error


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB"
