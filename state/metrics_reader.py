"""What dashboards ask of the metrics store. Needs no torch, no Ray and no controller."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, RowMapping, Select, Table, func, select

from state import schema, store_rows
from state.database import open_engine
from state.metrics_series import Series, loss_extremes, read_changes
from state.records import (
    BatteryReport,
    Decision,
    Ledger,
    MemberRecord,
    StepMetrics,
    Synchrony,
)
from state.store_rows import (
    GenerationSummary,
    LossPoint,
    PhaseSummary,
    RunSummary,
    StoredEvent,
    StoredFinding,
    StoredSample,
)
from state.stored_run import (
    StoredCheckpoint,
    StoredRun,
    checkpoint_of,
    runs_query,
    stored_run_of,
)

AnySelect = Select[*tuple[object, ...]]

_RUN_FACTS = ("run_id", "domain", "ffn_activation", "status", "created_at", "updated_at")
_POINT = schema.METRICS.c[
    "phase", "generation", "member", "step", "loss", "grad_norm", "tokens_per_sec"
]
_POINT_ORDER = schema.METRICS.c["generation", "step", "member"]


class MetricsReader:
    """Queries over an open store, answered oldest first. Several threads may share one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def at(cls, location: Path | str) -> "MetricsReader":
        """Open a store for showing it; a SQLite file may be of an older schema.

        Raises:
            ValueError: the store is missing, damaged, or of a newer schema.
        """
        return cls(open_engine(location, writer=False, older=True))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def runs(self) -> tuple[StoredRun, ...]:
        """Every run, the newest first."""
        with self._reading() as connection:
            return tuple(map(stored_run_of, _rows(connection, runs_query())))

    def run(self, run_id: str) -> StoredRun | None:
        """One run's row; None for one that the store does not know."""
        with self._reading() as connection:
            rows = _rows(connection, runs_query(run_id))
        return stored_run_of(rows[0]) if rows else None

    def latest_run(self) -> str | None:
        """The run that was begun last."""
        newest_first = select(schema.RUNS).order_by(
            schema.RUNS.c.created_at.desc(), schema.RUNS.c.run_id.desc()
        )
        with self._reading() as connection:
            rows = _rows(connection, newest_first.limit(1))
        return rows[0]["run_id"] if rows else None

    def summary(self, run_id: str) -> RunSummary | None:
        """Where the run stands; None for one that the store does not know."""
        with self._reading() as connection:
            runs = _last(connection, schema.RUNS, run_id)
            latest = _last(connection, schema.GENERATIONS, run_id, 1)
            facts = _rows(connection, _facts(run_id))[0]
        if not runs:
            return None
        return RunSummary(
            **{name: runs[0][name] for name in _RUN_FACTS},
            **facts,
            config=store_rows.document_in(runs[0]["train_config"]),
            phase=latest[0]["phase"] if latest else None,
            generation=latest[0]["generation"] if latest else None,
        )

    def generations(self, run_id: str) -> tuple[GenerationSummary, ...]:
        """Every complete generation."""
        with self._reading() as connection:
            return tuple(
                map(store_rows.generation_of, _last(connection, schema.GENERATIONS, run_id))
            )

    def phases(self, run_id: str) -> tuple[PhaseSummary, ...]:
        """Every phase that has begun, in order of its first generation."""
        with self._reading() as connection:
            done = tuple(
                map(store_rows.generation_of, _last(connection, schema.GENERATIONS, run_id))
            )
            begun = {row["phase"]: row for row in _last(connection, schema.PHASES, run_id)}
        names = dict.fromkeys([*begun, *(generation.phase for generation in done)])
        phases = [store_rows.phase_summary(name, begun.get(name), done) for name in names]
        return tuple(sorted(phases, key=lambda phase: (phase.first_generation, phase.phase)))

    def members(self, run_id: str, generation: int | None = None) -> tuple[MemberRecord, ...]:
        """The members of one generation, or of all."""
        query = _of_run(schema.MEMBERS, run_id)
        if generation is not None:
            query = query.where(schema.MEMBERS.c.generation == generation)
        with self._reading() as connection:
            return tuple(map(store_rows.member_of, _rows(connection, query)))

    def steps(self, run_id: str, member_id: str | None = None) -> tuple[StepMetrics, ...]:
        """Every step of one member, or of all, as a trainer of ours records it.

        Rows that another program has reported without a learning rate or a speed are left out;
        curves have them.
        """
        recorded = (schema.METRICS.c[name].is_not(None) for name in store_rows.ALWAYS_RECORDED)
        query = _of_run(schema.METRICS, run_id).where(*recorded)
        if member_id is not None:
            query = query.where(schema.METRICS.c.member == member_id)
        with self._reading() as connection:
            return tuple(map(store_rows.step_of, _rows(connection, query)))

    def losses(
        self, run_id: str, member_ids: Iterable[str] | None = None, limit: int | None = None
    ) -> tuple[LossPoint, ...]:
        """The steps that have a loss, in order of generation, step and member.

        More than `limit` of them (at least 2) are cut into limit / 2 equal stretches, of which
        the least and the greatest loss are kept: spikes stay visible.
        """
        points = select(*_POINT).where(
            schema.METRICS.c.run_id == run_id, schema.METRICS.c.loss.is_not(None)
        )
        if member_ids is not None:
            points = points.where(schema.METRICS.c.member.in_(list(member_ids)))
        with self._reading() as connection:
            query = points.order_by(*_POINT_ORDER)
            if limit is not None and (count := _count(connection, points)) > limit:
                query = loss_extremes(points, stretch_rows=-(-count // max(1, limit // 2)))
            return tuple(map(store_rows.loss_point_of, _rows(connection, query)))

    def changes(
        self,
        run_id: str,
        column: str,
        member_ids: Iterable[str] | None = None,
        last: int | None = None,
    ) -> Series:
        """Steps at which a column of `metrics` has a value and another one than at the step before,
        all or the last ones: batch sizes, their reasons, alarms.

        Raises:
            ValueError: the column is unknown.
        """
        with self._reading() as connection:
            return read_changes(connection, run_id, column, member_ids, last)

    def last_point(self, run_id: str) -> LossPoint | None:
        """The newest step with a loss: of the newest generation, and its last member by name."""
        with self._reading() as connection:
            rows = _rows(connection, _last_point(run_id))
        return store_rows.loss_point_of(rows[0]) if rows else None

    def last_val_loss(self, run_id: str) -> float | None:
        """The newest search loss among the steps, in nats; most runs keep theirs elsewhere."""
        steps = schema.METRICS.c
        backwards = [steps[name].desc() for name in ("generation", "member", "step")]
        known = select(steps.val_loss).where(steps.run_id == run_id, steps.val_loss.is_not(None))
        with self._reading() as connection:
            return connection.execute(known.order_by(*backwards).limit(1)).scalar()

    def decisions(self, run_id: str, limit: int | None = None) -> tuple[Decision, ...]:
        """All decisions, or the last `limit`."""
        with self._reading() as connection:
            return tuple(
                map(store_rows.decision_of, _last(connection, schema.DECISIONS, run_id, limit))
            )

    def findings(self, run_id: str, last: int | None = None) -> tuple[StoredFinding, ...]:
        """All findings of the detectors, or the last ones."""
        with self._reading() as connection:
            return tuple(
                map(store_rows.finding_of, _last(connection, schema.FINDINGS, run_id, last))
            )

    def synchrony(self, run_id: str, last: int | None = None) -> tuple[Synchrony, ...]:
        """The order parameter after every generation, or the last ones."""
        with self._reading() as connection:
            return tuple(
                map(store_rows.synchrony_of, _last(connection, schema.SYNCHRONY, run_id, last))
            )

    def batteries(self, run_id: str) -> tuple[BatteryReport, ...]:
        """Every report of the inference battery."""
        with self._reading() as connection:
            return tuple(map(store_rows.battery_of, _last(connection, schema.BATTERIES, run_id)))

    def samples(self, run_id: str, last: int | None = None) -> tuple[StoredSample, ...]:
        """All samples, or the last ones."""
        with self._reading() as connection:
            return tuple(map(store_rows.sample_of, _last(connection, schema.SAMPLES, run_id, last)))

    def ledger(self, run_id: str) -> Ledger | None:
        """The budget as it was last recorded."""
        with self._reading() as connection:
            rows = _last(connection, schema.LEDGER, run_id)
        return store_rows.ledger_of(rows[0]) if rows else None

    def checkpoints(self, run_id: str) -> tuple[StoredCheckpoint, ...]:
        """What the run has sent of its weights, by step."""
        with self._reading() as connection:
            rows = _last(connection, schema.CHECKPOINTS, run_id)
        found = map(checkpoint_of, rows)
        return tuple(sorted(found, key=lambda one: (one.step or 0, one.uploaded_at or "")))

    def events(self, run_id: str, last: int | None = None) -> tuple[StoredEvent, ...]:
        """All events, or the last ones."""
        with self._reading() as connection:
            return tuple(map(store_rows.event_of, _last(connection, schema.EVENTS, run_id, last)))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """What is read within it is one snapshot of the store."""
        with self._engine.connect() as connection:
            yield connection


def _rows(connection: Connection, query: AnySelect) -> list[RowMapping]:
    return list(connection.execute(query).mappings())


def _of_run(table: Table, run_id: str) -> AnySelect:
    return select(table).where(table.c.run_id == run_id).order_by(*table.primary_key)


def _last(
    connection: Connection, table: Table, run_id: str, limit: int | None = None
) -> list[RowMapping]:
    """The last rows of a run by the table's key, oldest first."""
    backwards = [column.desc() for column in table.primary_key]
    query = select(table).where(table.c.run_id == run_id).order_by(*backwards).limit(limit)
    return _rows(connection, query)[::-1]


def _facts(run_id: str) -> AnySelect:
    best = func.min(schema.GENERATIONS.c.best_bits_per_byte)
    steps = select(func.max(schema.METRICS.c.step)).where(schema.METRICS.c.run_id == run_id)
    own = schema.is_own(schema.GENERATIONS)
    bests = select(best).where(schema.GENERATIONS.c.run_id == run_id, own)
    decisions = select(func.count()).where(schema.DECISIONS.c.run_id == run_id)
    return select(
        steps.scalar_subquery().label("step"),
        bests.scalar_subquery().label("best_bits_per_byte"),
        decisions.scalar_subquery().label("num_decisions"),
    )


def _last_point(run_id: str) -> AnySelect:
    steps = schema.METRICS.c
    own = schema.is_own(schema.METRICS)
    mine = (steps.run_id == run_id) & steps.loss.is_not(None) & own
    newest = select(func.max(steps.generation)).where(mine).scalar_subquery()
    backwards = [steps[name].desc() for name in ("member", "step")]
    last = select(*_POINT).where(mine, schema.METRICS.c.generation == newest)
    return last.order_by(*backwards).limit(1)


def _count(connection: Connection, query: AnySelect) -> int:
    return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
