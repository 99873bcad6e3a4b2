"""How far a server has acknowledged a run: `remote.json` in the run's folder.

Servers are named by a digest of their address. Whoever writes the file, or sends to a server, holds
a byte of `remote.lock`, which the kernel gives back when its process ends.
"""

import fcntl
import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from state.base import Record
from state.durable import write_atomically

FILE = "remote.json"
LOCK = "remote.lock"
MOST_MARKS = 24
MAX_BYTES = 64 * 2**20


RowKey = Annotated[str, Field(pattern=r"^[a-z]{1,40} -?[0-9]{1,18} \[")]
"""As `row_keys` makes them; a file that came from elsewhere may hold anything."""


class Mark(Record):
    """A place in metrics.jsonl that a server has acknowledged."""

    num_bytes: int = Field(default=0, ge=0)
    """Length up to it, whole lines."""
    sha256: str = ""
    """Of the bytes just before it, so that a file that was cut and has grown again is noticed."""
    generation: int = -1
    """Of the last row before it; -1 at the beginning."""


class Cursor(Record):
    """What one server has of one run."""

    marks: tuple[Mark, ...] = Field(default=(Mark(),), min_length=1)
    """Oldest first. The last one is how far it has come, the others how far back one can go."""
    sealed_generation: int = -1
    """Small rows up to it are acknowledged and are not looked at any more."""
    sealed_event: int = -1
    """Events up to this index as well."""
    rows: dict[RowKey, str] = Field(default_factory=dict)
    """Key of a small row that is not sealed -> digest of what was acknowledged."""
    forget_after: int | None = None
    """Generation behind which the server has yet to forget; None where there is no such thing."""
    num_rows: int = 0
    """Sent and acknowledged, repetitions included."""

    @property
    def mark(self) -> Mark:
        """How far it has come."""
        return self.marks[-1]


class Cursors(Record):
    """The file."""

    version: int = 1
    run_id: str
    servers: dict[str, Cursor] = Field(default_factory=dict)


def with_mark(marks: tuple[Mark, ...], new: Mark) -> tuple[Mark, ...]:
    """One more mark; of many the older ones are thinned, so that some lie far back."""
    if new == marks[-1]:
        return marks
    marks = (*marks, new)
    if len(marks) <= MOST_MARKS:
        return marks
    old, recent = marks[: -MOST_MARKS // 3], marks[-MOST_MARKS // 3 :]
    return (*old[:1], *old[1::2], *recent)


class CursorFile:
    """The cursor of one server in a run's folder."""

    def __init__(self, folder: Path, server: str) -> None:
        self._folder, self._server = folder, server

    def read(self, run_id: str) -> Cursor:
        """Where the server stands; the beginning for another run, or where nothing can be read."""
        found = self._all(run_id)
        return found.servers.get(self._server, Cursor())

    def write(self, run_id: str, cursor: Cursor) -> None:
        """Replace it; those of other servers stay.

        Raises:
            OSError: the disk takes nothing.
        """
        pen = Seat(self._folder, "writing")
        pen.take(wait=True)
        try:
            found = self._all(run_id)
            servers = {**found.servers, self._server: cursor}
            document = Cursors(run_id=run_id, servers=servers).model_dump_json()
            write_atomically(self._folder / FILE, document.encode())
        finally:
            pen.leave()

    def _all(self, run_id: str) -> Cursors:
        path = self._folder / FILE
        try:
            if path.stat().st_size > MAX_BYTES:
                return Cursors(run_id=run_id)
            found = Cursors.model_validate_json(path.read_bytes())
        except (OSError, ValidationError, ValueError):
            return Cursors(run_id=run_id)
        begins = all(one.marks[0] == Mark() for one in found.servers.values())
        usable = found.version == 1 and found.run_id == run_id and begins
        return found if usable else Cursors(run_id=run_id)


class Seat:
    """Makes this process the only one that does what `name` says to a run, and dies with it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._place = int.from_bytes(name.encode()[:7], "big")
        self._is_taken = False

    def take(self, *, wait: bool = False) -> bool:
        """Sit down, or stay seated; False where another process sits there.

        Raises:
            OSError: the folder takes no file, or its file system has no locks.
        """
        if self._is_taken:
            return True
        flags = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
        # A folder that may not be written is no seat that is taken.
        descriptor = _descriptor(self._folder)
        try:
            fcntl.lockf(descriptor, flags, 1, self._place)
        except (BlockingIOError, PermissionError):
            return False
        self._is_taken = True
        return True

    def leave(self) -> None:
        """Make room."""
        if self._is_taken:
            fcntl.lockf(_descriptor(self._folder), fcntl.LOCK_UN, 1, self._place)
            self._is_taken = False


_descriptors: dict[Path, int] = {}


def _descriptor(folder: Path) -> int:
    """One a folder, never closed: closing any would give back all locks of the process."""
    path = (folder / LOCK).resolve()
    if path not in _descriptors:
        _descriptors[path] = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    return _descriptors[path]
