"""The shapes that are timed, and what trains in them. Imports no torch."""

from pathlib import Path
from typing import Literal

from orchestrator.config import HostConfig
from orchestrator.resolve import CLASSIC_LR
from state.base import Record
from state.genome import parse
from state.run_folder import RunFolder
from state.tasks import BatchKey, LearningRateSpan, TrainingTask
from trainer.config import Contiguous, DataConfig, ModelConfig, OptimizerConfig, Recipe, WorkerSetup
from trainer.data import prepare
from trainer.manifest import DatasetManifest

Precision = Literal["float32", "bfloat16"]
PLANNED_STEPS = 2000
"""Of the run that these steps would belong to."""
SPLIT = Contiguous(train=0.9, search=0.1, test=0)


class Shape(Record):
    """A model and its batch."""

    name: str
    layers: int
    dim: int
    heads: int
    block: int
    batch: int

    @property
    def tokens(self) -> int:
        """Of a step."""
        return self.batch * self.block


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(name="4x128", layers=4, dim=128, heads=4, block=64, batch=12),
        Shape(name="8x384", layers=8, dim=384, heads=8, block=512, batch=4),
    )
}
"""nanoGPT's shape for a CPU, and one where matrix products are nearly everything."""


class Trainee(Record):
    """What a process trains: one member, no dropout."""

    run_folder: str
    vocab_size: int
    shape: Shape
    recipe: Recipe = "modern"
    activation: str = "gelu"
    dtype: Precision = "float32"
    threads: int = 1
    seed: int = 0

    def setup(self) -> WorkerSetup:
        """As a run of this shape has it."""
        shape = self.shape
        model = ModelConfig(
            recipe=self.recipe,
            vocab_size=self.vocab_size,
            **shape.model_dump(include={"layers", "dim", "heads", "block"}),
        )
        rate = {"lr": CLASSIC_LR} if self.recipe == "classic" else {}
        optimizer = OptimizerConfig(batch=shape.batch, **rate)
        return WorkerSetup(
            run_folder=self.run_folder, model=model, optimizer=optimizer, dtype=self.dtype
        )

    def task(self, begun: int, steps: int, activation: str | None = None) -> TrainingTask:
        """`steps` steps after the first `begun`, as `train` orders them, with no morph."""
        genome = parse(activation or self.activation)
        horizon = HostConfig().mean_horizon * PLANNED_STEPS
        return TrainingTask(
            task_id=f"from-{begun}",
            phase="training",
            generation=0,
            lineage=0,
            role="host",
            genome=genome,
            parent=None,
            parent_genome=genome,
            init_seed=self.seed,
            first_step=begun + 1,
            steps=steps,
            batches=BatchKey(seed=self.seed, lineage=0, generation=0, purpose="speed"),
            learning_rate=LearningRateSpan(warmup_steps=PLANNED_STEPS // 20, age_steps=begun),
            mean_rate=1 / horizon if self.recipe == "modern" else None,
            dropout=0.0,
            threads=self.threads,
        )


def prepared(data: Path, folder: Path) -> DatasetManifest:
    """The text as characters in a run's folder; nine tenths of it are trained on."""
    run = RunFolder(folder)
    run.create()
    longest = max(shape.block for shape in SHAPES.values())
    config = DataConfig(paths=(str(data),), tokenizer="char", split=SPLIT)
    return prepare(config, run.data, longest)
