"""Gathers what the runs left into benchmarks/results, and puts it back on another machine.

python -m benchmarks.study.collect --scratch FOLDER
"""

import argparse
import json
from pathlib import Path

from pydantic import JsonValue

from benchmarks.recording import RESULTS, commit
from benchmarks.study.plan import distinct, plan
from orchestrator.environment import environment

RUNS = RESULTS / "study-runs.jsonl"

Result = dict[str, JsonValue]


def main() -> None:
    """Write one line a run, in the order of the plan, behind a line on machine and versions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    arguments = parser.parse_args()
    results = all_results(arguments.scratch)
    known = {name: results[name] for job in distinct(plan()) if (name := job.work.key) in results}
    header = {"commit": commit(), "environment": environment(1)}
    lines = [json.dumps(header), *(json.dumps({"key": k, **one}) for k, one in known.items())]
    RUNS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{RUNS}: {len(known)} of {len(distinct(plan()))} runs")


def load_results() -> dict[str, Result]:
    """By key, what was gathered before."""
    if not RUNS.exists():
        return {}
    lines = RUNS.read_text(encoding="utf-8").splitlines()[1:]
    rows = [json.loads(line) for line in lines]
    return {row.pop("key"): row for row in rows}


def all_results(scratch: Path) -> dict[str, Result]:
    """By key, what was gathered and what lies in the folder of the workers. What was gathered
    stands: a run that was made again for its weights, on another machine, is no second draw.
    """
    return {**read_scratch(scratch), **load_results()}


def read_scratch(scratch: Path) -> dict[str, Result]:
    """By key, what lies in the folder of the workers."""
    paths = sorted((scratch / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


if __name__ == "__main__":
    main()
