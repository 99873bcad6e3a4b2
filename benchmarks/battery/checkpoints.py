"""Ten log-spaced checkpoints of real trainings, with what they weigh on the test split.

python -m benchmarks.battery.checkpoints --corpora FOLDER --scratch FOLDER

The default model of a CPU, trained straight with its full schedule. A training that is done is not
made again.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from orchestrator.config import MINIMUM_BUDGET, RunConfig
from orchestrator.resolve import corpus_bytes, resolve_data, resolve_shape, worker_setup
from orchestrator.schedule import single_span
from orchestrator.settings import build_config
from state.base import Record
from state.durable import write_atomically
from state.genome import parse
from state.run_folder import RunFolder
from state.seeds import derive_seed
from state.tasks import BatchKey, TrainingTask
from trainer.data import prepare
from trainer.execution import TaskExecutor

CORPORA = ("historic", "tinyshakespeare", "historic-prose")
SEEDS = (0, 1, 2)
STEPS, FIRST_STEP, NUM_CHECKPOINTS = 3000, 30, 10
MODEL = "tiny"


class Kept(Record):
    """A checkpoint and its loss."""

    step: int
    checkpoint: str
    test_bits_per_byte: float


class Training(Record):
    """One training: where it lies and what it left."""

    corpus: str
    seed: int
    config: RunConfig
    kept: tuple[Kept, ...]

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.corpus}-{self.seed}"


def checkpoint_steps() -> tuple[int, ...]:
    """From FIRST_STEP to STEPS in equal ratios."""
    steps = np.geomspace(FIRST_STEP, STEPS, NUM_CHECKPOINTS).round().astype(int)
    return tuple(int(step) for step in steps)


def all_trainings(corpora: Path, scratch: Path) -> Iterator[Training]:
    """Every training, made where it is missing; seeds outermost."""
    for seed in SEEDS:
        for corpus in CORPORA:
            yield training(corpora / f"{corpus}.txt", seed, scratch / f"{corpus}-{seed}")


def training(text: Path, seed: int, place: Path) -> Training:
    """One training, from its record if there is one."""
    record = place / "training.json"
    if record.exists():
        return Training.model_validate_json(record.read_text(encoding="utf-8"))
    folder = RunFolder(place)
    folder.create()
    config = resolved(text, seed, folder)
    made = Training(corpus=text.stem, seed=seed, config=config, kept=tuple(_train(config, folder)))
    write_atomically(record, made.model_dump_json(indent=1).encode())
    return made


def resolved(text: Path, seed: int, folder: RunFolder) -> RunConfig:
    """The default configuration of a run on this text, with its data prepared."""
    given: dict[str, JsonValue] = {
        "data": {"paths": [str(text)]},
        "model_size": MODEL,
        "seed": seed,
        "budget": max(MINIMUM_BUDGET, 2 * STEPS),
    }
    config = resolve_shape(build_config(given, environment={}), corpus_bytes((str(text),))).config
    return resolve_data(config, prepare(config.data, folder.data, config.model.block))


def _train(config: RunConfig, folder: RunFolder) -> Iterator[Kept]:
    executor = TaskExecutor(worker_setup(config, folder))
    checkpoint, begun = None, 0
    for step in checkpoint_steps():
        task = piece(config, begun, step, checkpoint)
        result = executor.execute(task).result
        assert result.kind == "training"
        assert result.checkpoint is not None
        checkpoint, begun = result.checkpoint, step
        bits = result.evaluations[0].bits_per_byte
        print(f"{config.data.paths[0]} seed {config.seed} step {step} {bits:.4f}", flush=True)
        yield Kept(step=step, checkpoint=checkpoint, test_bits_per_byte=bits)


def piece(config: RunConfig, begun: int, end: int, checkpoint: str | None) -> TrainingTask:
    """The steps from one checkpoint to the next."""
    genome = parse(config.first_formula)
    return TrainingTask(
        task_id=f"step{end}",
        phase="control",
        generation=0,
        lineage=0,
        role="control",
        genome=genome,
        parent=checkpoint,
        parent_genome=genome,
        init_seed=derive_seed(config.seed, "init"),
        first_step=begun + 1,
        steps=end - begun,
        batches=BatchKey(seed=config.seed, lineage=0, generation=0, purpose="battery"),
        learning_rate=single_span(config, age_steps=begun, total_steps=STEPS),
        dropout=config.model.dropout,
        evaluate=("test",),
    )


def main() -> None:
    """Make every training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    arguments = parser.parse_args()
    for one in all_trainings(arguments.corpora, arguments.scratch):
        print(one.name, one.kept[-1].test_bits_per_byte)


if __name__ == "__main__":
    main()
