"""Gathers what the runs left into benchmarks/results, with the log of openings.

python -m benchmarks.pays.collect --scratch FOLDER
"""

import argparse
import json
from pathlib import Path

from benchmarks.pays.place import Result
from benchmarks.pays.plan import place_arguments
from benchmarks.recording import RESULTS, commit
from benchmarks.study.collect import read_scratch
from orchestrator.environment import environment
from state.durable import write_atomically

RUNS = RESULTS / "pays-runs.jsonl"
OPENINGS = RESULTS / "pays-openings.jsonl"


def main() -> None:
    """Write one line a run behind a line on machine and versions."""
    arguments = place_arguments(argparse.ArgumentParser(description=__doc__))
    results = gathered(arguments.scratch)
    header = {"commit": commit(), "environment": environment(1)}
    lines = [json.dumps(header), *(json.dumps({"key": k, **one}) for k, one in results.items())]
    write_atomically(RUNS, ("\n".join(lines) + "\n").encode())
    log = arguments.scratch / "openings.jsonl"
    if log.exists():
        write_atomically(OPENINGS, log.read_bytes())
    print(f"{RUNS}: {len(results)} runs")


def gathered(scratch: Path) -> dict[str, Result]:
    """By key, what was gathered before and what lies in the folder of the workers."""
    kept: dict[str, Result] = {}
    if RUNS.exists():
        rows = [json.loads(line) for line in RUNS.read_text(encoding="utf-8").splitlines()[1:]]
        kept = {row.pop("key"): row for row in rows}
    return {**kept, **read_scratch(scratch)}


if __name__ == "__main__":
    main()
