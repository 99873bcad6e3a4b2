"""What does bfloat16 bring, and what does it cost?

    python -m benchmarks.speed.precision --data TEXT

The same member in both, in processes that take turns and equal steps; the loss is that of the
last block, on the same batches.
"""

import argparse

from pydantic import JsonValue

from benchmarks.speed.ratios import cpu_ms, speed_ratio, steps_per_second
from benchmarks.speed.shapes import SHAPES, Shape
from benchmarks.speed.turns import interleaved
from benchmarks.speed.workplace import Workplace, block_seconds, finish, flags, workplace


def main() -> None:
    """Measure both shapes."""
    parser = flags(__doc__, minutes=2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    with workplace(arguments) as place:
        rows = [row for shape in SHAPES.values() for row in compared(place, shape, arguments)]
    finish("speed-precision", rows, arguments, threads=arguments.threads)


def compared(
    place: Workplace, shape: Shape, arguments: argparse.Namespace
) -> list[dict[str, JsonValue]]:
    """Both precisions; the loss after equal steps."""
    seconds = block_seconds(arguments.minutes, 2 * 2 * arguments.blocks)
    with place.bench() as bench:
        subjects = [
            bench.trainee(dtype, shape=shape, dtype=dtype, threads=arguments.threads)
            for dtype in ("float32", "bfloat16")
        ]
        timings = interleaved(subjects, arguments.blocks, seconds, equal=True)
    plain = timings["float32"].blocks
    return [
        {
            "shape": shape.name,
            "precision": name,
            "speed over float32's": speed_ratio(timing.blocks, plain).model_dump(),
            "CPU ms a step": cpu_ms(timing.blocks),
            "steps a second": steps_per_second(timing.blocks),
            "steps": sum(block.steps for block in timing.blocks),
            "loss of the last block": timing.blocks[-1].loss,
            "less float32's": timing.blocks[-1].loss - plain[-1].loss,
        }
        for name, timing in timings.items()
    ]


if __name__ == "__main__":
    main()
