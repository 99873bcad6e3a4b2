"""Gathers what the runs left into benchmarks/results, what they measured on test in a file apart.

python -m benchmarks.pays.collect --scratch FOLDER
"""

import argparse
import json
from pathlib import Path

from benchmarks.pays.place import Place, Result
from benchmarks.pays.plan import place_arguments
from benchmarks.recording import commit
from orchestrator.environment import environment
from state.durable import write_atomically


def main() -> None:
    """Write both files."""
    arguments = place_arguments(argparse.ArgumentParser(description=__doc__))
    collect(Place(arguments.corpora, arguments.scratch))


def collect(place: Place) -> None:
    """One line a run behind a line on machine and versions."""
    for path, results in (
        (place.gathered_results, place.all_results()),
        (place.gathered_seals, place.sealed()),
    ):
        write_lines(path, results)
        print(f"{path}: {len(results)} runs")


def write_lines(path: Path, results: dict[str, Result]) -> None:
    """As `read_lines` reads it."""
    header = {"commit": commit(), "environment": environment(1)}
    lines = [json.dumps(header), *(json.dumps({"key": k, **one}) for k, one in results.items())]
    write_atomically(path, ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
