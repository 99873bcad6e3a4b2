"""How do time and memory grow with members, steps, parameters and text?

    python -m benchmarks.scaling.measure --data TEXT [--largest]

One thing is varied at a time, every point is a process of its own, and rounds follow each other so
that what the machine does meanwhile meets all points. A power law is fitted to all rounds; memory
is what the peak is above the libraries. Corpora are made of the text with other words in it, up to
64 MB or, with --largest, 1 GB (some 5 GB of disk for as long as it takes); all is deleted.
"""

import argparse
from collections.abc import Callable, Sequence

from pydantic import JsonValue

from benchmarks.scaling.grid import (
    CORPUS_MB,
    LARGEST_CORPUS_MB,
    SMALL,
    Found,
    measure,
    on_corpora,
    training_orders,
)
from benchmarks.scaling.point import Measured
from benchmarks.scaling.power_law import last_exponent, medians, power_law
from benchmarks.speed.workplace import Workplace, finish, flags, workplace

MEASURES: dict[str, Callable[[Measured], float | None]] = {
    "seconds": lambda one: one.seconds,
    "CPU seconds": lambda one: one.cpu_seconds,
    "ms a step": lambda one: one.step_ms,
    "MB above the libraries": lambda one: one.peak_mb - one.base_mb,
}


def main() -> None:
    """Measure every axis and show the laws."""
    parser = flags(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--axes", nargs="*", choices=("training", "corpus"))
    parser.add_argument("--corpus-mb", nargs="*", type=int, default=list(CORPUS_MB))
    parser.add_argument("--largest", action="store_true", help="corpora up to 1 GB too")
    parser.add_argument("--tokenizer", choices=("bpe", "char", "byte"), default="bpe")
    arguments = parser.parse_args()
    axes = arguments.axes or ("training", "corpus")
    found: list[Found] = []
    with workplace(arguments) as place:
        if "training" in axes:
            found += trained(place, arguments.rounds)
        if "corpus" in axes:
            found += prepared(place, arguments)
    points: list[JsonValue] = [
        {"axis": axis, **measured.model_dump(mode="json")} for axis, measured in found
    ]
    finish("scaling", laws(found), arguments, rounds=arguments.rounds, points=points)


def trained(place: Workplace, rounds: int) -> list[Found]:
    """Members, steps and parameters, round by round."""
    orders = list(training_orders(place.order(shape=SMALL)))
    return [Found(axis, measure(order)) for _ in range(rounds) for axis, order in orders]


def prepared(place: Workplace, arguments: argparse.Namespace) -> list[Found]:
    """Corpora of growing size."""
    text = arguments.data.read_text(encoding="utf-8")
    sizes = [*arguments.corpus_mb, *(LARGEST_CORPUS_MB if arguments.largest else ())]
    return list(on_corpora(text, sizes, arguments.tokenizer, place.folder, arguments.rounds))


def laws(found: Sequence[Found]) -> list[dict[str, JsonValue]]:
    """A power law for each axis and measure, with what was found at its ends."""
    rows = []
    for axis in dict.fromkeys(one.axis for one in found):
        points = [one.measured for one in found if one.axis == axis]
        for name, of in MEASURES.items():
            values = [value for one in points if (value := of(one)) is not None]
            if values:
                rows.append(law(axis, name, [one.amount for one in points], values))
    return rows


def law(
    axis: str, name: str, amounts: Sequence[float], values: Sequence[float]
) -> dict[str, JsonValue]:
    """One row."""
    fit, ends = power_law(amounts, values), medians(amounts, values)
    return {
        "grows with": axis,
        "what": name,
        "exponent": {"median": fit.exponent, "low": fit.low, "high": fit.high},
        "between the last two": last_exponent(amounts, values),
        "from": min(ends),
        "to": max(ends),
        "at least": ends[min(ends)],
        "at most": ends[max(ends)],
        "points": fit.points,
    }


if __name__ == "__main__":
    main()
