"""Where the study keeps its data, its weights and its results while it goes on."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import JsonValue

from benchmarks.study.specs import Corpus, Shape, Spec
from state.durable import write_atomically
from trainer.config import DataConfig, ModelConfig, OptimizerConfig, WorkerSetup
from trainer.data import Dataset, prepare


class Workplace:
    """A folder outside version control.

    Results are one JSON file a run, named by its key: workers never write to the same file, and
    what is there is not trained again. `benchmarks.study.collect` gathers them.
    """

    def __init__(
        self,
        corpora: Path,
        scratch: Path,
        elsewhere: Mapping[str, dict[str, JsonValue]] = MappingProxyType({}),
    ) -> None:
        """`elsewhere` holds the results of runs whose weights stayed on another machine."""
        self.corpora, self.scratch, self.elsewhere = corpora, scratch, elsewhere
        for folder in (self.weights, self.claims, self.results):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def results(self) -> Path:
        """What every run left, one file each."""
        return self.scratch / "results"

    @property
    def weights(self) -> Path:
        """Best weights of every run, as checkpoints."""
        return self.scratch / "weights"

    @property
    def claims(self) -> Path:
        """One file for each run in progress, holding its process."""
        return self.scratch / "claims"

    def dataset(self, corpus: Corpus, shape: Shape) -> Dataset:
        """The corpus, cut and tokenised as the product does it."""
        folder = self.scratch / "data" / f"{corpus}-{shape.vocab_size}"
        path = self.corpora / f"{corpus}.txt"
        prepare(
            DataConfig(paths=(str(path),), vocab_size=shape.vocab_size, domain="text"),
            folder,
            shape.block,
        )
        return Dataset(folder)

    def checkpoint(self, spec: Spec, member: int = 0) -> Path:
        """The best weights of a run, without moments."""
        return self.weights / f"{spec.key}-{member}.safetensors"

    def resumable(self, spec: Spec) -> Path:
        """Weights and moments to go on from: the best, the last of a run without a decay."""
        return self.weights / f"{spec.key}-resumable.safetensors"

    def result(self, name: str) -> dict[str, JsonValue] | None:
        """What a run left, here or elsewhere; None before it ended."""
        path = self.results / f"{name}.json"
        here = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return here or self.elsewhere.get(name)

    def holds(self, name: str) -> bool:
        """Whether a run ended here, so that its weights are here too."""
        return (self.results / f"{name}.json").exists()

    def finish(self, name: str, result: dict[str, JsonValue]) -> None:
        """Keep the result of a run."""
        content = json.dumps(result, indent=1) + "\n"
        write_atomically(self.results / f"{name}.json", content.encode())

    def claim(self, name: str) -> bool:
        """Take a run for this process; a claim of a process that is gone does not count."""
        path = self.claims / name
        if path.exists() and not _alive(int(path.read_text(encoding="ascii") or 0)):
            path.unlink(missing_ok=True)
        try:
            with path.open("x", encoding="ascii") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return False
        return True

    def release(self, name: str) -> None:
        """Give a run back."""
        (self.claims / name).unlink(missing_ok=True)


def setup_of(spec: Spec) -> WorkerSetup:
    """The trainer's configuration of a run: the default recipe at the spec's settings."""
    shape, peak = spec.shape, OptimizerConfig()
    return WorkerSetup(
        run_folder="",
        model=ModelConfig(
            size="study",
            dim=shape.dim,
            heads=shape.heads,
            layers=shape.layers,
            block=shape.block,
            vocab_size=shape.vocab_size,
            dropout=spec.dropout,
        ),
        optimizer=OptimizerConfig(
            batch=shape.batch,
            lr=peak.lr * spec.rate,
            muon_lr=peak.muon_lr * spec.rate,
            weight_decay=spec.weight_decay,
        ),
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, ValueError):
        return False
    return pid > 0
