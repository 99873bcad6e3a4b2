"""Reading the result of a run."""

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from benchmarks.pays.place import Result

Values = NDArray[np.float64]


def number(result: Result, name: str) -> float:
    """A figure of a result."""
    value = result[name]
    assert isinstance(value, int | float), name
    return float(value)


def bits_of(result: Result, split: str = "search") -> float:
    """Bits per byte on a split; infinite where the run failed."""
    if "failed" in result:
        return float("inf")
    nats, sizes = blocks_of(result, split).T
    return float(nats.sum() / sizes.sum()) / log(2)


def nats_of(result: Result, split: str) -> float:
    """Nats per token on a split."""
    measured = result[split]
    assert isinstance(measured, dict), split
    return number(measured, "nats_per_token")


def blocks_of(result: Result, split: str) -> Values:
    """[stretch, (nats, bytes)] in the order of the text."""
    measured = result[split]
    assert isinstance(measured, dict), split
    return np.array(measured["blocks"], dtype=np.float64).reshape(-1, 2)


def flops_of(result: Result) -> float:
    """Of training, teachers included, and of evaluation; 0 where the run failed."""
    if "failed" in result:
        return 0.0
    return number(result, "training_flops") + number(result, "evaluation_flops")


def formula_of(result: Result) -> str | None:
    """The activation of the run's model."""
    formula = result.get("formula")
    return formula if isinstance(formula, str) else None


def accepted_of(result: Result) -> list[tuple[str, str]]:
    """(accepted activation, the champion's whose place it took) in the order of acceptance."""
    rows = result.get("accepted", [])
    assert isinstance(rows, list)
    pairs = []
    for row in rows:
        assert isinstance(row, dict)
        pairs.append((str(row["formula"]), str(row["champion"])))
    return pairs


def merged(rows: Sequence[Sequence[float]]) -> list[float]:
    """Sums of the columns."""
    return [sum(column) for column in zip(*rows, strict=True)]
