"""Stateful against stateless training on the same tokens.

    python -m benchmarks.hybrids_stateful --data tinyshakespeare.txt --scratch FOLDER [--save]

Both arms read the same windows in the same order, in parallel tracks; one hands its states on, the
other begins every window with empty ones. Each is measured both ways on the held-out text, so that
what the states are worth in training and in reading is told apart. A third arm reads windows drawn
anywhere, as training does by default. results/hybrids-stateful-runs.jsonl holds what is finished;
stop at any time, it is not made again.
"""

import argparse
from pathlib import Path
from statistics import fmean, stdev

import torch
from pydantic import JsonValue

from benchmarks.hybrids_table import numbers
from benchmarks.kept_rows import KeptRows
from benchmarks.recording import RESULTS, write_result
from state.genome import parse
from state.tasks import BatchKey
from trainer.backbones.names import Backbone
from trainer.config import Contiguous, DataConfig, ModelConfig, OptimizerConfig, WorkerSetup
from trainer.data import Dataset, prepare
from trainer.evaluation import evaluate
from trainer.member import Batch, Member, StepSettings
from trainer.tracks import track_starts, windows_at

ARMS = ("stateful", "stateless, same windows", "stateless, drawn windows")
WAYS = ("read with states", "read without")
SETTINGS = ("backbone", "steps", "block", "batch", "dim", "layers")


def main() -> None:
    """Train what is missing, print, record if asked."""
    asked = arguments()
    torch.set_num_threads(1)
    config = DataConfig(
        paths=(asked.data,),
        tokenizer="char",
        split=Contiguous(train=0.9, search=0.1, test=0),
    )
    prepare(config, asked.scratch / "data", asked.block)
    dataset = Dataset(asked.scratch / "data")
    kept = KeptRows(asked.rows)
    sizes = {name: getattr(asked, name) for name in SETTINGS}
    for seed in range(asked.seeds):
        for arm in ARMS:
            key = {**sizes, "arm": arm, "seed": seed}
            if kept.find(key) is None:
                kept.add({**key, **trained(asked, dataset, arm, seed)})
    told: dict[str, JsonValue] = {}
    for arm in ARMS:
        keys = [{**sizes, "arm": arm, "seed": seed} for seed in range(asked.seeds)]
        rows = [row for key in keys if (row := kept.find(key)) is not None]
        told[arm] = [{name: row[name] for name in ("seed", *WAYS)} for row in rows]
        for way in WAYS:
            nats = numbers(rows, way)
            spread = stdev(nats) if len(nats) > 1 else 0.0
            print(f"{arm:26} {way:17} {fmean(nats):.4f} +- {spread:.4f} nats a character")
    if asked.save:
        print(write_result("hybrids-stateful", {**sizes, "arms": told}))


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--scratch", type=Path, default=Path("runs/hybrids"))
    parser.add_argument("--rows", type=Path, default=RESULTS / "hybrids-stateful-runs.jsonl")
    parser.add_argument("--save", action="store_true", help="write results/hybrids-stateful.json")
    parser.add_argument("--backbone", default="gf-mh")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--layers", type=int, default=4)
    return parser.parse_args()


def trained(asked: argparse.Namespace, dataset: Dataset, arm: str, seed: int) -> dict[str, float]:
    """Nats a character of one model, read both ways."""
    backbone: Backbone = asked.backbone
    model = ModelConfig(
        dim=asked.dim,
        heads=asked.dim // 32,
        layers=asked.layers,
        block=asked.block,
        vocab_size=dataset.manifest.vocab_size,
        backbone=backbone,
        stateful=arm == "stateful",
    )
    optimizer = OptimizerConfig(batch=asked.batch)
    member = Member.create(
        WorkerSetup(run_folder="-", model=model, optimizer=optimizer), parse("gelu"), seed
    )
    key = BatchKey(seed=seed, lineage=0, generation=0, purpose="search")
    past = member.model.empty_cache(asked.batch) if model.stateful else None
    for step in range(asked.steps):
        rate = min(1.0, (step + 1) / 50, (asked.steps - step) / (0.6 * asked.steps))
        if arm == ARMS[2]:
            starts = dataset.starts(key, step, asked.batch, asked.block)
        else:
            starts = track_starts(dataset, key, 0, step, asked.batch, asked.block)
        inputs, targets = map(torch.from_numpy, windows_at(dataset, starts, asked.block))
        member.train_step(Batch(inputs, targets, past=past), StepSettings(learning_rate=rate))
    return {
        way: measured(member, dataset, handed_on)
        for way, handed_on in zip(WAYS, (True, False), strict=True)
    }


def measured(member: Member, dataset: Dataset, handed_on: bool) -> float:
    """Nats a character of the held-out text."""
    model = member.model
    own = model.config
    model.config = own.model_copy(update={"stateful": handed_on})
    try:
        return evaluate(model, dataset, "search").nats_per_token
    finally:
        model.config = own


if __name__ == "__main__":
    main()
