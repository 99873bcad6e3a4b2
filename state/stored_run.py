"""What a list of runs says of each, and what a server keeps of them."""

from pydantic import JsonValue
from sqlalchemy import RowMapping, ScalarSelect, Select, func, select

from state import schema
from state.base import Record

AnySelect = Select[*tuple[object, ...]]


class StoredRun(Record):
    """One run's row, and what a list shows beside it."""

    run_id: str
    columns: dict[str, JsonValue]
    """Of `runs`, by name."""
    best_bits_per_byte: float | None
    """Over all generations, by the search split."""
    last_event: str | None
    """Kind of the run's newest event."""
    revision: int | None
    """Of a run that reports to a server: grows with all that changes."""
    reported_at: str | None
    """When a server heard of it last, by the server's clock."""


class StoredCheckpoint(Record):
    """A checkpoint that a run has sent, or is sending."""

    run_id: str
    sha256: str
    step: int | None
    name: str | None
    bytes: int
    uploaded_at: str | None
    """When it was complete, ISO 8601, UTC."""
    complete: bool
    file: str
    """Its name in the server's folder, which the server gave it."""


def runs_query(run_id: str | None = None) -> AnySelect:
    """Every run, or one of them, newest first."""
    runs, reports = schema.RUNS, schema.REPORTS
    query = (
        select(
            runs,
            _best().label("best_bits_per_byte"),
            _last_event().label("last_event"),
            reports.c.revision,
            reports.c.reported_at,
        )
        .outerjoin(reports, reports.c.run_id == runs.c.run_id)
        .order_by(runs.c.created_at.desc(), runs.c.run_id.desc())
    )
    return query if run_id is None else query.where(runs.c.run_id == run_id)


def stored_run_of(row: RowMapping) -> StoredRun:
    """The record of a row of `runs_query`."""
    facts = {name: row[name] for name in StoredRun.model_fields if name != "columns"}
    columns = {name: row[name] for name in schema.RUNS.columns.keys()}  # noqa: SIM118
    return StoredRun(columns=columns, **facts)


def checkpoint_of(row: RowMapping) -> StoredCheckpoint:
    """The record of a row of `checkpoints`."""
    return StoredCheckpoint(**{name: row[name] for name in StoredCheckpoint.model_fields})


def _best() -> ScalarSelect[object]:
    generations = schema.GENERATIONS.c
    best = select(func.min(generations.best_bits_per_byte))
    own = schema.is_own(schema.GENERATIONS)
    return best.where(generations.run_id == schema.RUNS.c.run_id, own).scalar_subquery()


def _last_event() -> ScalarSelect[object]:
    events = schema.EVENTS.c
    kinds = select(events.kind).where(events.run_id == schema.RUNS.c.run_id)
    return kinds.order_by(events.idx.desc()).limit(1).scalar_subquery()
