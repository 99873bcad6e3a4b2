"""How long does a battery take on the default model of a CPU?

python -m benchmarks.battery.speed --scratch FOLDER

Fitting the reference text comes once a process and is told apart.
"""

import argparse
import time
from pathlib import Path
from statistics import median

from pydantic import JsonValue

from benchmarks.battery.checkpoints import Training
from benchmarks.recording import write_result
from orchestrator.battery.on_run import run_questions, try_model
from orchestrator.resolve import worker_setup
from state.genome import parse
from state.run_folder import RunFolder
from state.tasks import Teacher
from trainer.data import Dataset
from trainer.execution import TaskExecutor, reproducible

REPEATS = 7


def main() -> None:
    """Time gate and end of a run for the last checkpoint of seed 0 of every corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    arguments = parser.parse_args()
    rows: list[JsonValue] = []
    for record in sorted(arguments.scratch.glob("*-0/training.json")):
        for row in timings(record.parent):
            print(row, flush=True)
            rows.append(row)
    print(write_result("battery-speed", {"repeats": REPEATS, "rows": rows}))


def timings(place: Path) -> list[dict[str, JsonValue]]:
    """Medians in seconds, the two sizes in turn; the first of all fits the reference."""
    training = Training.model_validate_json((place / "training.json").read_text("utf-8"))
    setup = worker_setup(training.config, RunFolder(place))
    executor, dataset = TaskExecutor(setup), Dataset(RunFolder(place).data)
    last = Teacher(
        checkpoint=training.kept[-1].checkpoint,
        genome=parse(training.config.first_formula),
    )
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(REPEATS + 1):
        for whole, seconds in taken.items():
            begun = time.perf_counter()
            with reproducible(1, "cpu"):
                asked = run_questions(dataset, setup, whole=whole)
                model = executor.model(last)
                try_model(model, dataset, setup, asked, seed=0, phase="control", generation=0)
            seconds.append(time.perf_counter() - begun)
    return [
        {
            "corpus": training.corpus,
            "samples": 60 if whole else 20,
            "odd_samples": 10,
            "seconds": round(median(seconds[1:]), 3),
            "with_the_reference": round(seconds[0], 3) if not whole else None,
        }
        for whole, seconds in taken.items()
    ]


if __name__ == "__main__":
    main()
