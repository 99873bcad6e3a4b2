"""A small prepared corpus and a setup that trains on it in milliseconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from state.run_folder import RunFolder
from trainer.config import DataConfig, ModelConfig, OptimizerConfig, WorkerSetup
from trainer.data import Dataset, prepare

BLOCK = 16
WORDS = "the sea was calm and a small boat went out to look for fish while gulls cried above it"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests share few cores."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with prepared data."""
    root = tmp_path_factory.mktemp("run")
    words = WORDS.split()
    lines = [" ".join(words[(i * j + j) % len(words)] for j in range(1, 14)) for i in range(90)]
    text = root / "corpus.txt"
    text.write_text(".\n".join(lines), encoding="utf-8")
    folder = RunFolder(root)
    folder.create()
    prepare(DataConfig(paths=(str(text),), tokenizer="byte"), folder.data, BLOCK)
    return root


@pytest.fixture(scope="session")
def dataset(run_folder: Path) -> Dataset:
    return Dataset(RunFolder(run_folder).data)


@pytest.fixture
def setup(run_folder: Path, dataset: Dataset) -> WorkerSetup:
    """A model of two layers, 32 wide, batches of 4 windows of 16 tokens."""
    vocab_size = dataset.manifest.vocab_size
    model = ModelConfig(dim=32, heads=2, layers=2, block=BLOCK, vocab_size=vocab_size)
    return WorkerSetup(
        run_folder=str(run_folder), model=model, optimizer=OptimizerConfig(batch=4), seed=7
    )
