"""Reads a run's store again whenever it has changed on disk."""

from dataclasses import replace
from pathlib import Path
from types import TracebackType

from dashboard.terminal.slowness import SlownessLog
from dashboard.terminal.snapshot import RunView, read_view
from state.metrics_store import MetricsStore
from state.run_folder import RunFolder

_Stamp = tuple[tuple[int, int], ...]


class RunReader:
    """The newest view of a run, whose store may not exist yet. Never writes."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._slowness = SlownessLog(folder.log)
        self._store: MetricsStore | None = None
        self._stamp: _Stamp | None = None
        self._view: RunView | None = None
        self.note = ""
        """Why there is no view yet."""

    def __enter__(self) -> "RunReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._store is not None:
            self._store.close()

    def read(self) -> RunView | None:
        """The run as it stands; None before it has begun."""
        store, stamp = self._opened(), self._stamp_now()
        if store is not None and stamp != self._stamp:
            self._view = read_view(store)
            self._stamp = stamp
        return self._view and replace(self._view, slow=self._slowness.read())

    def _opened(self) -> MetricsStore | None:
        if self._store is None and self._folder.metrics_db.is_file():
            try:
                self._store = MetricsStore.open(self._folder.metrics_db, writer=False)
                self.note = ""
            except ValueError as error:
                # A store that is being made has no schema for a moment; one of another version
                # keeps the reason on the screen.
                self.note = str(error)
        return self._store

    def _stamp_now(self) -> _Stamp:
        database = self._folder.metrics_db
        return tuple(
            _stamp_of(path) for path in (database, database.with_name(f"{database.name}-wal"))
        )


def _stamp_of(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_mtime_ns, status.st_size
