"""Append-only JSON lines for tail and grep; whatever a crash tore is cut, never built upon."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import JsonValue

from state import durable


class Journal:
    """One file of JSON lines and its only writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tail_checked = False
        self._name_synced = False

    @property
    def size(self) -> int:
        """Length in bytes, 0 where there is no file."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, rows: Iterable[Mapping[str, JsonValue]]) -> None:
        """Add `rows` with one write. They are durable after `sync`.

        Raises:
            ValueError: a number is not finite.
            OutOfSpace: the disk is full; nothing was added.
        """
        data = b"".join(map(_line, rows))
        if not data:
            return
        if not self._tail_checked:
            self._cut(self.size)
        durable.append(self.path, data)

    def sync(self) -> None:
        """Force what was appended to the device."""
        if not self.path.exists():
            return
        durable.fsync_file(self.path)
        if not self._name_synced:
            durable.fsync_folder(self.path.parent)
            self._name_synced = True

    def truncate(self, num_bytes: int) -> str | None:
        """Go back to the length that a commit recorded, in whole lines.

        Returns a message where the file is shorter than that: its rows are then incomplete.
        """
        found = self.size
        self._cut(min(num_bytes, found))
        if found >= num_bytes:
            return None
        return (
            f"{self.path} has {found} bytes, the commit says {num_bytes}; its last rows are lost, "
            "the run goes on"
        )

    def _cut(self, limit: int) -> None:
        length = _whole_lines(self.path, limit)
        if length < self.size:
            durable.truncate(self.path, length)
        self._tail_checked = True


def read_journal(path: Path) -> Iterator[dict[str, JsonValue]]:
    """The rows of a journal, which may be growing; a torn last line is left out.

    Raises:
        ValueError: another line is damaged.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            yield _parsed(path, number, line)


class JournalTail:
    """Reads what a journal has gained since the last look; a line that is being written waits."""

    def __init__(self, path: Path, position: int = 0) -> None:
        """`position` is the length up to which it is known."""
        self._path, self._position = path, position

    def read(self) -> Iterator[dict[str, JsonValue]]:
        """The new rows; lines that are damaged are left out."""
        size = self._size()
        if size <= self._position:
            # A run that goes on cuts what came after its commit.
            self._position = size
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                if (row := parse_line(line)) is not None:
                    yield row

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def parse_line(line: bytes) -> dict[str, JsonValue] | None:
    """The row of one line; None where it is damaged or no JSON object."""
    with suppress(ValueError, RecursionError):
        row = json.loads(line)
        if isinstance(row, dict):
            return row
    return None


def _line(row: Mapping[str, JsonValue]) -> bytes:
    text = json.dumps(dict(row), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Of what JSON may hold, only lone surrogates cannot be encoded; \udc80 is their JSON escape.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _parsed(path: Path, number: int, line: bytes) -> dict[str, JsonValue]:
    row = parse_line(line)
    if row is not None:
        return row
    raise ValueError(
        f"{path} line {number} is damaged, every line must be a JSON object; "
        "delete the line, the metrics store has the same rows"
    )


def _whole_lines(path: Path, limit: int) -> int:
    """Greatest length up to `limit` at which a line ends."""
    if limit == 0:
        return 0
    with path.open("rb") as file:
        end = limit
        while end > 0:
            start = max(0, end - 65536)
            file.seek(start, os.SEEK_SET)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0
