"""Which parts of the recipe pay? One model trained straight, arms paired by seed.

python -m benchmarks.recipe --data TEXT --steps 800 --seeds 3 --arm "" --arm "optimizer.muon=false"

Every arm sees the same split, tokenizer, initialisation and batches; the figure is bits per byte
on the whole search split after a full warm-up - stable - decay schedule.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from pydantic import JsonValue

from benchmarks.recording import write_result
from orchestrator.config import MINIMUM_BUDGET, RunConfig
from orchestrator.resolve import corpus_bytes, resolve_data, resolve_shape, worker_setup
from orchestrator.schedule import host_span
from orchestrator.settings import build_config, merge, nested
from state.genome import parse
from state.records import Genome
from state.run_folder import RunFolder
from state.seeds import derive_seed
from state.tasks import BatchKey, TrainingTask
from trainer.data import prepare
from trainer.execution import TaskExecutor

CHUNKS = 10


def main() -> None:
    """Run every arm with every seed, seeds outermost, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--arm", action="append", default=[], help="settings path=value, ...")
    parser.add_argument("--name", default="recipe", help="of the result file")
    arguments = parser.parse_args()
    scores: dict[str, list[float]] = {arm: [] for arm in arguments.arm}
    times: dict[str, list[float]] = {arm: [] for arm in arguments.arm}
    for seed in range(arguments.seeds):
        for arm in arguments.arm:
            started = time.monotonic()
            bits = train(arguments.data, arm, seed, arguments.steps, arguments.threads)
            times[arm].append((time.monotonic() - started) / arguments.steps * 1000)
            scores[arm].append(bits)
            print(
                f"seed {seed} {arm or 'default':50} {bits:.4f} {times[arm][-1]:.0f} ms", flush=True
            )
    rows: list[JsonValue] = [
        {
            "arm": arm or "default",
            "bits_per_byte": list(scores[arm]),
            "mean": statistics.fmean(scores[arm]),
            "ms_per_step": statistics.median(times[arm]),
        }
        for arm in arguments.arm
    ]
    figures = {"data": Path(arguments.data).name, "steps": arguments.steps, "arms": rows}
    print(write_result(arguments.name, figures))


def settings(arm: str) -> dict[str, JsonValue]:
    """`model.dim=64,optimizer.lr=0.01` as nested settings."""
    merged: dict[str, JsonValue] = {}
    for part in filter(None, arm.split(",")):
        path, value = part.split("=", 1)
        try:
            plain = json.loads(value)
        except json.JSONDecodeError:
            plain = value
        merged = merge(merged, nested(path.strip(), plain))
    return merged


def train(data: str, arm: str, seed: int, steps: int, threads: int) -> float:
    """Search bits per byte of one model at its best evaluation."""
    budget = max(MINIMUM_BUDGET, 2 * steps)
    given = merge({"data": {"paths": [data]}, "seed": seed, "budget": budget}, settings(arm))
    genome = parse(str(given.pop("activation", "gelu")))
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary))
        folder.create()
        config = resolve_shape(build_config(given, environment={}), corpus_bytes((data,))).config
        config = resolve_data(config, prepare(config.data, folder.data, config.model.block))
        executor = TaskExecutor(worker_setup(config, folder))
        best, checkpoint = float("inf"), None
        for chunk in range(CHUNKS):
            task = chunk_task(config, genome, steps, chunk)
            task = task.model_copy(update={"parent": checkpoint, "threads": threads})
            result = executor.execute(task).result
            assert result.kind == "training"
            checkpoint = result.checkpoint
            best = min(best, result.evaluations[0].bits_per_byte)
        return best


def chunk_task(config: RunConfig, genome: Genome, steps: int, chunk: int) -> TrainingTask:
    """One of CHUNKS equal parts of a run of `steps`."""
    begun = chunk * steps // CHUNKS
    return TrainingTask(
        task_id=f"chunk{chunk}",
        phase="control",
        generation=chunk,
        lineage=0,
        role="control",
        genome=genome,
        parent=None,
        parent_genome=genome,
        init_seed=derive_seed(config.seed, "init"),
        first_step=begun + 1,
        steps=(chunk + 1) * steps // CHUNKS - begun,
        batches=BatchKey(seed=config.seed, lineage=0, generation=chunk, purpose="recipe"),
        learning_rate=host_span(
            config,
            "control",
            age_steps=begun,
            progress=(chunk / CHUNKS, (chunk + 1) / CHUNKS),
            decay_from=config.host.decay_from,
        ),
        dropout=config.model.dropout,
    )


if __name__ == "__main__":
    main()
