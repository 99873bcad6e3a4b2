"""How often must a budget pass over the text before lineages pay, and what shows it early?

python -m benchmarks.study.regime [--scratch FOLDER] [--out NAME]

The first from the study's rows, the second from a lineage at a constant rate on each text and on
the first quarter of historic.txt. The folder must hold the prepared texts (benchmarks.study.work).
"""

import argparse
import tempfile
from itertools import pairwise
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch
from pydantic import JsonValue

from benchmarks.recording import write_result
from benchmarks.study.collect import Result, all_results
from benchmarks.study.specs import Spec
from benchmarks.study.tables import finals, number
from benchmarks.study.training import Student
from benchmarks.study.workplace import setup_of
from orchestrator.evolution.regime import gap_growth
from orchestrator.run_state import LineageState
from state.genome import parse
from state.records import Evaluation
from state.seeds import derive_seed
from state.tasks import BatchKey
from trainer.config import DataConfig
from trainer.data import Dataset, prepare
from trainer.evaluation import evaluate
from trainer.execution import reproducible
from trainer.member import Batch, StepSettings

TOKENS = {"historic": 188_290, "tinyshakespeare": 488_645}
"""Of the train splits of the study."""
TOKENS_A_STEP = 512
MERGERS = {
    "mean of two": ("b 2",),
    "mean of four": ("b 4",),
    "host of two": ("c 2x1500 host", "c 2x6000 host"),
}
STRETCH = 100
"""Steps between two measurements of a gap."""
GELU = parse("gelu")


class Arm(NamedTuple):
    """An arm less the single model of the same budget, mean of the paired seeds."""

    passes: float
    minus_a: float
    num_seeds: int


def main() -> None:
    """Write results/NAME.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    parser.add_argument("--out", default="regime")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = all_results(arguments.scratch)
    found = {kind: arms_of(results, names) for kind, names in MERGERS.items()}
    figures: dict[str, JsonValue] = {
        "arms": {kind: [list(arm) for arm in arms] for kind, arms in found.items()},
        "crossings": {kind: crossing(arms) for kind, arms in found.items()},
        "gaps": {name: curve(data) for name, data in texts(arguments.scratch).items()},
    }
    print(write_result(arguments.out, figures))


def arms_of(results: dict[str, Result], names: tuple[str, ...]) -> list[Arm]:
    """The arms of these names, by passes of the whole budget over the text."""
    single, arms = finals(results)
    found = []
    for (corpus, budget, name), by_seed in arms.items():
        paired = [
            number(one, "bits_per_byte") - single[corpus, budget, seed]
            for seed, one in by_seed.items()
            if (corpus, budget, seed) in single
        ]
        if name in names and paired:
            passes = budget * TOKENS_A_STEP / TOKENS[corpus]
            found.append(Arm(passes, fmean(paired), len(paired)))
    return sorted(found)


def crossing(arms: list[Arm]) -> float | None:
    """Passes at which the merger is as good as the single model, straight in their logarithm."""
    for left, right in pairwise(arms):
        if left.minus_a > 0 >= right.minus_a:
            share = left.minus_a / (left.minus_a - right.minus_a)
            return exp(log(left.passes) + share * log(right.passes / left.passes))
    return None


def texts(scratch: Path) -> dict[str, Dataset]:
    """The study's two, and a quarter of the smaller one's documents."""
    whole = Dataset(scratch / "data" / "historic-512")
    folder = Path(tempfile.mkdtemp())
    path, quarter = folder / "quarter.txt", folder / "data"
    documents = (whole.folder / "train.txt").read_text(encoding="utf-8").split("<|end_of_text|>")
    path.write_text("<|end_of_text|>".join(documents[: len(documents) // 4]), encoding="utf-8")
    prepare(DataConfig(paths=(str(path),), vocab_size=512, domain="text"), quarter, 64)
    return {
        "historic": whole,
        "tinyshakespeare": Dataset(scratch / "data" / "tinyshakespeare-512"),
        "a quarter of historic": Dataset(quarter),
    }


def curve(dataset: Dataset, steps: int = 1600) -> list[JsonValue]:
    """Rows of passes, training loss, search loss, and the growth of the gap so far."""
    student = Student(setup_of(Spec(steps=steps)), GELU, derive_seed(0, "init", 0))
    losses: list[float] = []
    measured: list[Evaluation] = []
    rows: list[JsonValue] = []
    with reproducible(1, "cpu"):
        for step in range(1, steps + 1):
            losses.append(train_step(student, dataset, step))
            if step % STRETCH:
                continue
            measured.append(evaluate(student.model, dataset, "search", 8))
            trained = [fmean(losses[end - STRETCH // 2 : end]) for end in ends(step)]
            passes = step * TOKENS_A_STEP / dataset.manifest.splits["train"].tokens
            growth = gap_growth([lineage(measured, trained)])
            rows.append([passes, trained[-1], measured[-1].nats_per_token, growth])
            print(rows[-1], flush=True)
    return rows


def ends(step: int) -> range:
    """The steps at which a stretch has ended."""
    return range(STRETCH, step + 1, STRETCH)


def train_step(student: Student, dataset: Dataset, step: int) -> float:
    """One update at the peak rate after a warm-up of 80 steps; the loss before it."""
    key = BatchKey(seed=0, lineage=0, generation=0, purpose="study")
    inputs, targets = dataset.batch(key, step, 8, 64)
    settings = StepSettings(learning_rate=min(1.0, step / 80))
    batch = Batch(torch.from_numpy(inputs), torch.from_numpy(targets))
    return student.train_step(batch, settings).loss


def lineage(measured: list[Evaluation], trained: list[float]) -> LineageState:
    """As a run would remember it."""
    return LineageState(
        index=0,
        genome=GELU,
        init_seed=0,
        evaluation=measured[-1],
        bits_history=tuple(one.bits_per_byte for one in measured),
        train_history=tuple(trained),
    )


if __name__ == "__main__":
    main()
