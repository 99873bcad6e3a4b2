"""What would short paired trials choose as learning rate, dropout and weight decay, and what then?

A mother runs at its constant rate. From its weights, champion and challengers train on the same
batches; a challenger wins when the product's noise test says so. The same choices are then kept
for a longer stretch and through one decay to zero, which all of them share.

    python -m benchmarks.gene_bias --corpora FOLDER --scratch FOLDER
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import JsonValue

from benchmarks.recording import write_result
from benchmarks.study.specs import Spec
from benchmarks.study.training import Run, Student
from benchmarks.study.trials import bits_per_byte, train_step
from benchmarks.study.workplace import Workplace, setup_of
from orchestrator.evolution.noise import gain_limit, null_differences, sigma
from orchestrator.evolution_config import EvolutionConfig
from state.genome import parse
from state.tasks import BatchKey
from trainer.checkpoint import decode
from trainer.execution import reproducible
from trainer.member import StepSettings

MOTHER = Spec(steps=1000, dropout=0.1, decay_from=1.0)
CHALLENGERS: dict[str, dict[str, float]] = {
    "rate x .5": {"rate": 0.5},
    "dropout .1 to 0": {"dropout": 0.0},
    "weight decay .1 to 0": {"weight_decay": 0.0},
}
SHORT = (20, 35, 50)
"""Steps per candidate of the search phases."""
ORDERS = 8
"""Batch orders that the short trials are repeated on."""
KEPT, DECAY = 1000, 200
"""Steps that a choice is kept, and those of the decay that follows."""

Bits = dict[int, float]
"""Search bits per byte by number of steps."""


def course(
    workplace: Workplace,
    mother: Spec,
    changes: dict[str, float],
    order: int,
    steps: Sequence[int],
    decay_from: int | None = None,
) -> Bits:
    """The mother with these changes after so many steps on one batch order.

    From `decay_from` on the rate falls linearly to zero at the last of them.
    """
    spec = mother.model_copy(update=changes)
    setup = setup_of(spec)
    stored = decode(workplace.resumable(mother).read_bytes(), parse(spec.activation), setup.model)
    student = Student.from_checkpoint(setup, stored)
    assert isinstance(student, Student)
    student.model.set_dropout(spec.dropout)
    dataset = workplace.dataset(spec.corpus, spec.shape)
    key = BatchKey(seed=spec.seed, lineage=order, generation=0, purpose="trial")
    last, bits = max(steps), {}
    start = last if decay_from is None else decay_from
    for index in range(last):
        rate = (last - index) / (last - start) if index >= start else 1.0
        train_step(student, dataset, key, index, StepSettings(learning_rate=rate))
        if index + 1 in steps:
            bits[index + 1] = bits_per_byte(student.model, dataset)
    return bits


def short_trials(workplace: Workplace, mother: Spec) -> dict[str, JsonValue]:
    """How often each challenger wins at each number of steps."""
    champions = [course(workplace, mother, {}, order, SHORT) for order in range(ORDERS)]
    rows: dict[str, JsonValue] = {}
    for name, changes in CHALLENGERS.items():
        others = [course(workplace, mother, changes, order, SHORT) for order in range(ORDERS)]
        rows[name] = {
            str(steps): verdicts(
                [one[steps] for one in champions],
                [one[steps] - other[steps] for one, other in zip(champions, others, strict=True)],
            )
            for steps in SHORT
        }
        print(mother.seed, name, rows[name], flush=True)
    return rows


def verdicts(champions: Sequence[float], gains: Sequence[float]) -> dict[str, JsonValue]:
    """Wins of the first run among all challengers, and of it and the next order's run."""
    nulls, level = null_differences(champions), EvolutionConfig().false_acceptance
    first = gain_limit(nulls, level=level, comparisons=len(CHALLENGERS))
    again = gain_limit(nulls, level=level, comparisons=1)
    scale = sigma(nulls)
    assert first is not None
    assert again is not None
    assert scale is not None
    held = [
        gain > first and gains[(index + 1) % len(gains)] > again for index, gain in enumerate(gains)
    ]
    return {
        "sigma": round(scale, 5),
        "mean_gain": round(statistics.fmean(gains), 5),
        "gain_in_sigmas": round(statistics.fmean(gains) / scale, 2),
        "passed": sum(gain > first for gain in gains),
        "accepted": sum(held),
        "orders": len(gains),
    }


def long_trials(workplace: Workplace, mother: Spec) -> dict[str, JsonValue]:
    """Bits per byte of each choice kept, and at the end of the decay."""
    rows: dict[str, JsonValue] = {}
    marks = (50, 200, 500, KEPT, KEPT + DECAY)
    for name, changes in {"champion": {}, **CHALLENGERS}.items():
        bits = course(workplace, mother, changes, ORDERS, marks, decay_from=KEPT)
        rows[name] = {str(steps): round(value, 4) for steps, value in bits.items()}
        print(mother.seed, name, rows[name], flush=True)
    return rows


def main() -> None:
    """Train the mothers, try, and write results/gene-bias.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    workplace = Workplace(asked.corpora, asked.scratch)
    short: dict[str, JsonValue] = {}
    kept: dict[str, JsonValue] = {}
    torch.set_num_threads(1)
    for seed in range(asked.seeds):
        mother = MOTHER.model_copy(update={"seed": seed})
        if not workplace.resumable(mother).exists():
            Run(mother, workplace).train()
        with reproducible(1, "cpu"):
            short[str(seed)] = short_trials(workplace, mother)
            kept[str(seed)] = long_trials(workplace, mother)
    found: dict[str, JsonValue] = {
        "mother": MOTHER.model_dump(mode="json"),
        "kept": KEPT,
        "decay": DECAY,
        "short": short,
        "long": kept,
    }
    print(write_result("gene-bias", found))


if __name__ == "__main__":
    main()
