"""What does a switch of the activation cost?

    python -m benchmarks.speed.switching --data TEXT

One member in this process switches, with no morph, to a structure that it has not seen, and to the
same with other constants. A switch costs time between two steps (the first batch is measured
before and after, the model is rebuilt, a new structure is compiled) and may make the first step
after it longer than a usual one. Structures are drawn anew every time, so that no cache knows them.
"""

import argparse
from statistics import median

import numpy as np
from pydantic import JsonValue

from benchmarks.speed.genomes import new_structures, with_other_constants
from benchmarks.speed.laps import Course, Laps
from benchmarks.speed.ratios import spread
from benchmarks.speed.shapes import SHAPES, Shape
from benchmarks.speed.workplace import Workplace, finish, flags, workplace
from state.run_folder import RunFolder
from trainer.data import Dataset
from trainer.execution import reproducible

WARM_STEPS = 2
"""After a switch, which are no usual ones."""


def main() -> None:
    """Measure both shapes."""
    parser = flags(__doc__)
    parser.add_argument("--switches", type=int, default=7, help="of each kind and shape")
    parser.add_argument("--steps", type=int, default=7, help="between two switches")
    arguments = parser.parse_args()
    with workplace(arguments) as place, reproducible(1, "cpu"):
        rows = [row for shape in SHAPES.values() for row in switched(place, shape, arguments)]
    finish("speed-switching", rows, arguments)


def switched(
    place: Workplace, shape: Shape, arguments: argparse.Namespace
) -> list[dict[str, JsonValue]]:
    """Both kinds of switches, in turn."""
    rng = np.random.default_rng()
    course = Course(place.order(shape=shape), Dataset(RunFolder(place.run_folder).data))
    course.stretch("gelu", arguments.steps)
    found: dict[str, list[Laps]] = {"not seen": [], "seen, other constants": []}
    for genome in new_structures(rng):
        other = with_other_constants(genome, rng)
        if other is None:
            continue
        for kind, formula in zip(found, (genome.formula, other.formula), strict=True):
            found[kind].append(course.stretch(formula, arguments.steps))
        if len(found["not seen"]) == arguments.switches:
            break
    return [
        {
            "shape": shape.name,
            "structure": kind,
            "switches": len(laps),
            "seconds at the boundary": spread([one.boundary_seconds for one in laps]).model_dump(),
            "first step over a usual one": spread([first_step(one) for one in laps]).model_dump(),
            "usual step, CPU ms": 1000 * median(usual(one.cpu_seconds) for one in laps),
        }
        for kind, laps in found.items()
    ]


def first_step(laps: Laps) -> float:
    """The first step of a stretch over its usual one."""
    return laps.seconds[0] / usual(laps.seconds)


def usual(seconds: list[float]) -> float:
    """Median of the steps that are not right after the switch."""
    return median(seconds[WARM_STEPS:])


if __name__ == "__main__":
    main()
