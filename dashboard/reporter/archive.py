"""A folder as one tar file that is never written: any part of it is made when it is asked for."""

import hashlib
import tarfile
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BLOCK_BYTES = 512
PART_BYTES = 4 * 2**20


class _Segment(NamedTuple):
    """Consecutive bytes: those given, or those of a file."""

    start: int
    num_bytes: int
    given: bytes
    file: Path | None


class Archive:
    """The files of a folder, without times and owners, so that the same files give the same bytes.

    A file that changes while it is read shows in the hash that the receiver takes.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        """The names in it begin with `prefix`.

        Raises:
            ValueError: there is no file in the folder.
        """
        files = sorted(path for path in folder.iterdir()) if folder.is_dir() else []
        files = [path for path in files if path.is_file() and not path.name.startswith(".")]
        if not files:
            raise ValueError(f"{folder} holds no model; a run exports it when it is finished")
        self._segments: list[_Segment] = []
        self.num_bytes = 0
        for path in files:
            self._add_file(path, f"{prefix}/{path.name}")
        self._add(bytes(2 * BLOCK_BYTES))
        self._starts = [one.start for one in self._segments]

    def read(self, offset: int, num_bytes: int) -> bytes:
        """At most `num_bytes` from `offset`."""
        parts = []
        for segment in self._segments[max(0, bisect_right(self._starts, offset) - 1) :]:
            if num_bytes <= 0:
                break
            within = offset - segment.start
            data = _bytes_of(segment, within, min(num_bytes, segment.num_bytes - within))
            parts.append(data)
            offset, num_bytes = offset + len(data), num_bytes - len(data)
        return b"".join(parts)

    def parts(self, offset: int = 0) -> Iterator[tuple[int, bytes]]:
        """Consecutive parts from `offset` with the place of each."""
        while data := self.read(offset, PART_BYTES):
            yield offset, data
            offset += len(data)

    def sha256(self) -> str:
        """Of everything."""
        digest = hashlib.sha256()
        for _, data in self.parts():
            digest.update(data)
        return digest.hexdigest()

    def _add_file(self, path: Path, name: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = path.stat().st_size
        self._add(entry.tobuf(tarfile.PAX_FORMAT))
        if entry.size:
            self._segments.append(_Segment(self.num_bytes, entry.size, b"", path))
            self.num_bytes += entry.size
        self._add(bytes(-entry.size % BLOCK_BYTES))

    def _add(self, data: bytes) -> None:
        if data:
            self._segments.append(_Segment(self.num_bytes, len(data), data, None))
            self.num_bytes += len(data)


def _bytes_of(segment: _Segment, start: int, num_bytes: int) -> bytes:
    if segment.file is None:
        return segment.given[start : start + num_bytes]
    with segment.file.open("rb") as file:
        file.seek(start)
        data = file.read(num_bytes)
    if len(data) < num_bytes:
        raise OSError(f"{segment.file} became shorter while it was sent")
    return data
