"""Does an adaptive operator mix pay, and does TPE beat random perturbation of the constants?

On the landscapes of `benchmarks.landscape`, where an evaluation costs nothing.

    python -m benchmarks.operator_mix
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from math import sqrt
from unittest.mock import patch

import numpy as np
from pydantic import JsonValue

from benchmarks.landscape import CONFIG, HEIGHT, Search
from benchmarks.recording import write_result
from orchestrator.evolution import draw
from orchestrator.evolution.operator_mix import DRAWN, DrawnOperator, record_outcomes, weights
from orchestrator.run_state import OperatorTally
from state.genome import parse, retune, skeleton
from state.records import Genome
from state.seeds import generator

TARGETS = (
    "relu(x)*relu(x)",
    "0.8*silu(x)*relu(x) + 0.2*x",
    "0.5*x + 0.7*sin(x)",
    "x*tanh(x)",
    "0.4*abs(x) + 0.5*tanh(x)",
    "glu(0.7*silu(x) + 0.4*x)",
)
FORMS = (
    "0.8*silu(x)*relu(x) + 0.2*x",
    "0.7*gelu(x) + 0.3*x + 0.15*sin(x)",
    "0.9*silu(x) + 0.1*abs(x) - 0.2*tanh(x) + 0.3*x*relu(x)",
    "gelu(x)",
)
"""Whose constants are to be found; 2, 3, 4 and 1 of them."""
OFFSETS = (0.15, 0.4, 0.8)
"""Standard deviation of the best constants about the first ones."""
GENERATIONS = 40
REACHED = 0.2
"""Share of the start's distance at which the target counts as reached."""
Rule = Callable[[Sequence[OperatorTally], float], list[float]]


def even(tallies: Sequence[OperatorTally], floor: float) -> list[float]:
    """The same share for every operator."""
    del tallies
    return weights((), floor)


def former(tallies: Sequence[OperatorTally], floor: float) -> list[float]:
    """Eight mutations evenly and a fifth crossover; neither graft nor tune."""
    del tallies, floor
    return [0.2 if name == "crossover" else 0.1 * (name in DRAWN[:8]) for name in DRAWN]


def pursuit(tallies: Sequence[OperatorTally], floor: float) -> list[float]:
    """The best operator has all that the floors leave, as adaptive pursuit ends."""
    matched = weights(tallies, 0.0)
    best = [share == max(matched) for share in matched]
    rest = 1 - floor * len(DRAWN)
    return [floor + rest * is_best / sum(best) for is_best in best]


def only(operator: DrawnOperator, tallies: Sequence[OperatorTally], floor: float) -> list[float]:
    """Nothing but one operator."""
    del tallies, floor
    return [float(name == operator) for name in DRAWN]


RULES: dict[str, Rule] = {
    "even": even,
    "matching": weights,
    "pursuit": pursuit,
    "former": former,
}


def rules(seeds: int) -> dict[str, JsonValue]:
    """Every rule on every target, paired by seed."""
    times: dict[str, list[float]] = {}
    rows: dict[str, JsonValue] = {}
    for name, rule in RULES.items():
        traces = []
        for target, seed in product(TARGETS, range(seeds)):
            with patch.object(draw, "weights", rule):
                search = Search(parse("gelu"), parse(target), seed)
                traces.append(search.run(GENERATIONS, until=REACHED * HEIGHT))
        times[name] = [float(len(trace)) for trace in traces]
        rows[name] = {
            "generations": summary(times[name]),
            "unreached": sum(trace[-1] > REACHED * HEIGHT for trace in traces),
            "runs": len(traces),
            "generations_by_target": by_target(times[name], seeds),
            "generations_less_even": paired(times[name], times["even"]),
        }
        print(name, rows[name], flush=True)
    return rows


def tuning(seeds: int) -> dict[str, JsonValue]:
    """Heights after 6, 12, 24 and 48 challengers that change constants only."""
    rows: dict[str, JsonValue] = {}
    operators: tuple[DrawnOperator, ...] = ("perturb_constant", "tune")
    for offset, operator in product(OFFSETS, operators):
        traces = []
        for form, seed in product(FORMS, range(seeds)):
            with patch.object(draw, "weights", partial(only, operator)):
                target = shifted(parse(form), offset, seed)
                traces.append(Search(parse(form), target, seed).run(8))
        after = {6 * g: [trace[g - 1] for trace in traces] for g in (1, 2, 4, 8)}
        rows[f"{operator} {offset}"] = {str(n): summary(one) for n, one in after.items()}
        print(offset, operator, {n: summary(one)["mean"] for n, one in after.items()}, flush=True)
    return rows


def shifted(genome: Genome, offset: float, seed: int) -> Genome:
    """The same skeleton with constants elsewhere."""
    rng = generator(seed, "shifted", genome.formula, str(offset))
    old = np.array(skeleton(genome).constants)
    new = [round(value, 3) for value in (old + offset * rng.normal(size=len(old))).tolist()]
    child = retune(genome, new, max_depth=64, max_nodes=64)
    assert child is not None
    return child.genome


def by_target(values: Sequence[float], seeds: int) -> dict[str, JsonValue]:
    """Mean of each target."""
    groups = [values[start : start + seeds] for start in range(0, len(values), seeds)]
    return {
        name: round(statistics.fmean(group), 2) for name, group in zip(TARGETS, groups, strict=True)
    }


def paired(values: Sequence[float], others: Sequence[float]) -> dict[str, JsonValue]:
    """Mean of the differences with the half width of its 95 % interval."""
    differences = [one - other for one, other in zip(values, others, strict=True)]
    error = statistics.stdev(differences) / sqrt(len(differences))
    return {"mean": round(statistics.fmean(differences), 3), "half_width": round(1.96 * error, 3)}


def summary(values: Sequence[float]) -> dict[str, JsonValue]:
    """Mean, standard deviation and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return {
        "mean": round(statistics.fmean(values), 3),
        "deviation": round(statistics.stdev(values), 3),
        "quartiles": [round(low, 3), round(middle, 3), round(high, 3)],
    }


def wandering(rule: Rule, offset: float, challengers: int, seeds: int) -> dict[str, JsonValue]:
    """How far shares are from even, generations 20 to 100, when all operators are alike.

    `offset`: sigmas that every child is better than its champion.
    """
    apart, largest, least = [], [], []
    for seed in range(seeds):
        rng = generator(seed, "wandering", challengers)
        tallies: tuple[OperatorTally, ...] = ()
        for generation in range(100):
            shares = rule(tallies, CONFIG.operator_floor)
            names = [DRAWN[index] for index in rng.choice(len(DRAWN), challengers, p=shares)]
            # Challengers of one lineage share their champion's noise.
            champions = np.repeat(rng.normal(size=3), challengers // 3)
            gains = offset + (champions - rng.normal(size=challengers)) / sqrt(2)
            tallies = record_outcomes(tallies, zip(names, gains.tolist(), strict=True))
            if generation >= 20:
                apart.append(float(np.std(shares)))
                largest.append(max(shares))
                least.append(min(shares))
    return {
        "deviation_from_even": round(statistics.fmean(apart), 4),
        "largest_share_95": round(float(np.quantile(largest, 0.95)), 4),
        "least_share_5": round(float(np.quantile(least, 0.05)), 4),
    }


def main() -> None:
    """Simulate and write results/operator-mix.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    seeds = parser.parse_args().seeds
    cases = product(("matching", "pursuit"), (0.0, -1.5), (3, 9))
    alike: dict[str, JsonValue] = {
        f"{name}, children {offset} sigmas better, {count} challengers": wandering(
            RULES[name], offset, count, 100
        )
        for name, offset, count in cases
    }
    found: dict[str, JsonValue] = {
        "operators": list(DRAWN),
        "floor": CONFIG.operator_floor,
        "all_alike": alike,
        "seeds": seeds,
        "constants": tuning(seeds),
        "rules": rules(seeds),
    }
    path = write_result("operator-mix", found)
    print(path)


if __name__ == "__main__":
    main()
