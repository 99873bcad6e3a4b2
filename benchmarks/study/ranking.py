"""B: how well short evaluations order the known activations.

python -m benchmarks.study.ranking --scratch FOLDER
"""

import argparse
from collections.abc import Mapping
from itertools import pairwise, product
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from scipy.stats import kendalltau

from benchmarks.study.collect import Result, all_results
from benchmarks.study.jobs import SEEDS, lineage
from benchmarks.study.nulls import Nulls
from benchmarks.study.short_plan import (
    KNOWN,
    LONG_PROXY_STEPS,
    MOTHER_STEPS,
    NARROW,
    PROXY_STEPS,
    TRIAL_STEPS,
    TRUTH_STEPS,
    noise,
)
from benchmarks.study.specs import Shape, Spec
from benchmarks.study.tables import number, spread
from benchmarks.study.trials import Trial
from benchmarks.study.workplace import setup_of
from state.genome import parse
from trainer.flops import forward_flops_per_token

Scores = Mapping[str, float]
"""Activation to bits per byte."""


class Method(NamedTuple):
    """A way to evaluate an activation."""

    name: str
    steps: int
    figure: str = "bits_per_byte"

    @property
    def title(self) -> str:
        """For tables."""
        return f"{self.name}{', mean of weights' if self.figure != 'bits_per_byte' else ''}"


METHODS = (
    *(Method("inherit", steps) for steps in TRIAL_STEPS),
    *(Method("inherit", steps, "mean_bits_per_byte") for steps in TRIAL_STEPS),
    *(Method("inherit, anneal", steps) for steps in TRIAL_STEPS),
    *(Method("proxy, narrow", steps) for steps in (*PROXY_STEPS, *LONG_PROXY_STEPS)),
    *(Method("proxy, short", steps) for steps in PROXY_STEPS),
)


CARRIED_STEPS = (20, 50, 100, 200)
CARRIED_POWERS = (0.5, 0.75, 1.0)


def main() -> None:
    """Print what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    results = all_results(parser.parse_args().scratch)
    tables = {
        "Truth": truth_rows(results),
        "Rankings": ranking_rows(results),
        "Two inherited evaluations, carried on to no cost of the change": carried_rows(results),
        "Noise test": null_rows(results),
    }
    for title, rows in tables.items():
        print(f"\n{title}\n")
        print("\n".join(rows))


def ranking_rows(results: Mapping[str, Result]) -> list[str]:
    """One row a method: agreement with the truth and regret, for one seed and for three."""
    true = mean_scores([truth(results, seed) for seed in SEEDS])
    rows = ["| evaluation | steps | share of full cost | tau, one seed | tau, three seeds "]
    rows[0] += "| regret, one seed | regret, three seeds |"
    rows.append("|---|---|---|---|---|---|---|")
    for method in METHODS:
        seeds = [scores(results, method, seed) for seed in SEEDS]
        if not all(len(one) == len(KNOWN) for one in (*seeds, true)):
            continue
        merged = mean_scores(seeds)
        rows.append(
            f"| {method.title} | {method.steps} | {cost_share(method):.3f} "
            f"| {spread([agreement(one, true) for one in seeds])} | {agreement(merged, true):.2f} "
            f"| {spread([regret(one, true) for one in seeds])} | {regret(merged, true):.4f} |"
        )
    return rows


def carried_rows(results: Mapping[str, Result]) -> list[str]:
    """What a change costs falls with the steps after it, as a power of them: do two readings tell
    what is left without it?
    """
    true = mean_scores([truth(results, seed) for seed in SEEDS])
    rows = ["| steps | falls as | tau, one seed | regret, one seed | first choice |"]
    rows.append("|---|---|---|---|---|")
    for (short, long), power in product(pairwise(CARRIED_STEPS), CARRIED_POWERS):
        growth = (long / short) ** power
        early, late = (
            [scores(results, Method("inherit", n), s) for s in SEEDS] for n in (short, long)
        )
        seeds = [carried(*pair, growth) for pair in zip(early, late, strict=True)]
        if not all(len(one) == len(KNOWN) for one in seeds):
            continue
        rows.append(
            f"| {short}, {long} | S^-{power:g} | {spread([agreement(one, true) for one in seeds])} "
            f"| {spread([regret(one, true) for one in seeds])} "
            f"| {', '.join(min(one, key=one.__getitem__) for one in seeds)} |"
        )
    return rows


def carried(early: Scores, late: Scores, growth: float) -> Scores:
    """The limit of `late` where what it lost beside `early` falls by `growth` as often as asked."""
    names = early.keys() & late.keys()
    return {name: (growth * late[name] - early[name]) / (growth - 1) for name in names}


def truth_rows(results: Mapping[str, Result]) -> list[str]:
    """The full-length results, best first, and how well one seed predicts the other two."""
    by_seed = [truth(results, seed) for seed in SEEDS]
    known = [name for name in KNOWN if all(name in one for one in by_seed)]
    rows = ["| activation | bits/byte | sd over seeds |", "|---|---|---|"]
    for name in sorted(known, key=lambda name: fmean(one[name] for one in by_seed)):
        values = [one[name] for one in by_seed]
        rows.append(f"| {name} | {fmean(values):.4f} | {stdev(values):.4f} |")
    if len(known) == len(KNOWN):
        others = [
            agreement(one, mean_scores([two for two in by_seed if two is not one]))
            for one in by_seed
        ]
        rows.append(f"\nOne seed against the mean of the others: tau {spread(others)}.")
    return rows


def null_rows(results: Mapping[str, Result]) -> list[str]:
    """Generations and false acceptances by the number of null pairs, whatever a gain is worth."""
    tally: dict[int, list[int]] = {}
    for job in noise():
        result = results.get(job.work.key)
        if result is None or not isinstance(job.work, Nulls):
            continue
        generations = result["generations"]
        assert isinstance(generations, list)
        for row in generations:
            assert isinstance(row, list)
            pairs, passed, accepted = (int(str(value)) for value in row[:3])
            counts = tally.setdefault(pairs, [0, 0, 0])
            counts[0] += 1
            counts[1] += passed > 0
            counts[2] += accepted
    rows = ["| null pairs | generations | passed the first test | accepted |", "|---|---|---|---|"]
    rows += [f"| {pairs} | {n} | {p} | {a} |" for pairs, (n, p, a) in sorted(tally.items())]
    return rows


def truth(results: Mapping[str, Result], seed: int) -> Scores:
    """Full-length bits per byte."""
    specs = {name: lineage("historic", TRUTH_STEPS, seed, 0, name) for name in KNOWN}
    return {
        n: number(results[s.key], "bits_per_byte") for n, s in specs.items() if s.key in results
    }


def scores(results: Mapping[str, Result], method: Method, seed: int) -> Scores:
    """What a method says."""
    works = {name: work(method, name, seed) for name in KNOWN}
    return {n: number(results[w.key], method.figure) for n, w in works.items() if w.key in results}


def work(method: Method, activation: str, seed: int) -> Trial | Spec:
    """The run behind a score."""
    if method.name.startswith("proxy"):
        shape = NARROW if method.name.endswith("narrow") else Shape()
        return Spec(steps=method.steps, seed=seed, activation=activation, shape=shape)
    mother = Spec(steps=MOTHER_STEPS, seed=seed, decay_from=1.0)
    anneal = method.name.endswith("anneal")
    return Trial(mother=mother, activation=activation, steps=method.steps, anneal=anneal)


def cost_share(method: Method) -> float:
    """FLOPs of one evaluation over those of a full-length run."""
    full, genome = Spec(steps=1), parse("gelu")
    shape = NARROW if method.name == "proxy, narrow" else Shape()
    each, whole = (
        forward_flops_per_token(setup_of(spec).model, genome)
        for spec in (full.model_copy(update={"shape": shape}), full)
    )
    return method.steps * each / (TRUTH_STEPS * whole)


def agreement(one: Scores, true: Scores) -> float:
    """Kendall's tau."""
    names = sorted(true)
    return float(kendalltau([one[n] for n in names], [true[n] for n in names]).statistic)


def regret(one: Scores, true: Scores) -> float:
    """Bits per byte lost by taking the method's first choice."""
    return true[min(one, key=lambda name: one[name])] - min(true.values())


def mean_scores(many: list[Scores]) -> Scores:
    """Mean over seeds of what every one of them has."""
    names = set.intersection(*(set(one) for one in many))
    return {name: fmean(one[name] for one in many) for name in names}


if __name__ == "__main__":
    main()
