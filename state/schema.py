"""The tables of the metrics store.

`runs` and `metrics` have every column of the original trainer under its own name, NULL where we
have nothing to say. Keys are what a row is about, so that work done again overwrites itself.
Generation numbers never restart within a run.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
)

REVISION = "0005"
"""Newest migration: the schema that this version writes and reads."""

METADATA = MetaData()


def _reals(*names: str) -> list[Column[float]]:
    return [Column(name, Double) for name in names]


def _integers(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger) for name in names]


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text) for name in names]


def _documents(*names: str) -> list[Column[object]]:
    return [Column(name, JSON(none_as_null=True)) for name in names]


def _keys(*names: str) -> list[Column[str]]:
    return [Column(name, Text, primary_key=True) for name in names]


def _integer_keys(*names: str) -> list[Column[int]]:
    return [Column(name, Integer, primary_key=True, autoincrement=False) for name in names]


RUNS = Table(
    "runs",
    METADATA,
    *_keys("run_id"),
    *_texts("id", "config_hash", "domain"),
    *_integers("vocab_size", "block_size", "n_layer", "n_embd", "n_head"),
    *_reals("dropout"),
    *_integers("total_iters", "batch_size"),
    *_reals("lr"),
    *_integers("seed"),
    *_texts("backend", "tokenizer", "optimizer", "model_config", "train_config", "status"),
    *_integers("latest_step"),
    *_reals("last_loss", "best_val_loss"),
    *_integers("estimated_params"),
    *_texts("created_at", "updated_at"),
    *_reals("disk_mtime"),
    *_texts("gpu_name", "gpu_vendor"),
    *_integers("gpu_vram_mb"),
    *_texts("hostname"),
    *_integers("cpu_count", "ram_total_mb"),
    *_texts("os_platform"),
    *_integers("symbio"),
    *_texts("symbio_config", "ffn_activation", "symbio_winner", "symbio_mode"),
)

METRICS = Table(
    "metrics",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("generation"),
    *_keys("member"),
    *_integer_keys("step"),
    *_texts("phase"),
    *_reals("loss", "val_loss", "lr", "grad_norm", "elapsed_ms", "tokens_per_sec", "ms_per_iter"),
    Column("skipped", Boolean),
    *_reals("clip_coef", "clip_pct"),
    *_reals("gpu_util_pct", "gpu_vram_used_mb", "gpu_vram_total_mb", "gpu_mem_pool_mb"),
    *_reals("timing_fwd_ms", "timing_bwd_ms", "timing_optim_ms", "timing_data_ms"),
    *_reals("timing_flush_ms", "timing_grad_norm_ms", "timing_grad_clip_ms"),
    *_integers("gpu_ops_count"),
    *_reals("cusum_grad", "cusum_clip", "cusum_tps", "cusum_val"),
    *_reals("cusum_grad_pos", "cusum_grad_neg", "cusum_clip_pos", "cusum_tps_neg"),
    *_integers("cusum_alerts"),
    *_texts("cusum_alert_reason"),
    *_reals("weight_entropy", "effective_rank", "free_energy", "population_entropy"),
    *_texts("activation_distribution"),
    *_reals("mi_input_output", "mi_input_repr", "mi_repr_output", "mi_compression"),
    *_reals("fitness_score", "complexity_score"),
    *_integers("adaptive_batch_size"),
    *_texts("batch_change_reason", "symbio_candidate_id", "symbio_candidate_activation"),
    *_integers("symbio_generation"),
    *_reals("architecture_diversity", "cusum_val_pos"),
    *_reals("grad_norm_embedding", "grad_norm_attention", "grad_norm_feed_forward"),
    *_reals("grad_norm_rwkv6", "grad_norm_mamba2"),
    sqlite_with_rowid=False,
)

PHASES = Table(
    "phases",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("first_generation"),
    *_texts("phase"),
    *_documents("settings"),
)

GENERATIONS = Table(
    "generations",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("generation"),
    *_keys("phase"),
    *_reals("best_bits_per_byte", "diversity"),
    *_integers("population"),
    *_documents("summary"),
)

MEMBERS = Table(
    "members",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("generation"),
    *_keys("member"),
    *_texts("phase"),
    *_integers("lineage"),
    *_texts("role", "formula"),
    Column("gated", Boolean),
    *_texts("fingerprint"),
    *_documents("parents"),
    *_texts("operator"),
    *_reals("bits_per_byte", "gain", "gain_limit", "gain_per_device_second", "train_loss"),
    *_integers("steps", "tokens"),
    *_reals("flops", "seconds"),
    *_integers("skipped_steps"),
    *_texts("status"),
    *_reals("tokens_per_sec"),
)

FINDINGS = Table(
    "findings",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("generation"),
    *_keys("phase"),
    *_integer_keys("idx"),
    *_texts("detector"),
    *_reals("severity"),
    *_texts("reason"),
    *_reals("value", "limit"),
    *_integers("lineage"),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("idx"),
    *_integers("generation"),
    *_texts("phase", "kind", "reason"),
    *_documents("numbers", "adjustments"),
)

SAMPLES = Table(
    "samples",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("generation"),
    *_keys("phase"),
    *_integer_keys("step", "idx"),
    *_texts("prompt"),
    *_reals("temperature"),
    *_texts("text"),
    Column("ended", Boolean),
)

EVENTS = Table(
    "events",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("idx"),
    *_integers("generation"),
    *_texts("kind"),
    *_documents("data"),
)

SYNCHRONY = Table(
    "synchrony",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("generation"),
    *_reals("r", "psi"),
    *_documents("phases"),
    *_reals("null_quantile"),
    Column("locked", Boolean),
)

LEDGER = Table(
    "ledger",
    METADATA,
    *_keys("run_id"),
    *_integers("budget", "settled", "reserved"),
    *_documents("ledger"),
)

BATTERIES = Table(
    "batteries",
    METADATA,
    *_keys("run_id"),
    *_integer_keys("generation"),
    *_keys("phase"),
    *_reals("composite", "tokens_per_sec"),
    *_documents("probes", "samples"),
    *_integers("version"),
    *_texts("asked"),
    *(Column(name, Boolean) for name in ("memorised", "comparable")),
    *_documents("interval", "kinds", "beside"),
)

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    *_keys("run_id", "sha256"),
    *_integers("step"),
    *_texts("name"),
    *_integers("bytes"),
    *_texts("uploaded_at"),
    Column("complete", Boolean),
    *_texts("file"),
)
"""What runs have sent to a server; `file` is the name that the server gave it."""

REPORTS = Table(
    "reports",
    METADATA,
    *_keys("run_id"),
    *_integers("revision", "num_rows"),
    *_texts("reported_at"),
)
"""A server's own notes of each run that reports to it; `revision` grows with all that changes."""


def is_own(table: Table) -> ColumnElement[bool]:
    """Rows of the run itself, not of the baselines that were trained beside it."""
    return table.c.phase.is_(None) | (table.c.phase != "control")
