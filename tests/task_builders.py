"""Training tasks and the setup of a worker that does them in milliseconds."""

from pathlib import Path

from state.genome import parse
from state.run_folder import RunFolder
from state.tasks import BatchKey, TrainingTask
from trainer.config import DataConfig, ModelConfig, OptimizerConfig, WorkerSetup
from trainer.data import prepare
from trainer.demo_corpus import write_demo_corpus


def make_training_task(formula: str = "gelu", **changes: object) -> TrainingTask:
    """A few steps of a new challenger; what is changed may be any field."""
    genome = parse(formula)
    fields: dict[str, object] = {
        "task_id": "member",
        "phase": "cambrian",
        "generation": 1,
        "lineage": 0,
        "role": "challenger",
        "genome": genome,
        "parent": None,
        "parent_genome": genome,
        "init_seed": 5,
        "first_step": 1,
        "steps": 4,
        "batches": BatchKey(seed=0, lineage=0, generation=1, purpose="search"),
    }
    return TrainingTask.model_validate({**fields, **changes})


def make_worker_setup(root: Path, **changes: object) -> WorkerSetup:
    """One layer, 16 wide, on a small corpus that is prepared in the run's folder `root`."""
    folder = RunFolder(root)
    folder.create()
    corpus = root.with_suffix(".txt")
    write_demo_corpus(corpus, 20_000)
    manifest = prepare(DataConfig(paths=(str(corpus),)), folder.data, block=16)
    model = ModelConfig(dim=16, heads=2, layers=1, block=16, vocab_size=manifest.vocab_size)
    fields = {"run_folder": str(root), "model": model, "optimizer": OptimizerConfig(batch=2)}
    return WorkerSetup.model_validate({**fields, **changes})
