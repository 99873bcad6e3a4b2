"""Is the metrics store whole, and has it a row for every result that was concluded?"""

from pydantic import TypeAdapter
from sqlalchemy import Engine, func, select, text

from orchestrator.intervention import Intervention
from orchestrator.replay.journal import (
    IncompleteResults,
    Row,
    committed_records,
    committed_rows,
)
from orchestrator.stages.conclusion import SECOND_HALF, joined, second_half_id
from orchestrator.verification.check import Check, failed, passed, skipped
from orchestrator.verification.snapshot import Snapshot
from state import schema
from state.database import open_engine
from state.metrics_reader import MetricsReader
from state.records import MemberRecord, StepMetrics
from state.results import TrainingResult

_STEP = TypeAdapter(StepMetrics)
CONFIRMATION = "-confirm"
"""Second runs are no members of their own, and neither are second halves."""


def check_database(now: Snapshot) -> list[Check]:
    """Integrity, then the rows."""
    try:
        engine = open_engine(now.folder.metrics_db, writer=False)
    except ValueError as error:
        return [failed("database", str(error))]
    try:
        return [_integrity(engine), _history(engine, now), *_against_journals(engine, now)]
    finally:
        engine.dispose()


def _integrity(engine: Engine) -> Check:
    with engine.connect() as connection:
        verdict = str(connection.execute(text("PRAGMA integrity_check(1)")).scalar())
    if verdict != "ok":
        return failed("database", verdict.strip().splitlines()[-1])
    return passed("database", "SQLite finds it whole")


def _history(engine: Engine, now: Snapshot) -> Check:
    """Decisions and events up to the commit, each once."""
    state = now.saved.run
    counts = []
    for table, wanted in (
        (schema.DECISIONS, state.num_decisions),
        (schema.EVENTS, state.num_events),
    ):
        mine = (table.c.run_id == state.run_id) & (table.c.idx < wanted)
        with engine.connect() as connection:
            found = connection.execute(select(func.count()).select_from(table).where(mine)).scalar()
        if found != wanted:
            return failed("history", f"{table.name} has {found} rows, the commit says {wanted}")
        counts.append(f"{wanted} {table.name}")
    return passed("history", ", ".join(counts))


def _against_journals(engine: Engine, now: Snapshot) -> list[Check]:
    try:
        rows = committed_rows(now.folder, now.record)
    except IncompleteResults as error:
        return [_steps(engine, now, _closed(now, ())), skipped("members", str(error))]
    except ValueError as error:
        return [failed("members", str(error))]
    closed = _closed(now, rows)
    return [_steps(engine, now, closed), _members(engine, now, closed, rows)]


def _closed(now: Snapshot, rows: tuple[Row, ...]) -> set[int]:
    """Generations that were concluded, but for those whose open work an extension dropped."""
    changes = (row for row in rows if isinstance(row, Intervention))
    marked = {change.place.generation for change in changes if change.place.planned}
    return set(range(now.saved.run.generation)) - marked


def _steps(engine: Engine, now: Snapshot, closed: set[int]) -> Check:
    """The same steps in the store and in metrics.jsonl."""
    path = now.folder.metrics_jsonl
    try:
        rows = committed_records(path, now.record.journal_bytes.get(path.name, 0), _STEP)
    except ValueError as error:
        return failed("steps", str(error))
    journal = {(row.generation, row.member_id, row.step) for row in rows}
    mine = schema.METRICS.c.run_id == now.saved.run.run_id
    key = select(*schema.METRICS.c["generation", "member", "step"]).where(mine)
    with engine.connect() as connection:
        store = {(row[0], row[1], row[2]) for row in connection.execute(key)}
    alone = sorted(key for key in journal ^ store if key[0] in closed)
    if alone:
        generation, member, step = alone[0]
        where = path.name if alone[0] in journal else "the store"
        return failed("steps", f"step {step} of {member} (generation {generation}) only in {where}")
    return passed("steps", f"{len(store & journal)} in the store as in {path.name}")


def _members(engine: Engine, now: Snapshot, closed: set[int], rows: tuple[Row, ...]) -> Check:
    """Each trained member has its result, with the same steps and the same loss."""
    results = {row.task_id: row for row in rows if isinstance(row, TrainingResult)}
    members = {
        one.member_id: one
        for one in MetricsReader(engine).members(now.saved.run.run_id)
        if one.generation in closed
    }
    for name, member in members.items():
        result = _result_of(name, results)
        if result is None:
            return failed("members", f"{name} is in the store, its result is in no journal")
        difference = _difference(member, result)
        if difference:
            return failed("members", difference)
    lost = [name for name in results if _is_member(name, closed) and name not in members]
    if lost:
        return failed("members", f"{lost[0]} has a result, and no row in the store")
    return passed("members", f"{len(members)} in the store, equal to their results")


def _result_of(name: str, results: dict[str, TrainingResult]) -> TrainingResult | None:
    first, second = results.get(name), results.get(second_half_id(name))
    return joined(first, second) if first and second else first


def _difference(member: MemberRecord, result: TrainingResult) -> str | None:
    found = next((one for one in result.evaluations if one.split == "search"), None)
    bits = found.bits_per_byte if found else None
    if (member.steps, member.bits_per_byte) == (result.steps, bits):
        return None
    return (
        f"{member.member_id} has {member.steps} steps and {member.bits_per_byte} bits per byte in "
        f"the store, {result.steps} and {bits} in its result"
    )


def _is_member(task_id: str, closed: set[int]) -> bool:
    number = task_id.removeprefix("g").partition("-")[0]
    is_own = not task_id.endswith((CONFIRMATION, SECOND_HALF))
    return number.isdecimal() and int(number) in closed and is_own
