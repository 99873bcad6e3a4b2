"""Stores what runs report. One writer, one transaction for each report."""

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, or_, select, update

from state import schema
from state.metrics_store import MetricsStore
from state.store_rows import Row
from state.stored_run import StoredCheckpoint
from state.upsert import merge_row, replace_rows
from state.wire import Forget, Heartbeat, Message, Rows


class Applied(NamedTuple):
    """What became of messages."""

    num_rows: int
    held: int | None
    """Rows that were stored of the run by now, repetitions included; None for several runs."""


class Writer:
    """The only one who writes to the server's store; threads take turns."""

    def __init__(self, store: MetricsStore) -> None:
        self._store = store
        self._turn = threading.Lock()

    def apply(self, messages: Sequence[Message]) -> Applied:
        """Store all messages or, after an error, none.

        Messages that are stored again change nothing but when the run was heard of.
        """
        now = _now()
        with self._turn, self._store.transaction() as connection:
            num_rows: dict[str, int] = {}
            for message in messages:
                num_rows.setdefault(message.run_id, 0)
                num_rows[message.run_id] += self._apply(connection, message, now)
            for run_id, best in _with_steps(messages).items():
                self._bring_up_to_date(connection, run_id, best)
            held = [_note(connection, run_id, count, now) for run_id, count in num_rows.items()]
        return Applied(sum(num_rows.values()), held[0] if len(held) == 1 else None)

    def record_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Store what is known of a checkpoint, of a run that may be new."""
        now = _now()
        with self._turn, self._store.transaction() as connection:
            _begin(connection, checkpoint.run_id, {}, now)
            replace_rows(connection, schema.CHECKPOINTS, [checkpoint.model_dump()])
            _note(connection, checkpoint.run_id, 0, now)

    def close(self) -> None:
        """Wait for the turn that is taken, and close the store."""
        with self._turn:
            self._store.close()

    def _apply(self, connection: Connection, message: Message, now: str) -> int:
        match message:
            case Rows(table=schema.RUNS):
                for row in message.rows:
                    _begin(connection, message.run_id, {"updated_at": now} | row, now)
                return len(message.rows)
            case Rows():
                _begin(connection, message.run_id, {}, now)
                replace_rows(connection, message.table, message.rows)
                return len(message.rows)
            case Forget():
                self._store.forget_after(message.run_id, message.generation, message.phase_begun)
            case Heartbeat():
                _begin(connection, message.run_id, {}, now)
        return 0

    def _bring_up_to_date(self, connection: Connection, run_id: str, best: float | None) -> None:
        """What the run's row says of its newest step, and of the least search loss."""
        last = self._store.last_point(run_id)
        runs = schema.RUNS
        mine = update(runs).where(runs.c.run_id == run_id)
        newest = {
            "latest_step": last.step if last else None,
            "last_loss": last.loss if last else None,
        }
        connection.execute(mine.values(newest))
        if best is not None:
            worse = or_(runs.c.best_val_loss.is_(None), runs.c.best_val_loss > best)
            connection.execute(mine.where(worse).values(best_val_loss=best))


def _with_steps(messages: Iterable[Message]) -> dict[str, float | None]:
    """Runs whose newest step may be another one, with the least search loss that is reported."""
    found: dict[str, float | None] = {}
    for message in messages:
        if isinstance(message, Forget):
            found.setdefault(message.run_id, None)
        elif isinstance(message, Rows) and message.table is schema.METRICS:
            losses = [row.get("val_loss") for row in message.rows]
            known = (*losses, found.get(message.run_id))
            numbers = [loss for loss in known if isinstance(loss, float)]
            found[message.run_id] = min(numbers, default=None)
    return found


def _begin(connection: Connection, run_id: str, columns: Row, now: str) -> None:
    first: Row = {"id": run_id, "status": "active", "created_at": now, "updated_at": now}
    merge_row(connection, schema.RUNS, {**columns, "run_id": run_id}, first)


def _note(connection: Connection, run_id: str, num_rows: int, now: str) -> int:
    """Note that something was heard of the run; gives the rows of it that were ever stored."""
    notes = schema.REPORTS
    changed = connection.execute(
        update(notes)
        .where(notes.c.run_id == run_id)
        .values(
            revision=notes.c.revision + 1,
            num_rows=notes.c.num_rows + num_rows,
            reported_at=now,
        )
    ).rowcount
    if not changed:
        row: Row = {"run_id": run_id, "revision": 1, "num_rows": num_rows, "reported_at": now}
        replace_rows(connection, notes, [row])
    held = connection.execute(select(notes.c.num_rows).where(notes.c.run_id == run_id)).scalar()
    return held or 0


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
