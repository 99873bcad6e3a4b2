"""How many of nanoGPT's iterations does its quality take us?

    python -m benchmarks.time_to_quality --data tinyshakespeare.txt --runs FOLDER --iters 600 800

Its configuration for a CPU (see benchmarks/single_model.py), runs whose schedule ends after so
many iterations, measured on the whole search split as they go: the first step of each at which the
weights, or their running mean, are at nanoGPT's 1.8982 nats a character or below. A run that is in
FOLDER already is read and not made again.
"""

import argparse
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from pydantic import JsonValue

from benchmarks.program import PROGRAM
from benchmarks.recording import write_result
from benchmarks.single_model import CONFIGURATION, NANOGPT
from benchmarks.speed.workplace import show
from state.results import TrainingResult

NANOGPT_ITERS = 2000


def main() -> None:
    """Make what is missing, print the table and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/time-to-quality"))
    parser.add_argument("--iters", nargs="*", type=int, default=[200, 300, 400, 600])
    parser.add_argument("--every", type=int, default=25, help="steps between two measurements")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", choices=("modern", "classic"), default="modern")
    parser.add_argument("--target", type=float, default=NANOGPT, help="nats a character")
    parser.add_argument("--save", action="store_true", help="write results/time-to-quality.json")
    arguments = parser.parse_args()
    rows: list[dict[str, JsonValue]] = []
    for iters in arguments.iters:
        courses = [made(arguments, iters, seed) for seed in range(arguments.seeds)]
        rows.append(row(iters, courses, arguments.target))
        show(rows[-1:])
    least = shortest(rows)
    told = "with none of these" if least is None else f"with {least} iterations"
    print(f"every seed is at {arguments.target} nats {told}; nanoGPT took {NANOGPT_ITERS}")
    if arguments.save:
        figures: dict[str, JsonValue] = {
            "target": arguments.target,
            "recipe": arguments.recipe,
            "every": arguments.every,
            "seeds": arguments.seeds,
            "rows": [*rows],
            "fewest_iterations": least,
            "share_of_nanogpt": None if least is None else least / NANOGPT_ITERS,
        }
        print(write_result("time-to-quality", figures))


Course = Mapping[int, float]
"""Nats a character on the search split by step, of the better of weights and mean."""


def made(arguments: argparse.Namespace, iters: int, seed: int) -> Course:
    """One run's course."""
    folder = arguments.runs / f"{arguments.recipe}-{iters}-{seed}"
    if not (folder / "final-report.json").exists():
        command = [*PROGRAM, "train", "--data", arguments.data]
        command += [*CONFIGURATION[:-2], "--iters", str(iters), "--seed", str(seed), "--plain"]
        command += ["--recipe", arguments.recipe, "--eval-interval", str(arguments.every)]
        command += ["--sample-interval", "0", "--run-dir", str(folder)]
        subprocess.run(command, check=True)
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    trained = [line for line in lines if json.loads(line)["kind"] == "training"]
    return course([TrainingResult.model_validate_json(line) for line in trained])


def course(results: Sequence[TrainingResult]) -> Course:
    """What the tasks of a run left, in the order in which they were done."""
    step, found = 0, {}
    for result in results:
        step += result.steps
        measured = [*result.evaluations, *result.averaged_evaluations]
        nats = [one.nats_per_token for one in measured if one.split == "search"]
        if nats:
            found[step] = min(nats)
    return found


def first_at(course: Course, target: float) -> int | None:
    """The first step at or below the target; None where there is none."""
    return next((step for step in sorted(course) if course[step] <= target), None)


def row(iters: int, courses: Sequence[Course], target: float) -> dict[str, JsonValue]:
    """What the seeds of one length reached, and when."""
    reached = [first_at(one, target) for one in courses]
    steps = [step for step in reached if step is not None]
    everywhere = max(steps) if len(steps) == len(courses) else None
    return {
        "iterations": iters,
        "nats at best": fmean(min(one.values()) for one in courses),
        "seeds that reach it": f"{len(steps)} of {len(courses)}",
        "first steps": ", ".join(map(str, sorted(steps))),
        "share of nanoGPT's": None if everywhere is None else everywhere / NANOGPT_ITERS,
    }


def shortest(rows: Sequence[Mapping[str, JsonValue]]) -> int | None:
    """The shortest schedule with which every seed reached the target."""
    reached = [row["iterations"] for row in rows if row["share of nanoGPT's"] is not None]
    return min((one for one in reached if isinstance(one, int)), default=None)


if __name__ == "__main__":
    main()
