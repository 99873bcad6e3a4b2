"""`symbio-auto battery RUN`: try the run's best model, alone or against another run's."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from inference_battery.intervals import shortfall
from inference_battery.questions import Question
from orchestrator.battery.on_run import reference_of, run_questions, sampling_of, try_model
from orchestrator.battery.view import Comparison, as_json, as_text
from orchestrator.commits import Saved, restore
from orchestrator.resolve import worker_setup
from orchestrator.run_state import Dormant, best_model
from state.commit import load_commit
from state.records import BatteryReport
from state.run_folder import RunFolder
from state.seeds import derive_seed
from state.tasks import Teacher
from trainer.config import WorkerSetup
from trainer.manifest import require_intact

if TYPE_CHECKING:
    from trainer.backbones.gpt import GPT
    from trainer.data import Dataset


@dataclass(frozen=True, slots=True)
class Tried:
    """A run's best model and what belongs to it."""

    folder: RunFolder
    saved: Saved
    best: Dormant
    dataset: "Dataset"
    setup: WorkerSetup

    @property
    def seed(self) -> int:
        """The gates' own."""
        return derive_seed(self.saved.config.seed, "battery")

    @contextmanager
    def model(self) -> "Iterator[GPT]":
        """The model on the run's device, with kernels that repeat."""
        from trainer.execution import TaskExecutor, reproducible

        teacher = Teacher(checkpoint=self.best.checkpoint, genome=self.best.genome)
        device, deterministic = self.setup.device, self.setup.deterministic
        with reproducible(1, device, deterministic=deterministic):
            yield TaskExecutor(self.setup).model(teacher)


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    ours = _opened(arguments.run)
    theirs = _opened(arguments.compare) if arguments.compare else None
    asked = run_questions(
        ours.dataset, ours.setup, whole=not arguments.quick, prompts=arguments.prompts
    )
    report = _report(ours, asked)
    comparison = _compared(ours, report, theirs, asked) if theirs else None
    if arguments.json:
        print(json.dumps(as_json(report, comparison)))
    else:
        print(as_text(report, comparison))
    return 0


def _opened(path: Path) -> Tried:
    """What a user means by a run.

    Raises:
        ValueError: it is none, has kept no model yet, or its text is damaged.
    """
    folder = RunFolder.from_argument(path)
    saved = restore(load_commit(folder).record)
    best = best_model(saved.run)
    require_intact(folder.data)
    from trainer.data import Dataset

    setup = worker_setup(saved.config, folder)
    return Tried(folder, saved, best, Dataset(folder.data), setup)


def _report(tried: Tried, asked: Sequence[Question]) -> BatteryReport:
    with tried.model() as model:
        report = try_model(
            model,
            tried.dataset,
            tried.setup,
            asked,
            seed=tried.seed,
            phase=tried.best.phase,
            generation=tried.best.generation,
        )
    beside = {"bits_per_byte": tried.best.evaluation.bits_per_byte, **report.beside}
    return report.model_copy(update={"beside": beside})


def _compared(
    ours: Tried, report: BatteryReport, theirs: Tried, asked: Sequence[Question]
) -> Comparison:
    """The other model, asked with this run's seed and settings and judged by its text."""
    from inference_battery.battery import judged, write_answers

    codec = theirs.dataset.tokenizer
    sampling = sampling_of(codec, ours.setup.battery_tokens, ours.seed, theirs.setup.device)
    with theirs.model() as model:
        written = write_answers(model, codec, asked, sampling)
    other = judged(
        written,
        reference_of(ours.dataset),
        phase=theirs.best.phase,
        generation=theirs.best.generation,
    )
    our_data, their_data = ours.dataset.manifest, theirs.dataset.manifest
    return Comparison(
        run=str(theirs.folder.root),
        report=other,
        difference=shortfall(other, report),
        same_corpus=our_data.sha256 == their_data.sha256,
        same_tokenizer=our_data.tokenizer_sha256 == their_data.tokenizer_sha256,
    )
