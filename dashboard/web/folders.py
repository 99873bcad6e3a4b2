"""Runs that lie in folders, read where they are. Nothing in them is written."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from dashboard.web.beside import machine_in, work_in
from dashboard.web.cards import RunCard, card_of, health_of, status_of
from state.metrics_reader import MetricsReader
from state.run_folder import RunFolder
from state.run_lock import live_holder

DEPTH = 3
"""How far below a folder that was named a run may lie."""
SEARCH_SECONDS = 2.0
"""For so long the folders are not searched again."""

_UNREADABLE = (SQLAlchemyError, ValueError, TypeError, KeyError, OSError)
"""What a store raises that is torn, being made, or not written by this program."""

Stamp = tuple[tuple[int, int, int], ...]


@dataclass
class _Known:
    """A run's folder and what was read of it when its files had `stamp`."""

    folder: RunFolder
    stamp: Stamp = ()
    reader: MetricsReader | None = None
    card: RunCard | None = None
    busy: threading.Lock = field(default_factory=threading.Lock)


class FolderRuns:
    """The runs below some folders. Several threads may share it."""

    def __init__(self, roots: Sequence[Path], stale_seconds: float) -> None:
        self._roots = tuple(roots)
        self._stale_seconds = stale_seconds
        self._known: dict[Path, _Known] = {}
        self._searched_at = float("-inf")
        self._lock = threading.Lock()

    def cards(self) -> dict[str, RunCard]:
        """A card for each run that can be read, by run."""
        cards: dict[str, RunCard] = {}
        for known in self._search():
            card = self._card(known)
            if card is not None and _is_newer(card, cards.get(card.run_id)):
                cards[card.run_id] = card
        return cards

    def card(self, run_id: str) -> RunCard | None:
        """The card of one run; the one heard of last where there are copies."""
        found = self._find(run_id)
        return found[1] if found else None

    def find(self, run_id: str) -> tuple[RunFolder, MetricsReader] | None:
        """The folder of a run and its open store."""
        found = self._find(run_id)
        if found is None or found[0].reader is None:
            return None
        return found[0].folder, found[0].reader

    def mark(self, run_id: str) -> str | None:
        """A text that changes with the run's files and with whether somebody works on it."""
        for known in self._search():
            card = known.card or self._card(known)
            if card is not None and card.run_id == run_id:
                stamp = _stamp(known.folder)
                status = _status(known.folder, card.status)
                health = health_of(status, _heard_at(known.folder), self._stale_seconds)
                return f"{stamp}{status}{health}"
        return None

    def _find(self, run_id: str) -> tuple[_Known, RunCard] | None:
        found: tuple[_Known, RunCard] | None = None
        for known in self._search():
            if _is_another(known, run_id):
                continue
            card = self._card(known)
            if card is None or card.run_id != run_id:
                continue
            if found is None or _is_newer(card, found[1]):
                found = known, card
        return found

    def close(self) -> None:
        """Close every store."""
        for known in self._known.values():
            if known.reader is not None:
                known.reader.close()

    def _search(self) -> list[_Known]:
        with self._lock:
            if time.monotonic() - self._searched_at > SEARCH_SECONDS:
                found = {path for root in self._roots for path in _run_folders(root)}
                for path in self._known.keys() - found:
                    gone = self._known.pop(path)
                    if gone.reader is not None:
                        gone.reader.close()
                for path in found - self._known.keys():
                    self._known[path] = _Known(RunFolder(path))
                self._searched_at = time.monotonic()
            return [self._known[path] for path in sorted(self._known)]

    def _card(self, known: _Known) -> RunCard | None:
        with known.busy:
            stamp = _stamp(known.folder)
            if known.card is None or stamp != known.stamp:
                self._read(known, stamp)
            if known.card is None:
                return None
            status = _status(known.folder, known.card.status)
            now: dict[str, object] = {
                "status": status,
                "health": health_of(status, _heard_at(known.folder), self._stale_seconds),
                "work": work_in(known.folder),
                "machine": machine_in(known.folder),
            }
            return known.card.model_copy(update=now)

    def _read(self, known: _Known, stamp: Stamp) -> None:
        try:
            if known.reader is not None and _inode(stamp) != _inode(known.stamp):
                known.reader.close()
                known.reader = None
            if known.reader is None:
                known.reader = MetricsReader.at(known.folder.metrics_db)
            known.card = self._fresh_card(known.folder, known.reader)
        except _UNREADABLE:
            known.card = None
        known.stamp = stamp

    def _fresh_card(self, folder: RunFolder, reader: MetricsReader) -> RunCard | None:
        run = next(iter(reader.runs()), None)
        if run is None:
            return None
        return card_of(
            run,
            reader.last_point(run.run_id),
            name=folder.root.name,
            source="folder",
            status=status_of(run),
            heard_at=_heard_at(folder),
            stale_seconds=self._stale_seconds,
        )


def _run_folders(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    if (root / "metrics.db").is_file():
        yield root.resolve()
        return
    if depth == 0:
        return
    try:
        inside = sorted(entry.path for entry in os.scandir(root) if _is_folder(entry))
    except OSError:
        return
    for path in inside:
        yield from _run_folders(Path(path), depth - 1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")


def _status(folder: RunFolder, stored: str) -> str:
    """A run that nobody works on and that has not finished is stopped."""
    if stored in {"active", "stopped"}:
        return "active" if live_holder(folder.lock) is not None else "stopped"
    return stored


def _heard_at(folder: RunFolder) -> datetime | None:
    newest = max(nanoseconds for _, nanoseconds, _ in _stamp(folder))
    return datetime.fromtimestamp(newest / 1e9, UTC) if newest else None


def _stamp(folder: RunFolder) -> Stamp:
    database = folder.metrics_db
    wal = database.with_name(f"{database.name}-wal")
    return tuple(_stamp_of(path) for path in (database, wal, folder.metrics_jsonl))


def _stamp_of(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    # A reader itself makes an empty write-ahead log.
    return (status.st_ino, status.st_mtime_ns, status.st_size) if status.st_size else (0, 0, 0)


def _is_another(known: _Known, run_id: str) -> bool:
    """The folder held another run when it was read, and has the same store still."""
    is_other = known.card is not None and known.card.run_id != run_id
    return is_other and _stamp_of(known.folder.metrics_db)[0] == _inode(known.stamp)


def _inode(stamp: Stamp) -> int:
    return stamp[0][0] if stamp else 0


def _is_newer(card: RunCard, other: RunCard | None) -> bool:
    return other is None or (card.updated_at or "") > (other.updated_at or "")
