"""Gathers what the runs left into benchmarks/results, and puts it back on another machine.

python -m benchmarks.study.collect --scratch FOLDER
"""

import argparse
from pathlib import Path

from pydantic import JsonValue

from benchmarks.gathered import read_files, read_lines, write_lines
from benchmarks.recording import RESULTS
from benchmarks.study.plan import distinct, plan

RUNS = RESULTS / "study-runs.jsonl"

Result = dict[str, JsonValue]


def main() -> None:
    """Write one line a run, in the order of the plan, behind a line on machine and versions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    arguments = parser.parse_args()
    results = all_results(arguments.scratch)
    known = {name: results[name] for job in distinct(plan()) if (name := job.work.key) in results}
    write_lines(RUNS, known)
    print(f"{RUNS}: {len(known)} of {len(distinct(plan()))} runs")


def load_results() -> dict[str, Result]:
    """By key, what was gathered before."""
    return read_lines(RUNS)


def all_results(scratch: Path) -> dict[str, Result]:
    """By key, what was gathered and what lies in the folder of the workers. What was gathered
    stands: a run that was made again for its weights, on another machine, is no second draw.
    """
    return {**read_scratch(scratch), **load_results()}


def read_scratch(scratch: Path) -> dict[str, Result]:
    """By key, what lies in the folder of the workers."""
    return read_files(scratch / "results")


if __name__ == "__main__":
    main()
