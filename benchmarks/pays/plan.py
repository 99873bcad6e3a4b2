"""Every run of the comparison, in the order in which it is made.

python -m benchmarks.pays.plan --corpora FOLDER [--scratch FOLDER] prints the table of core-hours.
"""

import argparse
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

from benchmarks.pays.arms import ABLATIONS, FIXED, population, straight
from benchmarks.pays.figures import (
    accepted_of,
    flops_of,
    formula_of,
    merged,
)
from benchmarks.pays.place import Place
from benchmarks.pays.specs import SHORT_OF_STEPS, Spec
from benchmarks.pays.tuning import MAIN, Results, best_change, contenders, tuned, tuning
from state.genome import parse

Specs = Iterator[Spec]

SEEDS = (0, 1, 2, 3, 4)
HEADLINE = ("symbio-auto", "gelu lineages distilled")
RETRAINED_STEPS = 6000
"""Of the runs that ask whether an accepted activation is better from scratch too."""
SECONDS_A_STEP = 0.045
SECONDS_AN_EVALUATION = 0.4
EVALUATIONS = {"train": 180, "phases": 460}
"""In 24,000 steps, means of weights included."""
BATTERY_SECONDS = 150


def plan(results: Results) -> Specs:
    """All of it. Some runs follow from the results of others, and stand where they will be made."""
    yield from first_seed()
    yield from tuning(MAIN, ("gelu", "swiglu"), results)
    yield from headline(MAIN, results, SEEDS[1:3], ("gelu", "swiglu"))
    yield from equal_flops(MAIN, results, SEEDS[:1])
    yield from short_of_steps(results, SEEDS[:3])
    yield from alone(MAIN, results)
    yield from short_of_text(("shakespeare-quarter", "prose-eighth"), results)
    yield from retrained(MAIN, results, SEEDS[:1])
    yield from tuning(MAIN, contenders(results), results)
    yield from headline(MAIN, results, SEEDS[1:], (*FIXED[:2], *contenders(results)))
    yield from equal_flops(MAIN, results, SEEDS[1:])
    yield from (
        population(MAIN, arm, seed) for seed in SEEDS[:3] for arm in ("random search", *ABLATIONS)
    )
    yield from short_of_text(("historic",), results)
    yield from short_of_steps(results, SEEDS[3:])
    yield from retrained(MAIN, results, SEEDS[1:3])


def first_seed() -> Specs:
    """Seed 0 of what the verdict is made of."""
    yield straight(MAIN, "gelu", 0)
    yield population(MAIN, "symbio-auto", 0)
    yield population(MAIN, "gelu lineages distilled", 0)
    yield from (straight(MAIN, name, 0) for name in FIXED[1:])


def headline(
    setting: str, results: Results, seeds: Sequence[int], activations: Sequence[str]
) -> Specs:
    """The arms that the verdict is made of; fixed activations as they were tuned."""
    for seed in seeds:
        yield from (population(setting, arm, seed) for arm in HEADLINE)
        yield from (tuned(setting, name, seed, results) for name in activations)


def short_of_text(settings: Sequence[str], results: Results) -> Specs:
    """Other texts that a run passes over often, seed by seed."""
    for setting in settings:
        yield from tuning(setting, ("gelu", "swiglu"), results)
    for seed in SEEDS[:3]:
        for setting in settings:
            yield population(setting, "symbio-auto", seed)
            yield tuned(setting, "gelu", seed, results)
            yield tuned(setting, "swiglu", seed, results)
            yield population(setting, "gelu lineages distilled", seed)


def short_of_steps(results: Results, seeds: Sequence[int]) -> Specs:
    """Texts that a run passes over a few times."""
    for setting in SHORT_OF_STEPS:
        yield from tuning(setting, ("gelu", "swiglu"), results)
        for seed in seeds:
            yield population(setting, "symbio-auto", seed)
            yield from (tuned(setting, name, seed, results) for name in ("gelu", "swiglu"))


def equal_flops(setting: str, results: Results, seeds: Sequence[int]) -> Specs:
    """Straight runs that have the FLOPs of the seed's run of symbio-auto, evaluations included."""
    for seed in seeds:
        for name in ("gelu", "swiglu"):
            plain = tuned(setting, name, seed, results)
            ours = results.get(population(setting, "symbio-auto", seed).key)
            theirs = results.get(plain.key)
            if ours is None or theirs is None or not flops_of(theirs):
                continue
            steps = ceil(plain.budget * flops_of(ours) / flops_of(theirs))
            arm = f"{name} at equal FLOPs"
            yield plain.model_copy(update={"arm": arm, "budget": steps})


def alone(setting: str, results: Results) -> Specs:
    """The activation that a run of symbio-auto ended with, straight: as it was tuned if it is one
    of the fixed ones, else with gelu's settings.
    """
    names = {parse(name).formula: name for name in FIXED}
    for seed in SEEDS:
        found = results.get(population(setting, "symbio-auto", seed).key)
        formula = formula_of(found) if found else None
        if formula is not None:
            name = names.get(formula, formula)
            change = best_change(setting, name if formula in names else "gelu", results)
            yield straight(setting, name, seed, change=change, arm="evolved activation alone")


def retrained(setting: str, results: Results, seeds: Sequence[int]) -> Specs:
    """Accepted activations and those whose place they took, from scratch."""
    for seed in seeds:
        found = results.get(population(setting, "symbio-auto", seed).key)
        pairs = accepted_of(found) if found else []
        for formula in dict.fromkeys(one for pair in pairs for one in pair):
            yield straight(setting, formula, seed, arm="retrained", budget=RETRAINED_STEPS)


def distinct(specs: Specs) -> list[Spec]:
    """Every run once, where it is first needed."""
    first: dict[str, Spec] = {}
    for spec in specs:
        first.setdefault(spec.key, spec)
    return list(first.values())


def core_minutes(spec: Spec) -> float:
    """Estimated from the measured times of a step and of an evaluation."""
    evaluations = EVALUATIONS[spec.mode] * spec.budget / 24_000
    seconds = spec.budget * SECONDS_A_STEP + evaluations * SECONDS_AN_EVALUATION
    return (seconds + (BATTERY_SECONDS if spec.mode == "phases" else 0)) / 60


def main() -> None:
    """Print core-hours by setting and arm, those that are done apart."""
    arguments = place_arguments(argparse.ArgumentParser(description=__doc__))
    results = Place(arguments.corpora, arguments.scratch).all_results()
    totals: dict[str, list[float]] = {}
    for spec in distinct(plan(results)):
        row = totals.setdefault(f"{spec.setting:18}{spec.arm}", [0, 0, 0.0])
        row[0] += 1
        row[1] += spec.key in results
        row[2] += core_minutes(spec) / 60
    for name, (runs, done, hours) in totals.items():
        print(f"{name:46}{runs:4.0f} runs, {done:3.0f} done {hours:7.2f} core-hours")
    sums = merged(list(totals.values()))
    print(f"{'all':46}{sums[0]:4.0f} runs, {sums[1]:3.0f} done {sums[2]:7.2f} core-hours")


def place_arguments(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Where texts and runs are, for every command of the comparison."""
    parser.add_argument("--corpora", type=Path, default=Path("data"), help="folder of the texts")
    parser.add_argument("--scratch", type=Path, default=Path("runs/pays"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
