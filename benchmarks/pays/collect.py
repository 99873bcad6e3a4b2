"""Gathers what the runs left into benchmarks/results, what they measured on test in a file apart.

python -m benchmarks.pays.collect --scratch FOLDER
"""

import argparse

from benchmarks.gathered import write_lines
from benchmarks.pays.place import Place
from benchmarks.pays.plan import place_arguments


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


if __name__ == "__main__":
    main()
