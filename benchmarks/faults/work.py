"""Makes the runs of the planted faults that nobody has made yet, then writes the tables.

python -m benchmarks.faults.work --data historic.txt --runs FOLDER

Seeds are outermost, so that an unfinished study has seen every fault. A run that is in FOLDER
already is read and not made again.
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.faults.cases import CASES, Arm, Case
from benchmarks.faults.course import Course, run_course
from benchmarks.faults.tables import ablation_rows, detection_rows, figures, lines
from benchmarks.recording import write_result
from state.durable import write_atomically


def main() -> None:
    """Make what is missing, print the tables and record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/faults"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--findings", nargs="*", help="only their cases, and healthy runs")
    parser.add_argument("--gather", action="store_true", help="tables of the runs that are there")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    wanted = [
        (case, arm, seed)
        for case, arm, seed in plan(seeds)
        if not arguments.findings or case.finding in (None, *arguments.findings)
    ]
    if not arguments.gather:
        for case, arm, seed in wanted:
            make(case, arm, seed, arguments.data, arguments.runs)
    paths = [place(case, arm, seed, arguments.runs) for case, arm, seed in plan(seeds)]
    courses = [Course.model_validate_json(path.read_bytes()) for path in paths if path.exists()]
    for line in (*lines(detection_rows(courses)), "", *lines(ablation_rows(courses))):
        print(line)
    print(write_result("faults", figures(courses)))


def plan(seeds: Iterable[int]) -> Iterator[tuple[Case, Arm, int]]:
    """Every case, its answer given and withheld; healthy runs with all answers."""
    for seed in seeds:
        for case in CASES:
            for arm in case.arms:
                yield case, arm, seed


def place(case: Case, arm: Arm, seed: int, runs: Path) -> Path:
    """Where a run is kept."""
    return runs / f"{case.key}-{arm}-{seed}.json"


def make(case: Case, arm: Arm, seed: int, data: Path, runs: Path) -> None:
    """Make the run, unless it is there."""
    kept = place(case, arm, seed, runs)
    if kept.exists():
        return
    began = time.process_time()
    course = run_course(case, data, runs / "open", seed, arm)
    write_atomically(kept, course.model_dump_json().encode())
    print(f"{kept.stem}: {time.process_time() - began:.0f} s of one core", flush=True)


if __name__ == "__main__":
    main()
