"""What does a composed activation cost beside gelu?

    python -m benchmarks.speed.composed --data TEXT --activation FORMULA

The step of the same member with the one and with the other, in processes that take turns, one
thread. A second process with gelu says what two equal things differ by here.
"""

import argparse

from pydantic import JsonValue

from benchmarks.speed.ratios import cpu_ms, cpu_ratio, steps_per_second, time_ratio
from benchmarks.speed.shapes import SHAPES, Shape
from benchmarks.speed.turns import interleaved
from benchmarks.speed.workplace import Workplace, block_seconds, finish, flags, workplace
from state.genome import parse, size

TEN_NODES = "relu(x)*sigmoid(x) + silu(x)*tanh(x) + 0.5*sin(x)"


def main() -> None:
    """Measure both shapes."""
    parser = flags(__doc__, minutes=2)
    parser.add_argument("--activation", default=TEN_NODES)
    parser.add_argument("--recipe", choices=("modern", "classic"), default="modern")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    with workplace(arguments) as place:
        rows = [row for shape in SHAPES.values() for row in compared(place, shape, arguments)]
    nodes = size(parse(arguments.activation)).nodes
    told: dict[str, JsonValue] = {"activation": arguments.activation, "nodes": nodes}
    finish("speed-composed", rows, arguments, **told, threads=arguments.threads)


def compared(
    place: Workplace, shape: Shape, arguments: argparse.Namespace
) -> list[dict[str, JsonValue]]:
    """The composed activation and a second gelu, over gelu."""
    activations = {"gelu": "gelu", "gelu again": "gelu", "composed": arguments.activation}
    seconds = block_seconds(arguments.minutes, 2 * 3 * arguments.blocks)
    common = {"shape": shape, "recipe": arguments.recipe, "threads": arguments.threads}
    with place.bench() as bench:
        subjects = [
            bench.trainee(name, activation=formula, **common)
            for name, formula in activations.items()
        ]
        timings = interleaved(subjects, arguments.blocks, seconds)
    plain = timings["gelu"].blocks
    return [
        {
            "shape": shape.name,
            "activation": name,
            "time over gelu's": time_ratio(timing.blocks, plain).model_dump(),
            "CPU time over gelu's": cpu_ratio(timing.blocks, plain).model_dump(),
            "CPU ms a step": cpu_ms(timing.blocks),
            "steps a second": steps_per_second(timing.blocks),
            "first step, s": timing.first_step_seconds,
        }
        for name, timing in timings.items()
    ]


if __name__ == "__main__":
    main()
