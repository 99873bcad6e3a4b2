"""Where does a step spend its time, and how near is it to what the core can do?

    python -m benchmarks.speed.profile --data TEXT --save

The steps of one member in this process, one thread, under torch's profiler: time by operation,
without that of the operations which it calls. Beside it, in the same process and before and after,
the rate of one large matrix product in the same precision, and the rate at which the step's own
products ran. The profiler takes a few percent itself.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from pydantic import JsonValue
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed.shapes import SHAPES, Precision, Shape, Trainee
from benchmarks.speed.trainee import trained
from benchmarks.speed.workplace import Workplace, finish, flags, workplace
from state.genome import parse
from trainer.config import Recipe
from trainer.execution import reproducible
from trainer.flops import training_flops_per_step

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
LISTED = 8
WARM_STEPS = 3
CEILING_SIZE, CEILING_REPEATS = 1024, 6
CASES: tuple[tuple[Recipe, Precision], ...] = (
    ("classic", "float32"),
    ("classic", "bfloat16"),
    ("modern", "float32"),
)


def main() -> None:
    """Profile both shapes."""
    parser = flags(__doc__, minutes=2)
    parser.add_argument("--steps", type=int, default=40, help="of the small shape")
    arguments = parser.parse_args()
    with workplace(arguments) as place:
        rows = [
            profiled(place, shape, recipe, dtype, arguments)
            for shape in SHAPES.values()
            for recipe, dtype in CASES
        ]
    finish("speed-profile", rows, arguments, threads=1)


def profiled(
    place: Workplace,
    shape: Shape,
    recipe: Recipe,
    dtype: Precision,
    arguments: argparse.Namespace,
) -> dict[str, JsonValue]:
    """Shares of one case's steps."""
    trainee = place.order(shape=shape, recipe=recipe, dtype=dtype)
    steps = max(2, arguments.steps * SHAPES["4x128"].dim ** 2 // shape.dim**2)
    with reproducible(1, "cpu", deterministic=trainee.setup().deterministic):
        take, _ = trained(trainee)
        take(WARM_STEPS)
        rates = [matrix_rate(dtype)]
        by_name = times(partial(take, steps))
        rates.append(matrix_rate(dtype))
    whole = sum(by_name.values())
    in_products = sum(by_name[name] for name in PRODUCTS)
    rate = product_flops(trainee) * steps / in_products
    return {
        "shape": shape.name,
        "recipe": recipe,
        "precision": dtype,
        "ms a step": 1000 * whole / steps,
        "share in matrix products": in_products / whole,
        "their rate over that of a large one": rate / max(rates),
        "others": ", ".join(
            f"{name.removeprefix('aten::')} {100 * seconds / whole:.1f} %"
            for name, seconds in by_name.most_common(LISTED)
            if name not in PRODUCTS
        ),
    }


def times(work: Callable[[], float]) -> Counter[str]:
    """Seconds by operation, each without those that it calls."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        work()
    return Counter(
        {event.key: event.self_cpu_time_total / 1e6 for event in profiler.key_averages()}
    )


def product_flops(trainee: Trainee) -> float:
    """Of a step's products; attention is a kernel of its own and no product here."""
    setup, shape = trainee.setup(), trainee.shape
    whole = training_flops_per_step(setup.model, parse(trainee.activation), shape.tokens)
    attention = 3 * 2.0 * shape.layers * 2 * shape.block * shape.dim * shape.tokens
    return whole - attention


def matrix_rate(dtype: Precision) -> float:
    """Floating-point operations a second of a large product, the best of a few."""
    kind = torch.float32 if dtype == "float32" else torch.bfloat16
    left, right = (torch.ones(CEILING_SIZE, CEILING_SIZE, dtype=kind) for _ in range(2))
    best = float("inf")
    for _ in range(CEILING_REPEATS):
        begun = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - begun)
    return 2.0 * CEILING_SIZE**3 / best


if __name__ == "__main__":
    main()
