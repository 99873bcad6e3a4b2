"""Moving files by their hash: small ones many in a stream, large ones alone and gone on with.

What has come lies under its hash in a folder of its own on the receiving side, until it is put in
place. A transfer that broke is begun again with whatever is still missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from deploy.remote import far_side
from deploy.remote.far_program import INCOMING, FarDiskFull, FarProgram, make_folder

SMALL_BYTES = 1 << 20
"""Files up to here travel in streams."""
STREAM_BYTES = 1 << 24
PIECE_BYTES = 1 << 18


class FileHere(NamedTuple):
    """A file of this side, as it is to be on the other."""

    path: str
    """Below the root."""
    num_bytes: int
    program: bool
    sha256: str
    source: Path | bytes

    def read(self) -> bytes:
        """Its content."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


class FileThere(NamedTuple):
    """A file of the far side."""

    path: str
    num_bytes: int
    program: bool
    sha256: str


def bring(
    far: FarProgram, files: Iterable[FileHere], waiting: Mapping[str, int] | None = None
) -> None:
    """Send what has not come yet, over the connection as it is: call it again when that breaks.

    `waiting` is what has come, where that is known.

    Raises:
        FarDiskFull: there is no room left.
    """
    if waiting is None:
        waiting = far.ask("waiting")
    missing = {one.sha256: one for one in files if one.sha256 not in waiting}
    large = [one for one in missing.values() if one.num_bytes > SMALL_BYTES]
    small = [one for one in missing.values() if one.num_bytes <= SMALL_BYTES]
    for batch in _batches(small):
        listed: list[JsonValue] = [[one.sha256, one.num_bytes] for one in batch]
        content = b"".join(one.read() for one in batch)
        far.once("receive", ".", content, {"files": listed})
    for one in large:
        _append(far, one, waiting.get(f"{one.sha256}.part", 0))
        far.once("arrived", ".", b"", {"sha": one.sha256})


def fetch(far: FarProgram, root: str, files: Mapping[str, FileThere], incoming: Path) -> None:
    """Take in what has not come yet, by hash. See `bring`.

    What is not what was listed is not kept.
    """
    missing = [one for sha, one in files.items() if not (incoming / sha).exists()]
    parts = [incoming / f"{one.sha256}.part" for one in missing]
    starts = [part.stat().st_size if part.exists() else 0 for part in parts]
    listed: list[JsonValue] = [
        [one.path, start, one.num_bytes] for one, start in zip(missing, starts, strict=True)
    ]
    with closing(far.stream("send", root, {"files": listed})) as stream:
        for one, part, start in zip(missing, parts, starts, strict=True):
            with part.open("ab") as out:
                while (left := one.num_bytes - start) and (piece := stream.read(left)):
                    start += out.write(piece)
            far_side.arrived(incoming, one.sha256)


def _append(far: FarProgram, one: FileHere, num_bytes: int) -> None:
    """Send the file from its byte `num_bytes` on."""
    assert isinstance(one.source, Path)
    target = far.at(f"{INCOMING}/{one.sha256}.part")
    sftp = far.connection.sftp()
    make_folder(sftp, far.at(INCOMING))
    try:
        with one.source.open("rb") as source, sftp.open(target, "ab" if num_bytes else "wb") as out:
            out.set_pipelined(True)
            source.seek(num_bytes)
            while piece := source.read(PIECE_BYTES):
                out.write(piece)
            # Nobody says whether the last pieces were written; what comes after them is answered.
            if out.stat().st_size != one.num_bytes:
                raise OSError(f"{target} is not as long as {one.source}")
    except OSError as error:
        # SFTP has no name for a full disk; it only says that it failed.
        if far.connection.is_up() and far.ask("free")["free"] < PIECE_BYTES:
            raise FarDiskFull(str(error)) from error
        raise


def _batches(files: list[FileHere]) -> Iterator[list[FileHere]]:
    batch: list[FileHere] = []
    for one in files:
        if batch and sum(other.num_bytes for other in batch) + one.num_bytes > STREAM_BYTES:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch
