"""Checkpoints that runs send: in parts, resumable, kept under names that the server chooses."""

import secrets
import threading
from collections import defaultdict
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from dashboard.web.ingest.writer import Writer
from state import durable
from state.metrics_reader import MetricsReader
from state.stored_run import StoredCheckpoint
from state.wire_cells import clean_text


class WrongPlace(ValueError):  # noqa: N818
    """A part does not continue where the last one ended; `received` says where that is."""

    def __init__(self, received: int) -> None:
        """`received` is the number of bytes that are there."""
        super().__init__(f"{received} bytes are there; go on behind them")
        self.received = received


class UnknownUpload(LookupError):  # noqa: N818
    """Nobody has announced this checkpoint, or it is not complete."""


class Unacceptable(ValueError):  # noqa: N818
    """What is sent is not what was announced, or too much."""


class Uploads:
    """The folder of checkpoints and what the store says of them."""

    def __init__(self, folder: Path, reader: MetricsReader, writer: Writer, max_bytes: int) -> None:
        self._folder = folder
        self._reader = reader
        self._writer = writer
        self._max_bytes = max_bytes
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def announce(
        self, run_id: str, sha256: str, step: int | None, name: str | None, num_bytes: int
    ) -> tuple[StoredCheckpoint, int]:
        """Begin an upload, or find how far it has come: (checkpoint, bytes that are there).

        Raises:
            Unacceptable: it is too large, or was announced with another size.
        """
        if num_bytes > self._max_bytes:
            raise Unacceptable(
                f"{num_bytes} bytes are more than the {self._max_bytes} of a checkpoint"
            )
        with self._locks[sha256]:
            known = self._find(run_id, sha256)
            if known is None:
                known = StoredCheckpoint(
                    run_id=run_id,
                    sha256=sha256,
                    step=step,
                    name=name,
                    bytes=num_bytes,
                    uploaded_at=None,
                    complete=False,
                    file=secrets.token_hex(16),
                )
                self._writer.record_checkpoint(known)
            elif known.bytes != num_bytes:
                raise Unacceptable(f"it was announced with {known.bytes} bytes, not {num_bytes}")
            return known, self._received(known)

    def append(
        self, run_id: str, sha256: str, offset: int, data: bytes
    ) -> tuple[StoredCheckpoint, int]:
        """Write a part; the last one completes the checkpoint: (checkpoint, bytes there).

        A part that is there already, at its place, changes nothing.

        Raises:
            UnknownUpload: nobody has announced it.
            WrongPlace: it does not continue what is there.
            Unacceptable: it goes beyond the end, or the whole has another hash.
        """
        with self._locks[sha256]:
            known = self._find(run_id, sha256)
            if known is None:
                raise UnknownUpload(sha256)
            received = self._received(known)
            if offset + len(data) > known.bytes:
                raise Unacceptable(f"the part goes beyond the {known.bytes} bytes announced")
            if offset + len(data) <= received:
                return known, received
            if offset != received:
                raise WrongPlace(received)
            self._write(known, data)
            received += len(data)
            return (self._completed(known) if received == known.bytes else known), received

    def path(self, run_id: str, sha256: str) -> tuple[StoredCheckpoint, Path]:
        """A complete checkpoint and its file.

        Raises:
            UnknownUpload: there is none.
        """
        known = self._find(run_id, sha256)
        if known is None or not known.complete:
            raise UnknownUpload(sha256)
        path = self._folder / known.file
        if not path.is_file():
            raise UnknownUpload(sha256)
        return known, path

    def _find(self, run_id: str, sha256: str) -> StoredCheckpoint | None:
        if clean_text(run_id) != run_id:
            return None
        found = (one for one in self._reader.checkpoints(run_id) if one.sha256 == sha256)
        return next(found, None)

    def _part(self, known: StoredCheckpoint) -> Path:
        return self._folder / f"{known.file}.part"

    def _received(self, known: StoredCheckpoint) -> int:
        if known.complete:
            return known.bytes
        part = self._part(known)
        return part.stat().st_size if part.exists() else 0

    def _write(self, known: StoredCheckpoint, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        durable.append(self._part(known), data)

    def _completed(self, known: StoredCheckpoint) -> StoredCheckpoint:
        part = self._part(known)
        with part.open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
        if found != known.sha256:
            part.unlink()
            raise Unacceptable(f"what was sent has the hash {found}; send it again from the start")
        durable.fsync_file(part)
        part.replace(self._folder / known.file)
        durable.fsync_folder(self._folder)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        complete = known.model_copy(update={"complete": True, "uploaded_at": now})
        self._writer.record_checkpoint(complete)
        return complete
