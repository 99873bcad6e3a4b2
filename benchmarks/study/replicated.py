"""B: how much the gain of a challenger moves with the order of the batches.

python -m benchmarks.study.replicated --scratch FOLDER

A challenger and its champion read the same batches, so the part of the order that moves both alike
cancels in their difference. Whole orders, which null pairs compare, do not cancel.
"""

import argparse
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

from benchmarks.study.collect import Result, all_results
from benchmarks.study.short_plan import KNOWN, MOTHER_STEPS, REPLICATED_STEPS
from benchmarks.study.specs import Spec
from benchmarks.study.tables import number
from benchmarks.study.trials import Trial

ORDERS = 5
CHAMPION = "gelu"


def main() -> None:
    """Print what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    results = all_results(parser.parse_args().scratch)
    print("\n".join(replicate_rows(results)))


def replicate_rows(results: Mapping[str, Result]) -> list[str]:
    """One row an activation and length: mean gain, its spread over orders, over that of orders."""
    rows = ["| steps | activation | gain, mean of orders | sd over orders | sd / twin difference |"]
    rows.append("|---|---|---|---|---|")
    for steps in REPLICATED_STEPS:
        own = bits(results, CHAMPION, steps)
        if len(own) < ORDERS:
            continue
        twins = sqrt(2) * stdev(own)
        for name in KNOWN:
            gains = [a - b for a, b in zip(own, bits(results, name, steps), strict=False)]
            if name == CHAMPION or len(gains) < ORDERS:
                continue
            rows.append(
                f"| {steps} | {name} | {fmean(gains):+.4f} | {stdev(gains):.4f} "
                f"| {stdev(gains) / twins:.2f} |"
            )
        rows.append(f"| {steps} | another order of {CHAMPION} | 0 | {twins:.4f} | 1 |")
    return rows


def bits(results: Mapping[str, Result], activation: str, steps: int) -> list[float]:
    """Bits per byte on each order, the first one that of the rankings."""
    mother = Spec(steps=MOTHER_STEPS, decay_from=1.0)
    trial = Trial(mother=mother, activation=activation, steps=steps)
    works = [trial, *(trial.model_copy(update={"order": n}) for n in range(1, ORDERS))]
    return [number(results[w.key], "bits_per_byte") for w in works if w.key in results]


if __name__ == "__main__":
    main()
