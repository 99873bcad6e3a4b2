"""Logs of long runs of a very small model, for benchmarks/cusum.py.

python -m benchmarks.cusum_logs tuning --data TEXT TEXT --out FOLDER

A run warms up for 500 steps, keeps its rate until step 6,000 and lets it fall to zero until step
7,000; one of ten has the cosine of the classic recipe. Nothing answers an alarm. The half of a run
was settled by its seed before any log was read: `tuning` may choose what the charts are,
`held-out` judges them, with the texts exchanged. A log that is there already is not made again.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from state.genome import parse
from state.run_folder import RunFolder
from state.seeds import derive_seed
from state.tasks import BatchKey, Decay, LearningRateSpan, TrainingTask
from trainer.config import DataConfig, ModelConfig, OptimizerConfig, WorkerSetup
from trainer.data import Dataset, prepare
from trainer.evaluation import evaluate
from trainer.member import Member
from trainer.training import Chunk

STEPS, WARMUP, DECAY_FROM = 7000, 500, 6000
CHUNK = 100
"""Steps between two measurements of the search loss."""
LAYERS, BLOCK = 1, 32
COMPOSED = "0.6*silu(x) + 0.4*relu(x)*tanh(x)"

Half = Literal["tuning", "held-out"]
HALVES: dict[Half, int] = {"tuning": 0, "held-out": 100}
"""Seed of the first run of each half; the others follow by one."""


class Recipe(NamedTuple):
    """What is trained, and how."""

    name: str
    activation: str
    text: int
    """Which of the two texts; the other one in the half that judges."""


RECIPES = (
    Recipe("modern", "gelu", 0),
    Recipe("modern", "relu2", 1),
    Recipe("modern", "swiglu", 0),
    Recipe("modern", COMPOSED, 1),
    Recipe("classic", "gelu", 1),
    Recipe("classic", "relu2", 0),
    Recipe("classic", COMPOSED, 0),
    Recipe("cosine", "swiglu", 1),
    Recipe("symbio", "swiglu", 0),
    Recipe("symbio", "gelu", 1),
)
OPTIMIZERS = {
    "modern": OptimizerConfig(batch=8),
    "classic": OptimizerConfig(batch=8, lr=1e-3),
    "cosine": OptimizerConfig(batch=8, lr=1e-3),
    # The rate of Muon is scaled as the product scales it for a rate that is given.
    "symbio": OptimizerConfig(
        batch=8, lr=5e-5, muon_lr=0.04 * 5e-5 / 6e-3, grad_clip=5.0, spike_threshold=10.0
    ),
}


def main() -> None:
    """Record what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("half", choices=HALVES)
    parser.add_argument("--data", nargs=2, required=True, help="two texts")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for seed, recipe in enumerate(RECIPES, HALVES[arguments.half]):
        path = arguments.out / f"{arguments.half}-{seed:03}-{recipe.name}.jsonl"
        if not path.exists():
            text = arguments.data[(recipe.text + (seed >= HALVES["held-out"])) % 2]
            lines = "".join(f"{line}\n" for line in recorded(recipe, text, seed))
            path.write_text(lines, encoding="utf-8")
            print(path, flush=True)


def recorded(recipe: Recipe, text: str, seed: int) -> Iterator[str]:
    """The rows of a run, with `val_loss` at the first step after it was measured."""
    with tempfile.TemporaryDirectory() as root:
        folder = RunFolder(Path(root))
        folder.create()
        config = DataConfig(paths=(text,), vocab_size=512, search_bytes=10_000)
        vocabulary = prepare(config, folder.data, block=BLOCK).vocab_size
        model = ModelConfig(
            recipe="modern" if recipe.name in {"modern", "symbio"} else "classic",
            dim=32,
            heads=2,
            layers=LAYERS,
            block=BLOCK,
            vocab_size=vocabulary,
        )
        setup = WorkerSetup(run_folder=root, model=model, optimizer=OPTIMIZERS[recipe.name])
        member = Member.create(setup, parse(recipe.activation), derive_seed(seed, "init"))
        dataset, search_loss = Dataset(folder.data), None
        for age in range(0, STEPS, CHUNK):
            chunk = Chunk(task(recipe, seed, age), member, dataset)
            chunk.run()
            for row in chunk.rows:
                yield json.dumps({**row.line(), "val_loss": search_loss})
                search_loss = None
            search_loss = evaluate(member.model, dataset, "search", 64).nats_per_token


def task(recipe: Recipe, seed: int, age: int) -> TrainingTask:
    """The next chunk of the one model of a run."""
    decay, last = Decay(curve="linear", start=DECAY_FROM, end=STEPS), 0.0
    if recipe.name == "cosine":
        decay, last = Decay(curve="cosine", start=WARMUP, end=STEPS), 0.1
    span = LearningRateSpan(last=last, decay=decay, warmup_steps=WARMUP, age_steps=age)
    genome, generation = parse(recipe.activation), age // CHUNK
    return TrainingTask(
        task_id=f"g{age}-model",
        phase="training",
        generation=generation,
        lineage=0,
        role="control",
        genome=genome,
        parent=None,
        parent_genome=genome,
        init_seed=0,
        first_step=age + 1,
        steps=CHUNK,
        batches=BatchKey(seed=seed, lineage=0, generation=generation, purpose="training"),
        learning_rate=span,
    )


if __name__ == "__main__":
    main()
