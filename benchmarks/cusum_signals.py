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

    name: str
    steps: list[Signals]


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
    members: dict[str, dict[int, Signals]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = str(row["member_id"]).partition("-")[2] or str(row["member_id"])
        members[name][row["step"]] = Signals(
            row["grad_norm"], row["clip_pct"], row["tokens_per_sec"], row.get("val_loss")
        )
    return [
        Log(f"{path.parent.name}/{path.stem}/{name}", [steps[step] for step in sorted(steps)])
        for name, steps in members.items()
        if len(steps) >= SHORTEST_LOG
    ]


def columns(log: Log) -> dict[str, Array]:
    """The signals [steps] that come at every step, as the charts see them."""
    rows = np.array([step[:3] for step in log.steps], dtype=np.float64)
    return {"grad": np.log(rows[:, 0]), "clip": rows[:, 1], "throughput": np.log(rows[:, 2])}
