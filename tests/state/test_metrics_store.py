"""Writing: what is written comes back, twice is once, and a transaction is all or nothing."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError

from state import durable
from state.durable import OutOfSpace
from state.metrics_store import MetricsStore, StoreUnwritable
from state.records import (
    Adjustment,
    BatteryReport,
    Decision,
    Finding,
    Genome,
    Ledger,
    LedgerLine,
    MemberRecord,
    ProbeScore,
    Sample,
    StepMetrics,
    Synchrony,
)

Steps = Callable[..., list[StepMetrics]]


def member(generation: int, member_id: str = "a", gain: float | None = 0.25) -> MemberRecord:
    return MemberRecord(
        member_id=member_id,
        phase="cambrian",
        generation=generation,
        lineage=1,
        role="challenger",
        genome=Genome(formula="glu(silu(x))"),
        parents=("silu(x)", "x"),
        operator="add_gate",
        bits_per_byte=2.5,
        gain=gain,
        flops=1e18,
        tokens=2**40,
        seconds=2.0,
        status="accepted",
    )


def decision(generation: int) -> Decision:
    return Decision(
        phase="cambrian",
        generation=generation,
        kind="adapt",
        reason="plateau",
        numbers={"slope": -1e-9},
        adjustments=(Adjustment(setting="lr_scale", before=1, after=0.5),),
    )


def synchrony(generation: int) -> Synchrony:
    return Synchrony(
        generation=generation, r=0.5, psi=1.0, phases=(0.1, 2.0), null_quantile=0.9, locked=False
    )


def finding(severity: float) -> Finding:
    return Finding(detector="plateau", severity=severity, reason="flat", value=0.1, limit=0.2)


SAMPLE = Sample(prompt="<b>'\"", temperature=0.8, text="caf\u00e9\n\0", ended=True)


def battery(generation: int) -> BatteryReport:
    return BatteryReport(
        phase="cambrian",
        generation=generation,
        composite=0.5,
        probes=(ProbeScore(name="repetition", score=1, detail={"n": 3}),),
        samples=(SAMPLE, SAMPLE),
        tokens_per_sec=100,
    )


LEDGER = Ledger(budget=100, lines=(LedgerLine(phase="cambrian", allotted=24, settled=10),))


def write_a_generation(store: MetricsStore, generation: int, steps: list[StepMetrics]) -> None:
    with store.transaction():
        store.record_steps("run", steps)
        store.record_phase("run", "cambrian", generation, {"population": 4})
        store.record_members("run", [member(generation)], {"glu(silu(x))": "f00d"})
        store.record_generation("run", "cambrian", generation, {"best_bits_per_byte": 2.5, "r": 1})
        store.record_findings("run", "cambrian", generation, [finding(0.5), finding(1)])
        store.record_decision("run", generation, decision(generation))
        store.record_synchrony("run", synchrony(generation))
        store.record_battery("run", battery(generation))
        store.record_ledger("run", LEDGER)
        store.record_event("run", generation, "switch", {"generation": generation})


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
            for (name,) in names
            if name != "runs"
        }


def test_answers_to_odd_prompts_are_kept_with_their_battery_alone(tmp_path: Path) -> None:
    report = battery(3)
    odd = Sample(prompt="Hwo?", temperature=0.7, text="Odd.", ended=True, kind="typos")
    with MetricsStore.open(tmp_path / "metrics.db", writer=True) as store:
        report = report.model_copy(update={"samples": (*report.samples, odd)})
        store.record_battery("run", report)
        assert store.batteries("run") == (report,)
        assert [one.sample.text for one in store.samples("run")] == [
            one.text for one in report.samples if one.kind == "plain"
        ]


def test_records_come_back_as_they_were(store: MetricsStore, steps: Steps) -> None:
    write_a_generation(store, 3, steps(5, generation=3))
    assert list(store.steps("run")) == steps(5, generation=3)
    assert store.members("run") == (member(3),)
    assert store.decisions("run") == (decision(3),)
    assert store.synchrony("run") == (synchrony(3),)
    assert store.batteries("run") == (battery(3),)
    assert store.ledger("run") == LEDGER
    assert [found.finding for found in store.findings("run")] == [finding(0.5), finding(1)]
    assert [drawn.sample for drawn in store.samples("run")] == [SAMPLE, SAMPLE]
    assert {drawn.step for drawn in store.samples("run")} == {5}


def test_columns_derived_from_a_member_are_there_for_the_shell(
    store: MetricsStore, database: Path
) -> None:
    store.record_members("run", [member(0), member(0, "b", gain=None)], {"glu(silu(x))": "f00d"})
    query = "SELECT gated, fingerprint, gain_per_device_second FROM members ORDER BY member"
    with closing(sqlite3.connect(database)) as shell:
        assert shell.execute(query).fetchall() == [(1, "f00d", 0.125), (1, "f00d", None)]


def test_work_done_again_overwrites_itself(
    store: MetricsStore, steps: Steps, database: Path
) -> None:
    write_a_generation(store, 0, steps(50))
    write_a_generation(store, 1, steps(50, generation=1))
    before = everything(database)
    write_a_generation(store, 1, steps(50, generation=1))
    assert everything(database) == before


def test_done_again_with_fewer_findings_and_samples_leaves_none_of_the_old(
    store: MetricsStore,
) -> None:
    for count in (3, 1):
        store.record_findings("run", "cambrian", 0, [finding(0.5)] * count)
        store.record_samples("run", "cambrian", 0, 100, [SAMPLE] * count)
    assert (len(store.findings("run")), len(store.samples("run"))) == (1, 1)


def test_of_two_rows_with_one_key_the_later_counts(store: MetricsStore) -> None:
    store.record_members("run", [member(0, gain=0.1), member(0, gain=0.2)])
    assert [one.gain for one in store.members("run")] == [0.2]


def test_runs_do_not_touch_each_other(store: MetricsStore, steps: Steps) -> None:
    store.record_steps("one", steps(3))
    store.record_steps("two", steps(4))
    store.forget_after("two", -1)
    assert (len(store.steps("one")), len(store.steps("two"))) == (3, 0)


def test_a_transaction_that_fails_writes_nothing(
    store: MetricsStore, steps: Steps, database: Path
) -> None:
    write_a_generation(store, 0, steps(5))
    before = everything(database)
    with pytest.raises(KeyError), store.transaction():
        write_a_generation(store, 1, steps(5, generation=1))
        raise KeyError
    assert everything(database) == before
    store.record_steps("run", steps(1, generation=1))
    assert len(store.steps("run")) == 6


def test_forgetting_goes_back_to_the_generation_exactly(
    store: MetricsStore, steps: Steps, database: Path
) -> None:
    write_a_generation(store, 0, steps(5))
    write_a_generation(store, 1, steps(5, generation=1))
    before = everything(database)
    write_a_generation(store, 2, steps(5, generation=2))
    write_a_generation(store, 9, steps(5, generation=9))
    store.forget_after("run", 1)
    assert everything(database) == before


def test_the_runs_row_is_made_once_and_brought_up_to_date(store: MetricsStore) -> None:
    store.record_run("run", {"budget": 100}, "gelu(x)", "text", {"vocab_size": 512})
    begun = store.summary("run")
    store.update_run("run", {"ffn_activation": "x", "status": "completed", "best_val_loss": 1.5})
    after = store.summary("run")
    assert begun is not None
    assert after is not None
    assert after.config == begun.config == {"budget": 100}
    assert (begun.ffn_activation, begun.status) == ("gelu(x)", "active")
    assert (after.ffn_activation, after.status) == ("x", "completed")
    assert after.created_at == begun.created_at


def test_unknown_columns_and_numbers_that_are_not_finite_are_refused(store: MetricsStore) -> None:
    with pytest.raises(ValueError, match="vocabulary is not a column of runs; name one of"):
        store.update_run("run", {"vocabulary": 512})
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.record_run("run", {"lr": float("inf")}, "x", "text")
    with pytest.raises(StatementError, match="not JSON compliant"):
        store.record_event("run", 0, "tick", {"loss": float("nan")})
    assert store.latest_run() is None


def test_nothing_to_write_is_fine(store: MetricsStore) -> None:
    store.record_steps("run", [])
    store.record_members("run", [])
    store.record_findings("run", "cambrian", 0, [])
    assert store.steps("run") == ()


def test_a_reader_cannot_write(store: MetricsStore, database: Path) -> None:
    with (
        MetricsStore.open(database, writer=False) as reader,
        pytest.raises(StoreUnwritable, match="readonly database"),
    ):
        reader.record_event("run", 0, "started", {})


def test_readers_and_the_sqlite_shell_read_while_the_writer_writes(
    store: MetricsStore, steps: Steps, database: Path
) -> None:
    store.record_steps("run", steps(10))
    with MetricsStore.open(database, writer=False) as reader, store.transaction():
        store.record_steps("run", steps(10, generation=1))
        assert len(store.steps("run")) == 20
        assert len(reader.steps("run")) == 10
        with closing(sqlite3.connect(database)) as shell:
            assert shell.execute("SELECT count(*) FROM metrics").fetchone() == (10,)
            assert shell.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_commit_of_a_transaction_can_be_made_to_fail(store: MetricsStore, steps: Steps) -> None:
    def fail(operation: durable.Operation, _path: Path) -> None:
        if operation == "database commit":
            raise OSError(5, "injected")

    with durable.intercepted(fail), pytest.raises(OSError, match="injected"):
        store.record_steps("run", steps(5))
    assert store.steps("run") == ()


def test_a_full_disk_is_reported_and_keeps_what_was_committed(
    store: MetricsStore, steps: Steps
) -> None:
    store.record_steps("run", steps(10))
    with store.transaction() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    with store._engine.connect() as connection:
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(OutOfSpace, match="could not be written, its disk is full; free some"):
        store.record_steps("run", steps(10_000, generation=1))
    assert len(store.steps("run")) == 10


def test_a_store_that_another_process_holds_is_refused_in_one_line(
    store: MetricsStore, steps: Steps, tmp_path: Path
) -> None:
    path = store._path
    store.record_steps("run", steps(10))
    with store._engine.connect() as connection:
        connection.execute(text("PRAGMA busy_timeout = 1"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnwritable, match=r"\(database is locked\); mend that"):
            store.record_steps("run", steps(10, generation=1))
        other.execute("ROLLBACK")
    store.record_steps("run", steps(5, generation=1))
    assert len(store.steps("run")) == 15


def test_a_store_opens_by_url_too(tmp_path: Path, steps: Steps) -> None:
    url = f"sqlite:///{tmp_path / 'with space & 100%.db'}"
    with MetricsStore.open(url, writer=True) as store:
        store.record_steps("run", steps(2))
    with MetricsStore.open(url, writer=False) as reader:
        assert len(reader.steps("run")) == 2
    assert (tmp_path / "with space & 100%.db").is_file()
