"""Members on a device, stepping as tasks do: alone or as a stack."""

from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.gpu.place import Place
from benchmarks.speed import shapes
from benchmarks.speed.genomes import new_structures
from state.genome import parse
from state.run_folder import RunFolder
from state.tasks import BatchKey, LearningRateSpan, TrainingTask
from trainer.config import (
    Contiguous,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    Recipe,
    WorkerSetup,
)
from trainer.data import Dataset, prepare
from trainer.demo_corpus import write_demo_corpus
from trainer.flops import training_flops_per_step
from trainer.member import Member
from trainer.stacked.stack import Stack
from trainer.stacked.training import StackedChunks
from trainer.training import Chunk

LONG = 10**6
"""Steps of the tasks; so many are never taken."""
CLASSIC_LR, DEMO_CHARACTERS = 1e-3, 2_000_000


class Shape(shapes.Shape):
    """A model and its batch."""

    vocabulary: int
    recipe: Recipe = "modern"
    tied_head: bool = True
    dropout: float = 0.0


def made(name: str, sizes: tuple[int, int, int, int, int, int], **others: object) -> Shape:
    """Layers, width, heads, block, batch and vocabulary under a name."""
    names = ("layers", "dim", "heads", "block", "batch", "vocabulary")
    fields = dict(zip(names, sizes, strict=True))
    return Shape.model_validate({"name": name, **fields, **others})


SHAPES = {
    shape.name: shape
    for shape in (
        made("char-10M", (6, 384, 6, 256, 64, 65), dropout=0.2),
        made("gpt2-124M", (12, 768, 12, 1024, 12, 50304)),
        made("original-17M", (8, 384, 8, 512, 128, 4000), tied_head=False),
    )
}
"""nanoGPT's two and the size `original` with a batch of 64 K tokens."""
TOY = made("toy", (2, 32, 2, 32, 4, 65))


def shape_of(place: Place, name: str, **changes: object) -> Shape:
    """The shape of that name; on a CPU a small one in its place."""
    found = SHAPES[name]
    if place.toy:
        found = TOY.model_copy(
            update={"name": name, "recipe": found.recipe, "tied_head": found.tied_head}
        )
        changes.pop("batch", None)
    return found.model_copy(update=changes)


@cache
def run_folder(place: Place) -> Path:
    """A run's folder with the text by characters, nine tenths of it to train on."""
    folder = RunFolder(place.out / "run")
    folder.create()
    data = place.data
    if data is None:
        data = place.out / "demo.txt"
        if not data.exists():
            write_demo_corpus(data, 60_000 if place.toy else DEMO_CHARACTERS)
    split = Contiguous(train=0.9, search=0.1, test=0)
    block = TOY.block if place.toy else max(shape.block for shape in SHAPES.values())
    prepare(DataConfig(paths=(str(data),), tokenizer="char", split=split), folder.data, block)
    return folder.root


@cache
def dataset(place: Place) -> Dataset:
    """The prepared text."""
    return Dataset(RunFolder(run_folder(place)).data)


def setup_of(
    place: Place,
    shape: Shape,
    dtype: Literal["float32", "bfloat16"] | None = None,
    *,
    deterministic: bool = False,
) -> WorkerSetup:
    """As a run of this shape has it; bfloat16 on a GPU unless told."""
    model = ModelConfig(
        recipe=shape.recipe,
        # The text has its characters and control tokens; more are never seen.
        vocab_size=max(shape.vocabulary, dataset(place).manifest.vocab_size),
        dim=shape.dim,
        heads=shape.heads,
        layers=shape.layers,
        block=shape.block,
        tied_head=shape.tied_head,
        dropout=shape.dropout,
    )
    rate = {"lr": CLASSIC_LR} if shape.recipe == "classic" else {}
    return WorkerSetup(
        run_folder=str(run_folder(place)),
        model=model,
        optimizer=OptimizerConfig(batch=shape.batch, **rate),
        device="cuda" if place.device == "cuda" else "cpu",
        dtype=dtype or ("bfloat16" if place.device == "cuda" else "float32"),
        deterministic=deterministic,
        stack=64,
    )


def task_of(index: int, formula: str, steps: int = LONG, **changes: object) -> TrainingTask:
    """Steps of a new member with batches of its own."""
    genome = parse(formula)
    fields: dict[str, object] = {
        "task_id": f"member{index}",
        "phase": "training",
        "generation": 0,
        "lineage": index,
        "role": "host",
        "genome": genome,
        "parent": None,
        "parent_genome": genome,
        "init_seed": index,
        "first_step": 1,
        "steps": steps,
        "batches": BatchKey(seed=0, lineage=index, generation=0, purpose="gpu"),
        "learning_rate": LearningRateSpan(warmup_steps=100),
    }
    return TrainingTask.model_validate({**fields, **changes})


class Trainees:
    """Members that step together, batches and rows included."""

    def __init__(self, place: Place, setup: WorkerSetup, formulas: Sequence[str]) -> None:
        self.place, self.setup = place, setup
        self.chunks = [
            Chunk(task_of(index, formula), new_member(setup, formula, index), dataset(place))
            for index, formula in enumerate(formulas)
        ]
        for chunk in self.chunks:
            chunk.set_dropout()
        self.together = StackedChunks(self.chunks)
        self.stack = Stack([chunk.member for chunk in self.chunks])
        self.steps = 0

    def step(self) -> None:
        """One step of every member."""
        rows = self.together.step(self.stack, self.steps)
        self.loss = rows[0].loss
        self.steps += 1

    @property
    def flops(self) -> float:
        """Operations of a step of all members."""
        optimizer, model = self.setup.optimizer, self.setup.model
        tokens = optimizer.batch * model.block
        genomes = [chunk.member.genome for chunk in self.chunks]
        return sum(training_flops_per_step(model, genome, tokens) for genome in genomes)

    @property
    def parameters(self) -> int:
        """Of one member."""
        return sum(one.numel() for one in self.chunks[0].member.model.parameters())


def new_member(setup: WorkerSetup, formula: str, seed: int) -> Member:
    """Untrained."""
    return Member.create(setup, parse(formula), seed)


@cache
def composed(count: int) -> tuple[str, ...]:
    """Different formulas as a search finds them, the same ones every time."""
    found = islice(new_structures(np.random.default_rng(0)), count)
    return tuple(genome.formula for genome in found)
