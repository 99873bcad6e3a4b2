"""Immutable files named by the sha256 of their content.

The name is the check: safetensors and torch both load a flipped bit without a word.
"""

import hashlib
import os
import re
from pathlib import Path

from state import durable

RESERVE_BYTES = 8_000_000
"""Left free by every object, so that the journals and the commit that names it have room."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class DamagedObject(ValueError):  # noqa: N818
    """An object's bytes are not those that its name promises."""


class MissingObject(ValueError):  # noqa: N818
    """An object is not in the store."""


class ObjectStore:
    """A folder of objects. Several processes may publish at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def publish(self, data: bytes, suffix: str = "safetensors") -> str:
        """Store `data` durably and return its sha256.

        Equal bytes are stored once; a damaged copy of them is replaced.

        Raises:
            OutOfSpace: the disk is full, or would be.
        """
        sha = hashlib.sha256(data).hexdigest()
        path = self.folder / f"{sha}.{suffix}"
        if path.exists() and path.read_bytes() == data:
            durable.fsync_folder(self.folder)
        else:
            durable.require_free(path, len(data) + RESERVE_BYTES)
            durable.write_atomically(path, data)
        return sha

    def path(self, sha: str) -> Path:
        """Where the object is, or would be.

        Raises:
            ValueError: `sha` is not a sha256.
        """
        if not _SHA256.fullmatch(sha):
            raise ValueError(f"{sha!r} is not a sha256 of 64 lower-case hex digits; check the name")
        default = self.folder / f"{sha}.safetensors"
        return default if default.exists() else next(self.folder.glob(f"{sha}.*"), default)

    def read(self, sha: str) -> bytes:
        """The object's bytes, checked.

        Raises:
            MissingObject: there is no such object.
            DamagedObject: its bytes have another sha256.
        """
        path = self.path(sha)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise _missing(path) from None
        self._require(path, sha, hashlib.sha256(data).hexdigest())
        return data

    def verify(self, sha: str, num_bytes: int) -> None:
        """Check that the object is there with this size and hash, without holding it in memory.

        Raises:
            MissingObject: there is no such object.
            DamagedObject: its size or its sha256 is another.
        """
        path = self.path(sha)
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                if size != num_bytes:
                    raise DamagedObject(
                        f"{path} has {size} bytes, the commit says {num_bytes}; "
                        "restore it from a copy or resume from the previous commit"
                    )
                self._require(path, sha, hashlib.file_digest(file, "sha256").hexdigest())
        except FileNotFoundError:
            raise _missing(path) from None

    def collect(self, reachable: set[str]) -> int:
        """Delete every object not in `reachable` and the temporary files of killed writers.

        Returns the bytes freed. Call it after a commit, while nobody publishes: an object that no
        commit names yet is unreachable.
        """
        freed = 0
        with os.scandir(self.folder) as entries:
            names = sorted(entry.name for entry in entries)
        # Thousands may be kept: each costs a look into a set, and only what goes is asked more.
        for name in names:
            sha = name.partition(".")[0]
            if sha not in reachable and _is_litter(name, sha):
                path = self.folder / name
                freed += path.stat().st_size
                durable.delete(path)
        return freed

    @staticmethod
    def _require(path: Path, expected: str, found: str) -> None:
        if found != expected:
            raise DamagedObject(
                f"{path} has sha256 {found[:12]}..., not the one in its name; "
                "restore it from a copy or resume from the previous commit"
            )


def _is_litter(name: str, sha: str) -> bool:
    """An object, or what a killed writer left."""
    left_by_a_writer = name.startswith(".") and name.endswith(".tmp")
    return left_by_a_writer or _SHA256.fullmatch(sha) is not None


def _missing(path: Path) -> MissingObject:
    return MissingObject(
        f"{path} is missing; restore it from a copy or resume from the previous commit"
    )
