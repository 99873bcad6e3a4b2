"""Reads a run's folder again whenever something in it has changed."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType

from pydantic import JsonValue
from sqlalchemy.exc import SQLAlchemyError

from dashboard.terminal.figures import printable
from dashboard.terminal.history import Past
from dashboard.terminal.log_tail import Slowness
from dashboard.terminal.moment import Clock, Cost, cost_of
from dashboard.terminal.snapshot import RunView, read_view
from state.journal import JournalTail
from state.metrics_store import MetricsStore
from state.rented import Rented, read_rented
from state.run_folder import RunFolder

_Stamp = tuple[tuple[int, int, int], ...]
_UNREADABLE = (SQLAlchemyError, ValueError, TypeError, KeyError)
"""What a store raises that is locked, torn, or not written by this program."""


class RunReader:
    """The newest view of a run, whose store may not exist yet. Never writes."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._log = JournalTail(folder.log)
        self._slowness = Slowness()
        self._clock = Clock()
        self._past = Past()
        self._store: MetricsStore | None = None
        self._stamp: _Stamp | None = None
        self._mark: object = None
        self._rented: Rented | None = None
        self.view: RunView | None = None
        """What was read last."""
        self.note = ""
        """Why there is no view yet, or no newer one."""

    def __enter__(self) -> "RunReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def read(self) -> RunView | None:
        """The run as it stands, the same object while nothing has changed; None before it has
        begun.
        """
        self._read_log()
        self._rented = read_rented(self._folder.root)
        stamp = self._stamp_now()
        if stamp != self._stamp or not self._past.complete:
            if _inode(stamp) != _inode(self._stamp):
                self._close()
            self._stamp = stamp
            self._look()
        if self.view is not None and self.view.slow != self._slowness.standing:
            self.view = replace(self.view, slow=self._slowness.standing)
        return self.view

    def times(
        self, at: float, now: datetime, *, working: bool
    ) -> tuple[float | None, float | None]:
        """(seconds of work, seconds left); `at` by any steady clock."""
        return self._clock.read(self.view, at, now, working=working)

    def cost(self, now: datetime) -> Cost | None:
        """Of the machine that was rented for the run, None where there was none."""
        return cost_of(self._rented, now)

    def _read_log(self) -> None:
        for row in self._log.read():
            self._slowness.hear(row)
            self._clock.time.hear(row)

    def _look(self) -> None:
        """A store that is being made has no schema for a moment; one that cannot be read leaves
        the last view, and the reason, on the screen.
        """
        try:
            if self._store is None and self._folder.metrics_db.is_file():
                self._store = MetricsStore.open(self._folder.metrics_db, writer=False)
            if self._store is not None:
                self._read_store(self._store)
            self.note = ""
        except _UNREADABLE as error:
            self.note = printable(str(error).partition("\n")[0]) or type(error).__name__

    def _read_store(self, store: MetricsStore) -> None:
        mark = _mark(store)
        if mark != self._mark or not self._past.complete:
            self.view = read_view(store, self._past)
            self._mark = mark

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        self._mark = None

    def _stamp_now(self) -> _Stamp:
        database = self._folder.metrics_db
        return tuple(
            _stamp_of(path) for path in (database, database.with_name(f"{database.name}-wal"))
        )


def _mark(store: MetricsStore) -> tuple[JsonValue, ...]:
    """What every conclusion of the run changes: steps that come in between are not shown."""
    run_id = store.latest_run()
    if run_id is None:
        return ()
    ledger, events = store.ledger(run_id), store.events(run_id, last=1)
    return (
        run_id,
        ledger.model_dump_json() if ledger else None,
        events[-1].index if events else None,
    )


def _stamp_of(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size


def _inode(stamp: _Stamp | None) -> int:
    return stamp[0][0] if stamp else 0
