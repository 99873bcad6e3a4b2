"""What does the search make of {silu, relu, gelu, identity, square} on real text?

    python -m benchmarks.planted_text --corpora FOLDER --seeds 10 --budget 6000

Counts the runs whose winner is gated or within .1 of ReLU squared, which people found by hand,
beside as many runs of random draws. Runs are kept and go on as those of `benchmarks.pays` do; their
test splits stay shut.
"""

import argparse
from collections.abc import Iterator

from benchmarks.pays.arms import population
from benchmarks.pays.figures import bits_of, formula_of
from benchmarks.pays.place import Place, Result
from benchmarks.pays.plan import place_arguments
from benchmarks.pays.specs import SETTINGS, Settings, Spec
from benchmarks.pays.work import take
from orchestrator.settings import merge
from state.genome import distance, is_gated, parse

ARMS = ("symbio-auto", "random search")
LEAVES = ("silu", "relu", "gelu", "x", "x*x")
"""What the lineages begin with."""
NEAR = 0.1
RELU_SQUARED = parse("relu2")


def main() -> None:
    """Make what is missing, then print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=6000)
    parser.add_argument("--setting", choices=SETTINGS, default="historic")
    arguments = place_arguments(parser)
    place = Place(arguments.corpora, arguments.scratch)
    specs = list(asked(arguments.setting, arguments.seeds, arguments.budget))
    for spec in specs:
        take(spec, place)
    results = place.all_results()
    for arm in ARMS:
        keys = [spec.key for spec in specs if spec.arm == arm]
        found = [results[key] for key in keys if key in results]
        print(counted(arm, found))


def asked(setting: str, seeds: int, budget: int) -> Iterator[Spec]:
    """Both arms, seed by seed; each seed's lineages begin at another place of `LEAVES`."""
    for seed in range(seeds):
        turn = seed % len(LEAVES)
        begin: Settings = {"evolution": {"activation": [*LEAVES[turn:], *LEAVES[:turn]]}}
        for arm in ARMS:
            plain = population(setting, arm, seed)
            settings = merge(plain.settings, begin)
            yield plain.model_copy(update={"budget": budget, "settings": settings})


def counted(arm: str, found: list[Result]) -> str:
    """One line an arm."""
    formulas = [formula for one in found if (formula := formula_of(one))]
    hits = sum(is_hit(formula) for formula in formulas)
    bits = sorted(bits_of(one) for one in found)
    middle = f"{bits[len(bits) // 2]:.4f}" if bits else "-"
    return f"{arm}: {hits} of {len(formulas)}, median {middle}; {', '.join(formulas)}"


def is_hit(formula: str) -> bool:
    """Gated, or next to ReLU squared."""
    genome = parse(formula)
    return is_gated(genome) or distance(genome, RELU_SQUARED) < NEAR


if __name__ == "__main__":
    main()
