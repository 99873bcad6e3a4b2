"""What the plans of the study share: a run with the arm it belongs to, and the usual lineage."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from benchmarks.study.nulls import Nulls
from benchmarks.study.specs import Corpus, Panel, Spec
from benchmarks.study.trials import Trial

SEEDS = (0, 1, 2)
DROPOUT: dict[tuple[Corpus, int], float] = {
    ("historic", 24_000): 0.05,
    ("historic", 12_000): 0.1,
}
"""Chosen by the tuning runs; 0 where nothing is said."""

Work: TypeAlias = Spec | Panel | Trial | Nulls


class Job(NamedTuple):
    """A run or a measurement, and the arm it belongs to."""

    arm: str
    work: Work


Jobs: TypeAlias = Iterator[Job]


def lineage(corpus: Corpus, steps: int, seed: int, index: int, activation: str = "gelu") -> Spec:
    """An independent lineage with the dropout that suits its length."""
    return Spec(
        corpus=corpus,
        activation=activation,
        steps=steps,
        seed=seed,
        lineage=index,
        dropout=DROPOUT.get((corpus, steps), 0.0),
    )
