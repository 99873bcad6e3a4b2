"""The points that are measured, one axis at a time."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.scaling.corpus import write_corpus
from benchmarks.scaling.point import Measured, Order, Preparation, Training
from benchmarks.speed.shapes import Shape, Trainee
from trainer.config import TokenizerKind
from trainer.manifest import read_manifest

MEMBERS = (1, 2, 4, 8, 16)
STEPS = (10, 20, 40, 80, 160)
SIZES = ((2, 32), (2, 64), (4, 128), (6, 192), (6, 256), (8, 384))
"""Layers and width."""
CORPUS_MB = (1, 4, 16, 64)
LARGEST_CORPUS_MB = (256, 1000)
STEPS_EACH = 10
STEPS_ON_A_CORPUS = 30
MILLION = 1_000_000


class Found(NamedTuple):
    """What was measured at a point of an axis."""

    axis: str
    measured: Measured


def shape_of(layers: int, dim: int) -> Shape:
    """A model of the grid: heads of 32, nanoGPT's block and batch."""
    heads = max(1, dim // 32)
    return Shape(name=f"{layers}x{dim}", layers=layers, dim=dim, heads=heads, block=64, batch=12)


SMALL = shape_of(2, 64)


def training_orders(place: Trainee) -> Iterator[tuple[str, Order]]:
    """Members, steps and parameters, each varied while the others are held."""
    small = place.model_copy(update={"shape": SMALL})
    for members in MEMBERS:
        work = Training(trainee=small, members=members, steps=STEPS_EACH)
        yield "members", Order(work=work, amount=members)
    for steps in STEPS:
        yield "steps", Order(work=Training(trainee=small, members=1, steps=steps), amount=steps)
    for layers, dim in SIZES:
        sized = place.model_copy(update={"shape": shape_of(layers, dim)})
        yield "parameters", Order(work=Training(trainee=sized, members=1, steps=STEPS_EACH))


def on_corpora(
    text: str, megabytes: Sequence[int], tokenizer: TokenizerKind, scratch: Path, rounds: int
) -> Iterator[Found]:
    """Preparation of corpora, and steps on them. What is written is deleted."""
    for size in megabytes:
        path, folder = scratch / f"corpus-{size}.txt", scratch / f"corpus-{size}"
        num_bytes = write_corpus(text, path, size * MILLION, np.random.default_rng(size))
        for _ in range(rounds):
            yield from on_corpus(path, num_bytes, tokenizer, folder)
            shutil.rmtree(folder)
        path.unlink()


def on_corpus(
    path: Path, num_bytes: int, tokenizer: TokenizerKind, folder: Path
) -> Iterator[Found]:
    """One corpus, once."""
    shape = SMALL
    work = Preparation(data=str(path), folder=str(folder), tokenizer=tokenizer, block=shape.block)
    yield Found("corpus, prepared", measure(Order(work=work, amount=num_bytes)))
    vocab_size = read_manifest(folder / "data").vocab_size
    trainee = Trainee(run_folder=str(folder), vocab_size=vocab_size, shape=shape)
    training = Training(trainee=trainee, members=1, steps=STEPS_ON_A_CORPUS)
    yield Found("corpus, trained on", measure(Order(work=training, amount=num_bytes)))


def measure(order: Order) -> Measured:
    """The point, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling.point", order.model_dump_json()]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured.model_validate_json(run.stdout.splitlines()[-1])
