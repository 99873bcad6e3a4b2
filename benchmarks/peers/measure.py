"""How fast do we train beside nanoGPT on the same cores?

    python -m benchmarks.peers.measure --data tinyshakespeare.txt --nanogpt CHECKOUT

Same shapes, batches and text by characters; a process each, in turn. nanoGPT as it is and under
torch.compile, in float32 and in bfloat16 under autocast; ours as the recipe `classic`, which is
the same architecture, and as `modern`. The ratio is tokens a second of ours over the faster one of
nanoGPT's two. Compiling is not in the blocks; the first step, which waits for it, is told beside.

Each side is as its users have it. Our vocabulary holds every byte, so that our head is wider, or
`--vocabulary ours` for both. `classic` has GPT-2's biases and nanoGPT by default none, or `--bias`.
Our threads spin for less time when they wait, which is much on a busy machine, or `--spin ours`.
"""

import argparse
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
from pydantic import JsonValue

from benchmarks.peers.nanogpt import Peer
from benchmarks.speed.ratios import cpu_ms, cpu_ratio, speed_ratio, steps_per_second
from benchmarks.speed.shapes import SHAPES, Precision
from benchmarks.speed.turns import Process, Timing, interleaved
from benchmarks.speed.workplace import Bench, Workplace, block_seconds, finish, flags, workplace
from state.run_folder import RunFolder
from trainer.config import Recipe
from trainer.data import Dataset

SPIN = {"GOMP_SPINCOUNT": "3000"}
"""What our workers set for OpenMP."""
EAGER, COMPILED = "nanoGPT", "nanoGPT compiled"
RECIPES: tuple[Recipe, ...] = ("classic", "modern")
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def main() -> None:
    """Measure every case and show one table."""
    arguments = parser().parse_args()
    cases = list(product(arguments.shapes, arguments.threads, arguments.precisions))
    rows: list[dict[str, JsonValue]] = []
    with workplace(arguments) as place:
        characters = written_characters(place)
        seconds = block_seconds(arguments.minutes, 4 * arguments.blocks * len(cases))
        for shape, threads, precision in cases:
            order = Peer(
                folder=str(arguments.nanogpt.resolve()),
                tokens=str(place.folder / "characters.bin"),
                vocab_size=place.manifest.vocab_size
                if arguments.vocabulary == "ours"
                else characters,
                shape=SHAPES[shape],
                dtype=precision,
                threads=threads,
                bias=arguments.bias,
            )
            with place.bench() as bench:
                spin = SPIN if arguments.spin == "ours" else {}
                subjects = opened(bench, order, place.folder, arguments.activation, spin)
                timings = interleaved(subjects, arguments.blocks, seconds)
            rows += table(order, {one.name: one.parameters for one in subjects}, timings)
            print(f"{shape}, {threads} threads, {precision}: done", flush=True)
    told: dict[str, JsonValue] = {"activation": arguments.activation, "bias": arguments.bias}
    told |= {"vocabulary": arguments.vocabulary, "spin": arguments.spin}
    finish("peers", rows, arguments, **told)


def parser() -> argparse.ArgumentParser:
    """The flags."""
    found = flags(__doc__, minutes=12)
    found.add_argument("--nanogpt", type=Path, required=True, help="a checkout")
    found.add_argument("--activation", default="gelu", help="ours; nanoGPT keeps gelu")
    found.add_argument("--shapes", nargs="*", default=list(SHAPES), choices=SHAPES)
    found.add_argument("--threads", nargs="*", type=int, default=[2, 1])
    found.add_argument("--precisions", nargs="*", default=PRECISIONS, choices=PRECISIONS)
    found.add_argument("--vocabulary", choices=("own", "ours"), default="own", help="nanoGPT's")
    found.add_argument("--spin", choices=("own", "ours"), default="own", help="nanoGPT's")
    found.add_argument("--bias", action="store_true", help="nanoGPT with GPT-2's biases")
    return found


def opened(
    bench: Bench, order: Peer, folder: Path, activation: str, spin: Mapping[str, str]
) -> list[Process]:
    """The two of nanoGPT's and the two of ours."""
    processes = []
    for name, compiled in ((EAGER, False), (COMPILED, True)):
        peer = order.model_copy(update={"compiled": compiled})
        # An empty cache, so that compiling is paid for once in each case.
        cache = folder / f"inductor-{order.shape.name}-{order.dtype}-{order.threads}"
        environment = {**spin, "TORCHINDUCTOR_CACHE_DIR": str(cache)}
        processes.append(bench.process(name, "benchmarks.peers.nanogpt", peer, environment))
    common = {"shape": order.shape, "dtype": order.dtype, "threads": order.threads}
    for recipe in RECIPES:
        name = f"ours, {recipe}"
        processes.append(bench.trainee(name, recipe=recipe, activation=activation, **common))
    return processes


def table(
    order: Peer, parameters: Mapping[str, int], timings: Mapping[str, Timing]
) -> list[dict[str, JsonValue]]:
    """One row for each of what was timed."""
    best = fastest(timings)
    return [
        {
            "shape": order.shape.name,
            "threads": order.threads,
            "precision": order.dtype,
            "who": name,
            "parameters": parameters[name],
            "tokens a second": order.shape.tokens * steps_per_second(timing.blocks),
            "over nanoGPT's best": speed_ratio(timing.blocks, best.blocks).model_dump(),
            "CPU time over it": cpu_ratio(timing.blocks, best.blocks).model_dump(),
            "CPU ms a step": cpu_ms(timing.blocks),
            "first step, s": timing.first_step_seconds,
        }
        for name, timing in timings.items()
    ]


def fastest(timings: Mapping[str, Timing]) -> Timing:
    """The faster one of nanoGPT's two."""
    return max(
        (timings[name] for name in (EAGER, COMPILED)),
        key=lambda timing: steps_per_second(timing.blocks),
    )


def written_characters(place: Workplace) -> int:
    """Write the train split as numbers of characters; how many characters there are in all."""
    dataset = Dataset(RunFolder(place.run_folder).data)
    train = np.frombuffer(dataset.text("train").encode("utf-32-le"), dtype="<u4")
    rest = np.frombuffer(dataset.text("search").encode("utf-32-le"), dtype="<u4")
    characters = np.union1d(train, rest)
    numbers = np.searchsorted(characters, train).astype(np.uint16)
    numbers.tofile(place.folder / "characters.bin")
    return len(characters)


if __name__ == "__main__":
    main()
