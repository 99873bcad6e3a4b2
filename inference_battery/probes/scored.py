"""What a probe says of one sample."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inference_battery.reference import Reference
from state.records import Sample

LEAST_LENGTH = 64
"""Characters; where an empty text is a fault, it counts as this much."""


class Scored(NamedTuple):
    """A score in [0, 1] and how much it counts."""

    score: float
    weight: float = 1.0


NOT_ASKED = Scored(0.0, 0.0)

Probe = Callable[[Sequence[Sample], Reference], list[Scored]]


def each(
    samples: Sequence[Sample], rate: Callable[[Sample], float], least_length: int = 1
) -> list[Scored]:
    """Rate every plain sample by itself, empty ones at 0; each counts by its length."""
    return [
        Scored(
            min(1.0, max(0.0, rate(one))) if one.text.strip() else 0.0,
            max(least_length, len(one.text)),
        )
        if one.kind == "plain"
        else NOT_ASKED
        for one in samples
    ]
