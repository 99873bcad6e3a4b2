"""The schema: which names it has, how it comes to be, and which are refused."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Dialect, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from state import database as store_database
from state import migrations, schema
from state.metrics_store import MetricsStore
from tests.old_stores import back_to_first_schema
from tests.state.conftest import Steps

ORIGINAL_RUNS = """
    id run_id config_hash domain vocab_size block_size n_layer n_embd n_head dropout total_iters
    batch_size lr seed backend tokenizer optimizer model_config train_config status latest_step
    last_loss best_val_loss estimated_params created_at updated_at disk_mtime gpu_name gpu_vendor
    gpu_vram_mb hostname cpu_count ram_total_mb os_platform symbio symbio_config ffn_activation
"""

ORIGINAL_METRICS = """
    run_id step loss val_loss lr grad_norm elapsed_ms tokens_per_sec ms_per_iter gpu_util_pct
    gpu_vram_used_mb gpu_vram_total_mb gpu_mem_pool_mb timing_fwd_ms timing_bwd_ms timing_optim_ms
    timing_data_ms timing_flush_ms timing_grad_norm_ms timing_grad_clip_ms gpu_ops_count clip_coef
    clip_pct cusum_grad_pos cusum_grad_neg cusum_clip_pos cusum_tps_neg cusum_alerts
    weight_entropy effective_rank free_energy mi_input_output adaptive_batch_size
    batch_change_reason
"""


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in rows}


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_the_original_columns_keep_their_names_and_may_be_null() -> None:
    for table, names in ((schema.RUNS, ORIGINAL_RUNS), (schema.METRICS, ORIGINAL_METRICS)):
        assert not set(names.split()) - set(table.columns.keys())
        assert all(column.nullable or column.primary_key for column in table.columns)


def test_a_fresh_database_is_migrated_to_the_schema_that_the_code_uses(database: Path) -> None:
    MetricsStore.open(database, writer=True).close()
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.METADATA) == []
        assert context.get_current_revision() == schema.REVISION
    engine.dispose()


def test_the_newest_migration_is_the_revision_of_the_schema() -> None:
    scripts = ScriptDirectory.from_config(migrations.configuration())
    assert scripts.get_heads() == [schema.REVISION]


def test_the_schema_compiles_for_postgresql() -> None:
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = [
        str(CreateTable(table).compile(dialect=dialect)) for table in schema.METADATA.sorted_tables
    ]
    assert len(statements) == 14
    assert all("PRIMARY KEY" in statement for statement in statements)


def test_opening_again_changes_nothing(database: Path) -> None:
    for _ in range(2):
        with MetricsStore.open(database, writer=True) as store:
            store.record_event("run", 0, "started", {})
    with MetricsStore.open(database, writer=False) as reader:
        assert len(reader.events("run")) == 1


WHOLE = """
from alembic import op
from sqlalchemy import Column, Integer

revision, down_revision, branch_labels, depends_on = "0801", "{newest}", None, None

def upgrade():
    op.create_table("whole", Column("id", Integer, primary_key=True))
"""

FAILING = """
from alembic import op
from sqlalchemy import Column, Integer

revision, down_revision, branch_labels, depends_on = "0802", "0801", None, None

def upgrade():
    op.create_table("half_made", Column("id", Integer, primary_key=True))
    op.execute("UPDATE events SET kind = 'changed'")
    raise RuntimeError("killed in the middle")
"""


def test_a_migration_that_fails_leaves_those_before_it_and_nothing_of_itself(
    database: Path, tmp_path: Path
) -> None:
    with MetricsStore.open(database, writer=True) as store:
        store.record_event("run", 0, "kept", {})
    whole = WHOLE.replace("{newest}", schema.REVISION)
    (tmp_path / "0801_whole.py").write_text(whole, encoding="utf-8")
    (tmp_path / "0802_failing.py").write_text(FAILING, encoding="utf-8")
    config = migrations.configuration()
    own = Path(migrations.__file__).parent / "versions"
    config.set_main_option("version_locations", f"{own}\n{tmp_path}")
    engine = store_database.open_engine(database, writer=True)
    with engine.connect() as connection, pytest.raises(RuntimeError, match="in the middle"):
        migrations.upgrade(connection, config)
    engine.dispose()
    assert "whole" in tables(database)
    assert "half_made" not in tables(database)
    with closing(sqlite3.connect(database)) as shell:
        assert shell.execute("SELECT version_num FROM alembic_version").fetchall() == [("0801",)]
        assert shell.execute("SELECT kind FROM events").fetchall() == [("kept",)]


def test_steps_of_the_first_schema_are_kept_without_what_it_could_not_hold(
    database: Path, steps: Steps
) -> None:
    (old,) = steps(1)
    with MetricsStore.open(database, writer=True) as store:
        store.record_steps("run", [old])
    back_to_first_schema(database)
    new = old.model_copy(update={"step": 2, "grad_norm_attention": 0.5, "cusum_val_pos": 0.25})
    with MetricsStore.open(database, writer=True) as store:
        store.record_steps("run", [new])
        assert store.steps("run") == (old, new)


def test_a_newer_schema_is_refused(database: Path) -> None:
    MetricsStore.open(database, writer=True).close()
    execute(database, "UPDATE alembic_version SET version_num = '0907'")
    message = f"has schema 0907, this version reads up to {schema.REVISION}; upgrade symbio-auto"
    for writer in (True, False):
        with pytest.raises(ValueError, match=message):
            MetricsStore.open(database, writer=writer)


def test_a_reader_never_migrates(database: Path) -> None:
    execute(database, "CREATE TABLE notes (text TEXT)")
    with pytest.raises(
        ValueError, match=f"has schema none, this version reads {schema.REVISION}; resume"
    ):
        MetricsStore.open(database, writer=False)
    assert tables(database) == {"notes"}


def test_a_reader_never_makes_a_store(database: Path) -> None:
    with pytest.raises(ValueError, match=r"metrics\.db does not exist; start a run there"):
        MetricsStore.open(database, writer=False)
    assert not database.exists()


@pytest.mark.parametrize("writer", [True, False])
def test_a_file_that_is_no_database_is_refused(database: Path, writer: bool) -> None:
    database.write_bytes(b"not a database, but long enough to have a header" * 100)
    with pytest.raises(ValueError, match=r"file is not a database.*; move it away") as refusal:
        MetricsStore.open(database, writer=writer)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("torn", ["truncated", "overwritten"])
def test_torn_pages_are_noticed_by_the_writer(database: Path, torn: str) -> None:
    with MetricsStore.open(database, writer=True) as store, store.transaction():
        for index in range(1000):
            store.record_event("run", index, "filler", {"text": "x" * 200})
    data = database.read_bytes()
    middle = len(data) // 2
    rest = b"" if torn == "truncated" else b"?" * 8192 + data[middle + 8192 :]
    database.write_bytes(data[:middle] + rest)
    with pytest.raises(ValueError, match=r"malformed|is damaged") as refusal:
        MetricsStore.open(database, writer=True)
    assert "\n" not in str(refusal.value)


def test_readers_import_neither_alembic_nor_torch() -> None:
    code = (
        "import sys, state.metrics_store\n"
        "print([name for name in ('alembic', 'torch', 'ray') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "[]"
