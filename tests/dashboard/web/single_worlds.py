"""Runs of one model for the pages: with instruments, without, and a long one."""

import json
import sqlite3
from math import exp
from pathlib import Path
from random import Random

from pydantic import JsonValue

from state.metrics_store import MetricsStore
from state.records import StepMetrics
from tests.dashboard.web.worlds import config, made_member, step_metrics

INSTRUMENTS = json.dumps(
    {
        "chart": "standardised",
        "cusum_threshold": 9.33,
        "cusum_drift": 0.5,
        "metrics_interval": 20,
    }
)


def trained(
    path: Path | str, run_id: str = "trained", *, symbio: bool = True, chunks: int = 6
) -> None:
    """One model; with instruments two alarms, a batch that changes and gaps in the readings."""
    with MetricsStore.open(path, writer=True) as store, store.transaction():
        activation = "glu(silu(x))" if symbio else "gelu(x)"
        columns: dict[str, str | int | float | None] = {
            "symbio": int(symbio),
            "symbio_config": INSTRUMENTS,
        }
        store.record_run(run_id, config("train", 600), activation, "text", columns)
        store.record_phase(run_id, "training", 0, {})
        for chunk in range(chunks):
            add_chunk(store, run_id, chunk, symbio=symbio)


def add_chunk(
    store: MetricsStore, run_id: str, chunk: int, *, symbio: bool = True, steps: int = 50
) -> None:
    """One more chunk of a model that trains alone, with all that its end leaves."""
    random = Random(chunk)
    name = f"g{chunk:05d}-model"
    rows = [
        step_metrics("training", chunk, name, step, random)
        for step in range(chunk * steps + 1, (chunk + 1) * steps + 1)
    ]
    if symbio:
        rows = [_measured(row, random) for row in rows]
    bits = 2.0 + exp(-chunk / 3)
    formula = "glu(silu(x))" if symbio else "gelu(x)"
    member = made_member("training", chunk, "model", "host", 0, formula, bits)
    with store.transaction():
        store.record_steps(run_id, rows)
        store.record_members(run_id, [member.model_copy(update={"train_loss": rows[-1].loss})])
        store.record_generation(run_id, "training", chunk, {"best_bits_per_byte": bits})
        data: dict[str, JsonValue] = {"step": rows[-1].step, "train_loss": 2.5}
        store.record_event(
            run_id, chunk, "trained", data | {"tokens_per_sec": 15_000, "generation": chunk}
        )


def _measured(row: StepMetrics, random: Random) -> StepMetrics:
    step = row.step
    read: dict[str, JsonValue] = {
        "cusum_grad_pos": 3 * random.random(),
        "cusum_grad_neg": random.random(),
        "cusum_clip_pos": random.random(),
        "cusum_tps_neg": 9.5 if step == 120 else 2 * random.random(),
        "cusum_val_pos": 0.0,
        "cusum_alerts": {120: 8, 210: 5, 211: 5}.get(step, 0),
        "adaptive_batch_size": 16 if step <= 120 else 12,
        "batch_change_reason": "cusum_throughput_drop" if step == 120 else None,
        "skipped": step in (77, 78),
    }
    if step % 20 == 0 and step not in (140, 160):
        read |= {"weight_entropy": 4 + step / 1000, "effective_rank": 40 - step / 50}
        read |= {"free_energy": 6 - step / 200}
    return row.model_copy(update=read)


def long(path: Path, run_id: str = "long", steps: int = 100_000) -> None:
    """A model with instruments that trained for long, written without records for speed."""
    trained(path, run_id, chunks=0)
    random = Random(5)
    with sqlite3.connect(path) as connection:
        connection.executemany(
            f"INSERT INTO metrics ({', '.join(_LONG)}) VALUES ({', '.join('?' * len(_LONG))})",
            (_long_row(run_id, step, random) for step in range(1, steps + 1)),
        )
    connection.close()


_LONG = (
    *("run_id", "generation", "member", "step", "phase", "loss", "lr", "grad_norm"),
    *("tokens_per_sec", "ms_per_iter", "skipped", "clip_coef", "clip_pct", "cusum_grad_pos"),
    *("cusum_grad_neg", "cusum_clip_pos", "cusum_tps_neg", "cusum_val_pos", "cusum_alerts"),
    *("adaptive_batch_size", "weight_entropy", "effective_rank", "free_energy"),
    *("grad_norm_embedding", "grad_norm_attention", "grad_norm_feed_forward"),
)
SPIKE = (60_001, 9.75)
"""Step of the long run whose loss stands out, and that loss."""


def _long_row(run_id: str, step: int, random: Random) -> tuple[object, ...]:
    chunk, noise = (step - 1) // 200, random.random()
    loss = SPIKE[1] if step == SPIKE[0] else 2 + 4 * exp(-step / 2e4) + 0.3 * noise
    sparse = (4 + step / 1e5, 40 - noise, 6 - step / 5e4) if step % 50 == 0 else (None,) * 3
    alerts = 1 if step % 25_000 == 0 else 0
    return (
        *(run_id, chunk, f"g{chunk:05d}-model", step, "training", loss, 1e-3, 0.4 + noise),
        *(15_000 + 900 * noise, 9.0, step == 41_000, 0.9, 10.0, 8 * noise),
        *(2 * noise, noise, 3 * noise, 0.0, alerts),
        *(16 if step < 50_000 else 12, *sparse, 0.3, 0.1 + noise / 9, 0.2),
    )
