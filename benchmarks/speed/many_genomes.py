"""Does a process get slower with the activations that it has seen?

    python -m benchmarks.speed.many_genomes --data TEXT

One member in this process goes through 50 structures. The first ones are taken again at the end:
their steps then over their steps at first, in CPU time, so that what differs is the process alone.
A second process, which keeps to gelu, takes steps after each of them; all is told in its steps, so
that a machine that gets slower does not count.
"""

import argparse
from itertools import islice
from statistics import median

import numpy as np
import psutil
from pydantic import JsonValue

from benchmarks.speed.genomes import new_structures
from benchmarks.speed.laps import Course
from benchmarks.speed.ratios import spread
from benchmarks.speed.shapes import SHAPES
from benchmarks.speed.switching import usual
from benchmarks.speed.workplace import Workplace, finish, flags, workplace
from state.run_folder import RunFolder
from trainer.data import Dataset
from trainer.execution import reproducible

MEGABYTE = 1024**2
SHAPE = SHAPES["4x128"]
TAKEN_AGAIN = 10


def main() -> None:
    """Measure the small shape, where whatever is not a matrix product weighs most."""
    parser = flags(__doc__)
    parser.add_argument("--genomes", type=int, default=50)
    parser.add_argument("--steps", type=int, default=12, help="with each of them")
    arguments = parser.parse_args()
    with workplace(arguments) as place, reproducible(1, "cpu"):
        row = gone_through(place, arguments)
    finish("speed-many-genomes", [row], arguments)


def gone_through(place: Workplace, arguments: argparse.Namespace) -> dict[str, JsonValue]:
    """CPU time of the steps with each structure, and the memory of the process."""
    course = Course(place.order(shape=SHAPE), Dataset(RunFolder(place.run_folder).data))
    genomes = list(islice(new_structures(np.random.default_rng()), arguments.genomes))
    course.stretch("gelu", arguments.steps)
    process, held, milliseconds, relative = psutil.Process(), [], [], []
    with place.bench() as bench:
        steady = bench.trainee("steady", shape=SHAPE)
        steady.run(arguments.steps)
        for genome in (*genomes, *genomes[:TAKEN_AGAIN]):
            seconds = usual(course.stretch(genome.formula, arguments.steps).cpu_seconds)
            relative.append(seconds / steady.run(arguments.steps).cpu_step_seconds)
            milliseconds.append(1000 * seconds)
            held.append(process.memory_info().rss / MEGABYTE)
    first, again = relative[:TAKEN_AGAIN], relative[arguments.genomes :]
    last = relative[arguments.genomes - TAKEN_AGAIN : arguments.genomes]
    paired = [late / early for late, early in zip(again, first, strict=True)]
    return {
        "structures": arguments.genomes,
        f"first {TAKEN_AGAIN} again over at first": spread(paired).model_dump(),
        f"last {TAKEN_AGAIN} over first": median(last) / median(first),
        "CPU ms a step": median(milliseconds),
        "MB after the first": held[0],
        "MB after the last": held[arguments.genomes - 1],
    }


if __name__ == "__main__":
    main()
