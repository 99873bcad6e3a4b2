"""What the charts of the study are fed: noise by kind, and the signals of real runs.

A value is an array [R] of R replications.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from math import sqrt
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.instruments.cusum_panel import Signals

Array = NDArray[np.float64]
Kind = Literal["iid", "ar.5", "t3", "ar.8 t3"]
NOISES: dict[Kind, tuple[float, int | None]] = {
    "iid": (0.0, None),
    "ar.5": (0.5, None),
    "t3": (0.0, 3),
    "ar.8 t3": (0.8, 3),
}
"""Autoregression, and degrees of freedom of its innovations; None is Gaussian."""
SHORTEST_LOG = 150
BURN_IN = 40


class Log(NamedTuple):
    """The steps of one model, in order."""

    folder: str
    name: str
    steps: list[Signals]
    rates: list[float]
    """Learning rate of each step."""


def noise(kind: Kind, replications: int, rng: np.random.Generator) -> Iterator[Array]:
    """Endless stationary values of mean 0 and variance 1."""
    correlation, freedom = NOISES[kind]
    value = np.zeros(replications)
    for age in count(1):
        if freedom is None:
            fresh = rng.standard_normal(replications)
        else:
            fresh = rng.standard_t(freedom, replications) * sqrt(1 - 2 / freedom)
        value = correlation * value + sqrt(1 - correlation * correlation) * fresh
        if correlation == 0 or age > BURN_IN:
            yield value


def read_logs(path: Path) -> list[Log]:
    """The members of a metrics.jsonl that trained long enough, each with its chunks joined.

    A member's chunks are the rows whose ids differ in the generation only; a key `val_loss`, if
    there is one, is the search loss that was new at that step.
    """
    members: dict[str, dict[int, tuple[Signals, float]]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = str(row["member_id"]).partition("-")[2] or str(row["member_id"])
        norm = None if row["skipped"] else row["grad_norm"]
        signals = Signals(norm, row["clip_pct"], row["tokens_per_sec"], row.get("val_loss"))
        members[name][row["step"]] = signals, row["learning_rate"]
    return [
        Log(path.parent.name, f"{path.stem}/{name}", *map(list, zip(*rows, strict=True)))
        for name, steps in members.items()
        if len(rows := [steps[step] for step in sorted(steps)]) >= SHORTEST_LOG
    ]


def columns(log: Log) -> dict[str, Array]:
    """The signals [steps] as the charts see them, NaN where there is no value."""
    grad, clip, throughput, val = np.array(log.steps, dtype=np.float64).T
    return {"grad": np.log(grad), "clip": clip, "throughput": np.log(throughput), "val": val}
