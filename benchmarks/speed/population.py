"""Two members on two cores, or one member on both?

    python -m benchmarks.speed.population --data TEXT

Two processes of one thread each, which train at the same time, beside one process of two threads;
member-steps a second. One process of one thread says what the second core brings.
"""

import argparse

from pydantic import JsonValue

from benchmarks.speed.ratios import cpu_ms, speed_ratio, steps_per_second
from benchmarks.speed.shapes import SHAPES, Shape
from benchmarks.speed.turns import Subject, Together, interleaved
from benchmarks.speed.workplace import Workplace, block_seconds, finish, flags, workplace

ALL_CORES = "one process, a thread a core"


def main() -> None:
    """Measure both shapes."""
    parser = flags(__doc__, minutes=2)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    with workplace(arguments) as place:
        rows = [row for shape in SHAPES.values() for row in compared(place, shape, arguments)]
    finish("speed-population", rows, arguments, cores=arguments.cores)


def compared(
    place: Workplace, shape: Shape, arguments: argparse.Namespace
) -> list[dict[str, JsonValue]]:
    """The three ways of using the cores."""
    seconds = block_seconds(arguments.minutes, 2 * 3 * arguments.blocks)
    with place.bench() as bench:
        members = [
            bench.trainee(f"member {number}", shape=shape, seed=number)
            for number in range(arguments.cores)
        ]
        subjects: list[Subject] = [
            bench.trainee(ALL_CORES, shape=shape, threads=arguments.cores),
            Together("a process a core", members),
            bench.trainee("one process, one thread", shape=shape),
        ]
        timings = interleaved(subjects, arguments.blocks, seconds)
    alone = timings[ALL_CORES].blocks
    return [
        {
            "shape": shape.name,
            "cores are used by": name,
            "member-steps a second": steps_per_second(timing.blocks),
            "over one process on all cores": speed_ratio(timing.blocks, alone).model_dump(),
            "CPU ms a step": cpu_ms(timing.blocks),
        }
        for name, timing in timings.items()
    ]


if __name__ == "__main__":
    main()
