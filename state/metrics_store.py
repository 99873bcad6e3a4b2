"""The metrics store's only writer. Rows are keyed by what they are about: writing again replaces.

Everything recorded within one `transaction` becomes visible, and durable, at once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from pydantic import JsonValue
from sqlalchemy import (
    Connection,
    Engine,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import OperationalError

from state import durable, schema, store_rows
from state.database import database_path, open_engine
from state.metrics_reader import MetricsReader
from state.records import (
    BatteryReport,
    Decision,
    Finding,
    Ledger,
    MemberRecord,
    PhaseName,
    Sample,
    StepMetrics,
    Synchrony,
)
from state.store_rows import Row
from state.upsert import replace_rows

_OF_A_GENERATION = (
    schema.METRICS,
    schema.GENERATIONS,
    schema.MEMBERS,
    schema.FINDINGS,
    schema.DECISIONS,
    schema.SAMPLES,
    schema.EVENTS,
    schema.SYNCHRONY,
    schema.BATTERIES,
)


class StoreUnwritable(OSError):  # noqa: N818
    """The database cannot be written now: somebody else holds it, or its device fails."""


class MetricsStore(MetricsReader):
    """An open store. The writer belongs to one thread; its reads see its own transaction."""

    def __init__(self, engine: Engine, path: Path) -> None:
        super().__init__(engine)
        self._path = path
        self._open_transaction: Connection | None = None

    @classmethod
    def open(cls, location: Path | str, writer: bool) -> "MetricsStore":
        """Open a SQLite file or any SQLAlchemy URL; the writer creates and migrates it.

        Raises:
            ValueError: the store is missing, damaged, or of a schema that cannot be used.
        """
        return cls(open_engine(location, writer), database_path(location))

    def __enter__(self) -> "MetricsStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All that is recorded within it is written at its end, or, after an error, nothing.

        One within another is part of the outer one.

        Raises:
            OutOfSpace: the disk is full; nothing was written.
            StoreUnwritable: the database cannot be written for another reason; nothing was.
        """
        if self._open_transaction is not None:
            yield self._open_transaction
            return
        with _explained(self._path), self._engine.begin() as connection:
            self._open_transaction = connection
            try:
                yield connection
            finally:
                self._open_transaction = None
            durable.announce("database commit", self._path)

    def record_run(
        self,
        run_id: str,
        config: Mapping[str, JsonValue],
        ffn_activation: str,
        domain: str,
        columns: Mapping[str, str | int | float | None] | None = None,
    ) -> None:
        """Begin a run, or bring its row up to date.

        `config` is the whole resolved configuration; `columns` are further columns of `runs` by
        name, such as vocab_size or hostname.

        Raises:
            ValueError: `runs` has no such column.
        """
        text = json.dumps(dict(config), allow_nan=False)
        facts: dict[str, str | int | float | None] = {
            "domain": domain,
            "ffn_activation": ffn_activation,
            "status": "active",
            "symbio": 1,
            "train_config": text,
            "symbio_config": text,
        }
        self.update_run(run_id, facts | dict(columns or {}))

    def update_run(self, run_id: str, columns: Mapping[str, str | int | float | None]) -> None:
        """Change columns of the run's row, such as status or best_val_loss.

        Raises:
            ValueError: `runs` has no such column.
        """
        unknown = sorted(columns.keys() - schema.RUNS.columns.keys())
        if unknown:
            raise ValueError(f"{unknown[0]} is not a column of runs; name one of state.schema.RUNS")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        values = {**columns, "updated_at": now}
        first = {"run_id": run_id, "id": run_id, "created_at": now}
        with self.transaction() as connection:
            changed = connection.execute(
                update(schema.RUNS).where(schema.RUNS.c.run_id == run_id).values(values)
            ).rowcount
            if not changed:
                connection.execute(insert(schema.RUNS).values(first | values))

    def record_steps(self, run_id: str, rows: Sequence[StepMetrics]) -> None:
        """Write steps of training."""
        self._put(schema.METRICS, [store_rows.step_row(run_id, step) for step in rows])

    def record_phase(
        self,
        run_id: str,
        phase: PhaseName,
        first_generation: int,
        settings: Mapping[str, JsonValue],
    ) -> None:
        """Say that a phase begins at a generation, with which settings."""
        place: Row = {"run_id": run_id, "phase": phase, "first_generation": first_generation}
        self._put(schema.PHASES, [place | {"settings": dict(settings)}])

    def record_members(
        self,
        run_id: str,
        members: Sequence[MemberRecord],
        fingerprints: Mapping[str, str] | None = None,
    ) -> None:
        """Write evaluated members; `fingerprints` are those of their functions, by formula."""
        known = fingerprints or {}
        rows = [
            store_rows.member_row(run_id, one, known.get(one.genome.formula)) for one in members
        ]
        self._put(schema.MEMBERS, rows)

    def record_generation(
        self, run_id: str, phase: PhaseName, generation: int, summary: Mapping[str, JsonValue]
    ) -> None:
        """Write a complete generation.

        best_bits_per_byte, diversity and population have columns; the rest is kept with it.
        """
        row: Row = {"run_id": run_id, "phase": phase, "generation": generation}
        numbers = ("best_bits_per_byte", "diversity", "population")
        row |= {name: store_rows.number_in(summary, name) for name in numbers}
        self._put(schema.GENERATIONS, [row | {"summary": dict(summary)}])

    def record_findings(
        self, run_id: str, phase: PhaseName, generation: int, findings: Sequence[Finding]
    ) -> None:
        """Write what the detectors found; it replaces what they found there before."""
        with self.transaction():
            self._forget(schema.FINDINGS, run_id, phase=phase, generation=generation)
            self._put(schema.FINDINGS, store_rows.finding_rows(run_id, phase, generation, findings))

    def record_decision(self, run_id: str, index: int, decision: Decision) -> None:
        """Write the run's `index`-th decision."""
        self._put(schema.DECISIONS, [store_rows.decision_row(run_id, index, decision)])

    def record_synchrony(self, run_id: str, synchrony: Synchrony) -> None:
        """Write the order parameter after a generation."""
        self._put(schema.SYNCHRONY, [store_rows.synchrony_row(run_id, synchrony)])

    def record_battery(self, run_id: str, report: BatteryReport) -> None:
        """Write a report, and its answers to ordinary prompts under the last step by then."""
        steps = schema.METRICS.c
        before = (steps.run_id == run_id) & (steps.generation <= report.generation)
        with self.transaction() as connection:
            step = connection.execute(select(func.max(steps.step)).where(before)).scalar()
            self._put(schema.BATTERIES, [store_rows.battery_row(run_id, report)])
            plain = [sample for sample in report.samples if sample.kind == "plain"]
            self.record_samples(run_id, report.phase, report.generation, step or 0, plain)

    def record_samples(
        self,
        run_id: str,
        phase: PhaseName,
        generation: int,
        step: int,
        samples: Sequence[Sample],
    ) -> None:
        """Write the samples drawn at a step; they replace those drawn there before."""
        with self.transaction():
            self._forget(schema.SAMPLES, run_id, phase=phase, generation=generation, step=step)
            self._put(
                schema.SAMPLES, store_rows.sample_rows(run_id, phase, generation, step, samples)
            )

    def record_ledger(self, run_id: str, ledger: Ledger) -> None:
        """Write the budget as it stands."""
        self._put(schema.LEDGER, [store_rows.ledger_row(run_id, ledger)])

    def record_event(
        self, run_id: str, index: int, kind: str, data: Mapping[str, JsonValue]
    ) -> None:
        """Write the run's `index`-th event; a "generation" in `data` ties it to that one."""
        row: Row = {"run_id": run_id, "idx": index, "kind": kind, "data": dict(data)}
        self._put(schema.EVENTS, [row | {"generation": store_rows.number_in(data, "generation")}])

    def forget_after(self, run_id: str, generation: int, phase_begun: int = -1) -> None:
        """Delete what belongs to later generations: the run goes on from this one's commit.

        `phase_begun` is the first generation of the phase that the commit is in. It may be the
        next generation: the phase has then begun and nothing of it is done.
        """
        with self.transaction() as connection:
            for table in _OF_A_GENERATION:
                later = (table.c.run_id == run_id) & (table.c.generation > generation)
                connection.execute(delete(table).where(later))
            later = (schema.PHASES.c.run_id == run_id) & (
                schema.PHASES.c.first_generation > max(generation, phase_begun)
            )
            connection.execute(delete(schema.PHASES).where(later))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._open_transaction is not None:
            yield self._open_transaction
            return
        with super()._reading() as connection:
            yield connection

    def _put(self, table: Table, rows: Sequence[Row]) -> None:
        """Replace the rows with these keys; of two with one key the later counts."""
        if rows:
            with self.transaction() as connection:
                replace_rows(connection, table, rows)

    def _forget(self, table: Table, run_id: str, **place: str | int) -> None:
        here = [table.c[name] == value for name, value in place.items()]
        with self.transaction() as connection:
            connection.execute(delete(table).where(table.c.run_id == run_id, *here))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if "database or disk is full" not in str(error.orig):
            raise StoreUnwritable(
                f"{path} could not be written ({error.orig}); mend that and go on with --resume"
            ) from error
        raise durable.OutOfSpace(
            f"{path} could not be written, its disk is full; free some space and resume"
        ) from error
