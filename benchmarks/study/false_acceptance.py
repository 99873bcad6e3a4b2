"""B: how often does the noise test accept a challenger whose gain is nothing but the batch order?

python -m benchmarks.study.false_acceptance --scratch FOLDER

Gains that were measured on five orders, less their mean, are gains of challengers that are no
better and no worse. Phases are drawn from them: replicate pairs, then generations of challengers
that share an order, and the confirmation on another one. With five orders a quarter of a gain
comes back on another order with the opposite sign, which makes the second test a little stricter
than it is. The close challengers of `nulls` have 200 generations each, and gain a little by
themselves; the same is done with their gains less that.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.collect import Result, all_results
from benchmarks.study.nulls import Nulls
from benchmarks.study.replicated import CHAMPION, ORDERS, bits
from benchmarks.study.short_plan import KNOWN, REPLICATED_STEPS, noise
from orchestrator.evolution.noise import gain_limit, reach, replicate_difference
from orchestrator.evolution_config import EvolutionConfig
from state.genome import distance, parse

PHASES, GENERATIONS = 400, 25
PAIRS, CHALLENGERS = (2, 4, 12), 3
WILD = "sin(6*x)"
"""Loses by thousands of times what others differ by; it is never accepted, and left out."""

Matrix = NDArray[np.float64]


def main() -> None:
    """Print what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    results = all_results(parser.parse_args().scratch)
    print("| steps | replicate pairs | generations | passed the first test | accepted |")
    print("|---|---|---|---|---|")
    for steps in REPLICATED_STEPS:
        gains, reached = centred(results, steps)
        for pairs in PAIRS:
            passed, accepted = simulate(gains, reached, pairs)
            total = PHASES * GENERATIONS
            shares = f"{100 * passed / total:.1f} % | {100 * accepted / total:.2f} %"
            print(f"| {steps} | {pairs} | {total} | {shares} |")
    print("\n".join(["", *drifts(results)]))


def drifts(results: Mapping[str, Result]) -> list[str]:
    """What the close challengers of `Nulls` gained by themselves, and what is left without it."""
    rows = ["| seed | challenger | mean gain | standard deviation | t |", "|---|---|---|---|---|"]
    tally: dict[int, list[int]] = {}
    for nulls, gains in close_gains(results):
        for name, own in zip(nulls.challengers, gains, strict=True):
            mean, sigma = float(own.mean()), float(own.std(ddof=1))
            t = mean / sigma * sqrt(len(own))
            rows.append(f"| {nulls.seed} | `{name}` | {mean:+.1e} | {sigma:.1e} | {t:+.1f} |")
        far = [reach(distance(parse(CHAMPION), parse(n)), nulls.steps) for n in nulls.challengers]
        for pairs in PAIRS:
            counts = tally.setdefault(pairs, [0, 0, 0])
            passed, accepted = simulate(gains - gains.mean(1, keepdims=True), np.array(far), pairs)
            for index, count in enumerate((PHASES * GENERATIONS, passed, accepted)):
                counts[index] += count
    rows += ["", "| pairs | generations | passed the first test | accepted |", "|---|---|---|---|"]
    for pairs, (total, passed, accepted) in tally.items():
        shares = f"{100 * passed / total:.1f} % | {100 * accepted / total:.2f} %"
        rows.append(f"| {pairs} | {total} | {shares} |")
    return rows


def close_gains(results: Mapping[str, Result]) -> Iterator[tuple[Nulls, Matrix]]:
    """The simulations that are in, and their gains [challenger, generation]."""
    for nulls in (job.work for job in noise()):
        result = results.get(nulls.key)
        if isinstance(nulls, Nulls) and result is not None:
            rows = np.array(result["generations"], dtype=np.float64)
            yield nulls, rows[:, 3:].T


def centred(results: Mapping[str, Result], steps: int) -> tuple[Matrix, Matrix]:
    """Gains less their mean over orders, with the variance of one order, [challenger, order]; and
    how far the noise of each challenger reaches.
    """
    own, names = bits(results, CHAMPION, steps), []
    rows = []
    for name in KNOWN:
        theirs = bits(results, name, steps)
        if name not in (CHAMPION, WILD) and len(theirs) == ORDERS == len(own):
            names.append(name)
            rows.append(np.array(own) - np.array(theirs))
    gains = np.array(rows)
    far = [reach(distance(parse(CHAMPION), parse(name)), steps) for name in names]
    noise = (gains - gains.mean(axis=1, keepdims=True)) * sqrt(ORDERS / (ORDERS - 1))
    return noise, np.array(far)


def simulate(noise: Matrix, reached: Matrix, pairs: int) -> tuple[int, int]:
    """Generations in which a challenger passed the first test, and in which one was accepted."""
    rng, passed, accepted = np.random.default_rng(pairs), 0, 0
    for _ in range(PHASES):
        differences = [_pair(rng, noise, reached) for _ in range(pairs)]
        for _ in range(GENERATIONS):
            first, second = _generation(rng, noise, reached, differences)
            passed, accepted = passed + first, accepted + second
    return passed, accepted


def _pair(rng: np.random.Generator, noise: Matrix, reached: Matrix) -> float:
    one = int(rng.integers(len(noise)))
    first, second = rng.choice(noise.shape[1], size=2, replace=False)
    return replicate_difference(noise[one, first], noise[one, second], reached[one])


def _generation(
    rng: np.random.Generator, noise: Matrix, reached: Matrix, differences: Sequence[float]
) -> tuple[bool, bool]:
    level = EvolutionConfig().false_acceptance
    first = gain_limit(differences, level=level, comparisons=CHALLENGERS)
    second = gain_limit(differences, level=level, comparisons=1)
    assert first is not None
    assert second is not None
    order, other = rng.choice(noise.shape[1], size=2, replace=False)
    chosen = rng.choice(len(noise), size=CHALLENGERS, replace=False)
    passing = [one for one in chosen if noise[one, order] > first * reached[one]]
    if not passing:
        return False, False
    best = max(passing, key=lambda one: float(noise[one, order]))
    return True, bool(noise[best, other] > second * reached[best])


if __name__ == "__main__":
    main()
